/* The public door: a new run, going on with one, and what is told at the end. */
#include "core/file.h"
#include "core/json.h"
#include "core/layout.h"
#include "core/status.h"
#include "core/system.h"
#include "model/score.h"
#include "model/temperature.h"
#include "net/onednn/processor.h"
#include "net/plan/choices.h"
#include "recipe/use.h"
#include "run/predictions.h"
#include "run/scores.h"
#include "train/init_from.h"
#include "train/members.h"
#include "train/resized.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static json_t *summary_to_json(const mixent_trainer *trainer, const mixent_train_summary *summary) {
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
  mixent_json_set(&json, "precision", json_string(recipe->precision == MIXENT_CHOICE_BF16 ? "bf16" : "fp32"));
  mixent_json_set(&json, "threads", json_integer(recipe->threads));
  mixent_json_set(&json, "plan", json_string(recipe->plan));
  mixent_json_set(&json, "plan_hash", json_string(recipe->plan_hash));
  mixent_json_set(&json, "batch", json_integer(recipe->batch));
  mixent_json_set(&json, "epochs", json_integer(recipe->epochs));
  mixent_json_set(&json, "best_epoch", json_integer(summary->best_epoch));
  mixent_json_set(&json, "test_views", json_integer(summary->test_views));
  mixent_json_set(&json, "test", mixent_scores_to_json(&summary->test));
  mixent_json_set(&json, "validation",
                  summary->validation.images ? mixent_scores_to_json(&summary->validation) : json_null());
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
                                mixent_train_summary *summary) {
  const mixent_dataset *dataset = trainer->dataset;
  mixent_precision precision = mixent_recipe_precision(&trainer->recipe);
  const mixent_scoring_watch watch = {trainer->options->context, trainer->options->scored,
                                      trainer->options->stop};
  mixent_run_predictions kept = {.classes = trainer->classes, .class_names = dataset->class_names};
  mixent_model *model;
  MIXENT_TRY(mixent_model_open(run->best, &model));
  mixent_status status = mixent_model_score_keeping(model, dataset, MIXENT_PART_TEST, precision, 0, &watch,
                                                    &summary->test, &kept.test);
  if (status == MIXENT_OK && trainer->split.validation_count)
    status = mixent_model_score_keeping(model, dataset, MIXENT_PART_VALIDATION, precision, 0, &watch,
                                        &summary->validation, &kept.validation);
  if (status == MIXENT_OK) status = mixent_run_predictions_write(run->predictions, &kept);
  if (status == MIXENT_OK) status = mixent_temperature_keep(run->best, &kept.validation, trainer->classes);
  summary->best_epoch = (int)model->epoch;
  mixent_predicted_free(&kept.test);
  mixent_predicted_free(&kept.validation);
  mixent_model_free(model);
  return status;
}

/* predictions.safetensors; then scores, times and memory into summary.json. */
static mixent_status finish(mixent_trainer *trainer, const mixent_run_directory *run,
                            mixent_train_summary *summary) {
  mixent_net_free(trainer->net); /* its memory is wanted for scoring */
  mixent_resized_free(trainer->resized);
  trainer->net = NULL, trainer->resized = NULL;
  summary->parameters = trainer->parameter_count;
  summary->samples = mixent_samples_name(trainer->dataset->train.features);
  summary->test_views = (int)trainer->recipe.test_views;
  mixent_status status = mixent_members_join(trainer, run);
  if (status == MIXENT_OK) status = score_best(trainer, run, summary);
  if (status == MIXENT_ERROR_INTERRUPTED) return mixent_trainer_stopped(trainer, run);
  MIXENT_TRY(status);
  MIXENT_TRY(mixent_run_directory_seconds(run, &summary->seconds));
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  summary->peak_memory_bytes = (size_t)usage.ru_maxrss * 1024;
  summary->images_per_second =
      (double)(trainer->steps * (uint64_t)trainer->recipe.epochs * trainer->batch) / summary->seconds;
  MIXENT_TRY(mixent_run_summary_text(summary_to_json(trainer, summary), &summary->json));
  mixent_text text = {0};
  mixent_text_append(&text, "%s\n", summary->json);
  status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(run->summary, text.data, text.length);
  mixent_text_free(&text);
  if (status != MIXENT_OK) mixent_train_summary_free(summary);
  return status;
}

static void tell_start(const mixent_trainer *trainer, const mixent_run_directory *run) {
  const mixent_train_options *options = trainer->options;
  const mixent_recipe *recipe = &trainer->recipe;
  const mixent_train_start start = {.run = run->place,
                                    .recipe = recipe->name,
                                    .data = trainer->dataset->name,
                                    .net = mixent_graph_name(trainer->graph),
                                    .loss = mixent_loss_names[recipe->loss_kind],
                                    .precision = recipe->precision == MIXENT_CHOICE_BF16 ? "bf16" : "fp32",
                                    .plan = recipe->plan,
                                    .plan_hash = recipe->plan_hash,
                                    .epochs = (int)recipe->epochs,
                                    .first_epoch = (int)trainer->state.epoch + 1,
                                    .first_step = (int)trainer->state.step,
                                    .steps = (int)trainer->steps,
                                    .batch = (int)trainer->batch,
                                    .threads = (int)recipe->threads,
                                    .classes = (int)trainer->classes,
                                    .samples = mixent_samples_name(trainer->dataset->train.features),
                                    .train_images = trainer->split.train_count,
                                    .validation_images = trainer->split.validation_count,
                                    .test_images = trainer->dataset->test.count,
                                    .parameters = trainer->parameter_count,
                                    .memory_bytes = mixent_net_memory(trainer->net)};
  if (options->started) options->started(options->context, &start);
}

/* Keeps in failure.txt why the run cannot go on. */
static mixent_status keep_failure(const mixent_run_directory *run, mixent_status status) {
  mixent_text text = {0};
  mixent_text_append(&text, "%s\n", mixent_last_error());
  if (!text.failed) {
    mixent_file_replace(run->failure, text.data,
                        text.length); /* where it cannot be kept it is told at least */
    mixent_fail(status, "%.*s", (int)text.length - 1, text.data);
  }
  mixent_text_free(&text);
  return status;
}

static mixent_status run_to_end(mixent_trainer *trainer, const mixent_run_directory *run,
                                mixent_train_summary *summary) {
  snprintf(summary->run, sizeof summary->run, "%s", run->place);
  tell_start(trainer, run);
  unlink(run->failure); /* of a try before this one */
  mixent_status status = mixent_trainer_run(trainer, run);
  if (status == MIXENT_ERROR_NUMERIC) return keep_failure(run, status);
  MIXENT_TRY(status);
  return finish(trainer, run, summary);
}

/* The choices that the net has come to, whatever said them. */
static mixent_status write_plan(const mixent_trainer *trainer, const char *path) {
  mixent_plan_key key;
  mixent_plan_file *file;
  MIXENT_TRY(mixent_plan_key_make(trainer->graph, (int)trainer->batch,
                                  mixent_recipe_precision(&trainer->recipe), &key));
  MIXENT_TRY(mixent_plan_file_of(trainer->net, &key, &file));
  mixent_status status = mixent_plan_file_write(file, path);
  mixent_plan_file_free(file);
  return status;
}

/* recipe.yaml, plan.yaml, an empty metrics.jsonl and last.safetensors before the first step: from then on the run
 * can be resumed. */
static mixent_status fill_directory(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_text text = {0};
  mixent_recipe again;
  mixent_recipe_write(&trainer->recipe, true, &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_recipe_parse(text.data, run->recipe, "run", NULL, 0, &again);
  if (status == MIXENT_OK) status = mixent_file_replace(run->recipe, text.data, text.length);
  if (status == MIXENT_OK) status = write_plan(trainer, run->plan);
  if (status == MIXENT_OK) status = mixent_file_replace(run->metrics, "", 0);
  mixent_text_free(&text);
  mixent_checkpoint checkpoint = mixent_trainer_checkpoint(trainer);
  return status == MIXENT_OK ? mixent_checkpoint_write_all(run->last, &checkpoint) : status;
}

static mixent_status start_run(mixent_trainer *trainer, const char *place, mixent_train_summary *summary) {
  bool overwrite = trainer->options->overwrite;
  mixent_run_directory run;
  MIXENT_TRY(mixent_run_directory_begin(place, &run));
  mixent_status status = fill_directory(trainer, &run);
  if (status == MIXENT_OK) status = mixent_run_directory_publish(&run, overwrite);
  if (status == MIXENT_OK) status = run_to_end(trainer, &run, summary);
  mixent_run_directory_close(&run);
  return status;
}

/* The directory of a new run; free(). */
static mixent_status place_run(const mixent_recipe *recipe, const mixent_train_options *options, char **out) {
  if (options->run && !*options->run)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "the run's directory has an empty name");
  if (options->run) return mixent_copy_text(options->run, out);
  char *name = mixent_recipe_run_name(recipe);
  *out = name ? mixent_path_join("runs", name) : NULL;
  free(name);
  return *out ? MIXENT_OK : MIXENT_ERROR_MEMORY;
}

static void warn(const mixent_train_options *options, const char *message) {
  if (options->warning && message) options->warning(options->context, message);
}

/* Of a plan that is not quite what one might take it for. `hash` is what the recipe says of it. */
static void warn_of_plan(const mixent_trainer *trainer, const char *hash) {
  const mixent_plan_source *source = &trainer->plan_source;
  mixent_text elsewhere = {0}, changed = {0};
  if (*source->differences) {
    mixent_text_append(&elsewhere, "plan-elsewhere: %s was made for %s; 'mixent tune' measures this",
                       source->plan, source->differences);
    warn(trainer->options, elsewhere.data);
  }
  if (*hash && strcmp(hash, source->hash) != 0) {
    mixent_text_append(
        &changed,
        "plan-changed: the recipe's run had the plan %.12s, this has %.12s, so their bits differ; "
        "--plan takes that run's plan.yaml",
        hash, source->hash);
    warn(trainer->options, changed.data);
  }
  mixent_text_free(&elsewhere);
  mixent_text_free(&changed);
}

static void warn_of_transposition(const mixent_trainer *trainer) {
  if (trainer->recipe.transpose && trainer->dataset->train.features)
    warn(trainer->options,
         "unused-option: transpose has no effect: the data are rows of features, not images");
}

static void warn_of_selection(const mixent_recipe *recipe, const mixent_train_options *options) {
  if (recipe->select == MIXENT_SELECT_TEST)
    warn(options,
         "test-selected: the epoch is chosen by the test part, so its score is too good by what choosing "
         "adds; --set select=validation gives one that is not");
}

mixent_status mixent_train(const mixent_train_options *options, mixent_train_summary *summary) {
  MIXENT_NEED(options);
  MIXENT_NEED(summary);
  if (options->setting_count) MIXENT_NEED(options->settings);
  mixent_recipe recipe;
  mixent_trainer *trainer = NULL;
  char *place;
  memset(summary, 0, sizeof *summary);
  MIXENT_TRY(mixent_recipe_compose(options->recipe, options->settings, options->setting_count, &recipe));
  MIXENT_TRY(mixent_recipe_check_network(&recipe)); /* what costs nothing comes before what reads the data */
  MIXENT_TRY(mixent_recipe_resolve(&recipe, mixent_net_bf16_is_native()));
  MIXENT_TRY(mixent_recipe_check(&recipe)); /* the whole paths, too */
  MIXENT_TRY(place_run(&recipe, options, &place));
  mixent_status status = mixent_run_directory_check(place, options->overwrite);
  if (status == MIXENT_OK) status = mixent_trainer_create(&recipe, options, &trainer);
  if (status == MIXENT_OK) status = mixent_trainer_init_from(trainer);
  if (status == MIXENT_OK) warn(options, trainer->dataset->note);
  if (status == MIXENT_OK) warn_of_plan(trainer, recipe.plan_hash);
  if (status == MIXENT_OK) warn_of_selection(&recipe, options);
  if (status == MIXENT_OK) warn_of_transposition(trainer);
  if (status == MIXENT_OK && options->warning)
    mixent_settings_warn_idle(options->settings, options->setting_count, &recipe, options->warning,
                              options->context);
  if (status == MIXENT_OK) status = start_run(trainer, place, summary);
  mixent_trainer_free(trainer);
  free(place);
  return status;
}

/* Brings a new trainer to where last.safetensors stands. */
static mixent_status go_back_to(mixent_trainer *trainer, const mixent_run_directory *run) {
  mixent_checkpoint checkpoint = mixent_trainer_checkpoint(trainer);
  MIXENT_TRY(mixent_checkpoint_read_all(run->last, &checkpoint));
  const mixent_train_state *state = &trainer->state;
  if (state->epoch > (uint64_t)trainer->recipe.epochs || state->step >= trainer->steps)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: its position (epoch %llu, step %llu) is outside the run",
                       run->last, (unsigned long long)state->epoch, (unsigned long long)state->step);
  return mixent_run_directory_trim_metrics(run, state->epoch);
}

/* The run's own plan; a run of the time before there were plans had the table's. */
static mixent_status take_own_plan(const mixent_run_directory *run, mixent_recipe *recipe) {
  const char *plan = *recipe->plan_hash ? run->plan : "table";
  if (snprintf(recipe->plan, sizeof recipe->plan, "%s", plan) < (int)sizeof recipe->plan) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "plan: the path %s is too long", plan);
}

static mixent_status check_own_plan(const mixent_run_directory *run, const mixent_recipe *recipe,
                                    const mixent_trainer *trainer) {
  const char *hash = trainer->plan_source.hash;
  if (!*recipe->plan_hash || strcmp(recipe->plan_hash, hash) == 0) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: with its back ends the plan's hash is %s, but recipe.yaml says %s; put back what the run "
      "began with, or start another by --recipe %s --plan %s",
      run->plan, hash, recipe->plan_hash, run->recipe, run->plan);
}

static mixent_status resume_locked(const mixent_run_directory *run, const mixent_train_options *options,
                                   mixent_train_summary *summary) {
  mixent_recipe recipe;
  mixent_trainer *trainer;
  MIXENT_TRY(mixent_recipe_load(run->recipe, &recipe));
  MIXENT_TRY(take_own_plan(run, &recipe));
  MIXENT_TRY(mixent_recipe_resolve(&recipe, mixent_net_bf16_is_native()));
  MIXENT_TRY(mixent_trainer_create(&recipe, options, &trainer));
  mixent_status status = check_own_plan(run, &recipe, trainer);
  if (status == MIXENT_OK) status = go_back_to(trainer, run);
  if (status == MIXENT_OK) status = run_to_end(trainer, run, summary);
  mixent_trainer_free(trainer);
  return status;
}

mixent_status mixent_train_resume(const char *place, const mixent_train_options *options,
                                  mixent_train_summary *summary) {
  MIXENT_NEED(place);
  MIXENT_NEED(options);
  MIXENT_NEED(summary);
  mixent_run_directory run;
  memset(summary, 0, sizeof *summary);
  MIXENT_TRY(mixent_run_directory_open(place, &run));
  snprintf(summary->run, sizeof summary->run, "%s", run.place);
  mixent_path_kind predictions, finished = MIXENT_PATH_NOTHING;
  mixent_status status = mixent_path_look(run.predictions, &predictions);
  if (status == MIXENT_OK) status = mixent_path_look(run.summary, &finished);
  if (status == MIXENT_OK) {
    /* older versions kept no predictions */
    bool whole = predictions == MIXENT_PATH_FILE && finished == MIXENT_PATH_FILE;
    status = whole ? mixent_run_summary_read(run.summary, summary) : MIXENT_ERROR_FORMAT;
    if (status == MIXENT_ERROR_FORMAT) status = resume_locked(&run, options, summary);
  }
  mixent_run_directory_close(&run);
  return status;
}
