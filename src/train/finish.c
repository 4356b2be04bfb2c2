/* Scores of the best weights, and what the training took. */
#include "train/finish.h"
#include "core/file.h"
#include "core/json.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/system.h"
#include "model/score.h"
#include "model/temperature.h"
#include "net/onednn/processor.h"
#include "recipe/use.h"
#include "run/predictions.h"
#include "run/scores.h"
#include "train/members.h"

#include <stdlib.h>
#include <sys/resource.h>

/* Of best.safetensors. */
typedef struct scored_classes {
  mixent_class_count *test, *validation; /* [classes] each */
} scored_classes;

static json_t *scores_to_json(const mixent_trainer *trainer, const mixent_scores *scores,
                              const mixent_class_count *counts) {
  json_t *json = mixent_scores_to_json(scores);
  mixent_json_set(&json, "classes",
                  mixent_score_classes_to_json(counts, trainer->classes, trainer->dataset->class_names));
  return json;
}

static json_t *summary_to_json(const mixent_trainer *trainer, const mixent_train_summary *summary,
                               const scored_classes *counts) {
  const mixent_recipe *recipe = &trainer->recipe;
  char cpu[256];
  mixent_processor_name(cpu, sizeof cpu);
  json_t *json = json_object();
  mixent_json_set(&json, "recipe", json_string(recipe->name));
  mixent_json_set(&json, "data", json_string(trainer->dataset->name));
  mixent_json_set(&json, "samples", json_string(summary->samples));
  mixent_json_set(&json, "net", json_string(mixent_graph_name(trainer->graph)));
  mixent_json_set(&json, "loss", json_string(mixent_loss_names[recipe->loss_kind]));
  mixent_json_set(&json, "seed", json_integer(recipe->seed));
  mixent_json_set(&json, "select", json_string(mixent_option_find("select")->choices[recipe->select]));
  mixent_json_set(&json, "select_by",
                  json_string(mixent_option_find("select_by")->choices[recipe->select_by]));
  mixent_json_set(&json, "precision", json_string(recipe->precision == MIXENT_CHOICE_BF16 ? "bf16" : "fp32"));
  mixent_json_set(&json, "threads", json_integer(recipe->threads));
  mixent_json_set(&json, "replicas", json_integer(recipe->replicas));
  mixent_json_set(&json, "plan", json_string(recipe->plan));
  mixent_json_set(&json, "plan_hash", json_string(recipe->plan_hash));
  mixent_json_set(&json, "batch", json_integer(recipe->batch));
  mixent_json_set(&json, "epochs", json_integer(recipe->epochs));
  mixent_json_set(&json, "best_epoch", json_integer(summary->best_epoch));
  mixent_json_set(&json, "test_views", json_integer(summary->test_views));
  mixent_json_set(&json, "test", scores_to_json(trainer, &summary->test, counts->test));
  mixent_json_set(&json, "validation",
                  summary->validation.images
                      ? scores_to_json(trainer, &summary->validation, counts->validation)
                      : json_null());
  mixent_json_set(&json, "images_per_second", mixent_json_number(summary->images_per_second));
  mixent_json_set(&json, "seconds", mixent_json_number(summary->seconds));
  mixent_json_set(&json, "peak_memory_bytes", json_integer((json_int_t)summary->peak_memory_bytes));
  mixent_json_set(&json, "parameters", json_integer((json_int_t)summary->parameters));
  mixent_json_set(&json, "cpu", json_string(cpu));
  mixent_json_set(&json, "versions",
                  json_pack("{s:s, s:s}", "mixent", mixent_version(), "onednn", mixent_onednn_version()));
  return json;
}

/* What best.safetensors says of each image, into predictions.safetensors, and what that is worth. */
static mixent_status score_best(const mixent_trainer *trainer, const mixent_run_directory *run,
                                mixent_train_summary *summary, const scored_classes *counts) {
  const mixent_dataset *dataset = trainer->dataset;
  mixent_precision precision = mixent_recipe_precision(&trainer->recipe);
  const mixent_scoring_watch watch = {trainer->options->context, trainer->options->scored,
                                      trainer->options->stop};
  mixent_run_predictions kept = {.classes = trainer->classes, .class_names = dataset->class_names};
  mixent_model *model;
  MIXENT_TRY(mixent_model_open(run->best, &model));
  mixent_status status = mixent_model_score_keeping(model, dataset, MIXENT_PART_TEST, precision, 0, &watch,
                                                    &summary->test, &kept.test, counts->test);
  if (status == MIXENT_OK && trainer->split.validation_count)
    status = mixent_model_score_keeping(model, dataset, MIXENT_PART_VALIDATION, precision, 0, &watch,
                                        &summary->validation, &kept.validation, counts->validation);
  if (status == MIXENT_OK) status = mixent_run_predictions_write(run->predictions, &kept);
  if (status == MIXENT_OK) status = mixent_temperature_keep(run->best, &kept.validation, trainer->classes);
  summary->best_epoch = (int)model->epoch;
  mixent_predicted_free(&kept.test);
  mixent_predicted_free(&kept.validation);
  mixent_model_free(model);
  return status;
}

static mixent_status finish(mixent_trainer *trainer, const mixent_run_directory *run,
                            mixent_train_summary *summary, const scored_classes *counts) {
  mixent_trainer_free_nets(trainer); /* their memory is wanted for scoring */
  summary->parameters = trainer->parameter_count;
  summary->samples = mixent_samples_name(trainer->dataset->train.features);
  summary->test_views = (int)trainer->recipe.test_views;
  mixent_status status = mixent_members_join(trainer, run);
  if (status == MIXENT_OK) status = score_best(trainer, run, summary, counts);
  if (status == MIXENT_ERROR_INTERRUPTED) return mixent_trainer_stopped(trainer, run);
  MIXENT_TRY(status);
  MIXENT_TRY(mixent_run_directory_seconds(run, &summary->seconds));
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  summary->peak_memory_bytes = (size_t)usage.ru_maxrss * 1024;
  summary->images_per_second =
      (double)(trainer->steps * (uint64_t)trainer->recipe.epochs * trainer->batch) / summary->seconds;
  MIXENT_TRY(mixent_run_summary_text(summary_to_json(trainer, summary, counts), &summary->json));
  mixent_text text = {0};
  mixent_text_append(&text, "%s\n", summary->json);
  status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(run->summary, text.data, text.length);
  mixent_text_free(&text);
  if (status != MIXENT_OK) mixent_train_summary_free(summary);
  return status;
}

mixent_status mixent_trainer_finish(mixent_trainer *trainer, const mixent_run_directory *run,
                                    mixent_train_summary *summary) {
  scored_classes counts = {0};
  mixent_status status = MIXENT_ALLOCATE(trainer->classes, &counts.test);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(trainer->classes, &counts.validation);
  if (status == MIXENT_OK) status = finish(trainer, run, summary, &counts);
  free(counts.test);
  free(counts.validation);
  return status;
}
