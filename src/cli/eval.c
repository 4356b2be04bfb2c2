/* `mixent eval`: scores a checkpoint on a part of a data set. */
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/json.h"
#include "cli/model.h"
#include "cli/places.h"
#include "cli/terminal.h"
#include "core/file.h"
#include "core/layout.h"
#include "core/memory.h"
#include "core/printable.h"
#include "core/unicode.h"
#include "model/score.h"
#include "run/scores.h"

#include <stdlib.h>

typedef struct arguments {
  const char *data, *data_directory, *temperature;
  int part, precision;
  long threads, views;
  const char *confusions;
  bool classes, json;
} arguments;

/* What the model was scored with, and how it did. */
typedef struct scored {
  const mixent_dataset *dataset;
  int views;
  mixent_scores scores;
  mixent_class_count *classes; /* [classes of the model] */
  mixent_predicted predicted;  /* kept where confusions are asked for */
} scored;

/* The matrix as CSV: a line per true class with how often it was taken for each, `counts` [classes, classes]. */
static mixent_status write_matrix(const char *path, char *const *names, size_t classes,
                                  const size_t *counts) {
  mixent_text text = {0};
  mixent_csv_field_append(&text, "class", true);
  for (size_t k = 0; k < classes; k++) mixent_csv_field_append(&text, names[k], false);
  for (size_t label = 0; label < classes; label++) {
    mixent_text_append(&text, "\n");
    mixent_csv_field_append(&text, names[label], true);
    for (size_t k = 0; k < classes; k++) mixent_text_append(&text, ",%zu", counts[label * classes + k]);
  }
  mixent_text_append(&text, "\n");
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(path, text.data, text.length);
  mixent_text_free(&text);
  return status;
}

static mixent_status write_confusions(const char *path, const mixent_model *model, const scored *scored) {
  size_t classes = (size_t)model->classes, *counts;
  const mixent_predicted *predicted = &scored->predicted;
  MIXENT_TRY(MIXENT_ALLOCATE(classes * classes, &counts));
  for (size_t i = 0; i < predicted->images; i++)
    counts[(size_t)predicted->labels[i] * classes +
           mixent_metrics_predicted(predicted->logits + i * classes, classes)]++;
  mixent_status status = write_matrix(path, scored->dataset->class_names, classes, counts);
  free(counts);
  return status;
}

static int print_json(const arguments *arguments, const mixent_checkpoints *checkpoints,
                      const scored *scored) {
  const mixent_model *model = checkpoints->model;
  const char *path = checkpoints->paths[0];
  json_t *object =
      json_pack("{s:o, s:o, s:s, s:i, s:f}", "checkpoint", mixent_json_text(path), "data",
                mixent_json_text(scored->dataset->name), "split", mixent_part_names[arguments->part], "views",
                scored->views, "temperature", model->temperature);
  if (checkpoints->count > 1)
    mixent_json_set(&object, "members", mixent_json_texts(checkpoints->paths, checkpoints->count));
  if (json_object_update_new(object, mixent_scores_to_json(&scored->scores)) != 0) {
    json_decref(object);
    return mixent_json_print(NULL);
  }
  mixent_json_set(
      &object, "classes",
      mixent_score_classes_to_json(scored->classes, (size_t)model->classes, scored->dataset->class_names));
  return mixent_json_print(object);
}

static void print_classes(const mixent_model *model, const scored *scored) {
  mixent_table table = {
      .columns = 5,
      .titles = {"class", mixent_samples_name(model->side == 1), "recall %", "precision %", "F1"},
      .left = {true}};
  for (int k = 0; k < model->classes; k++) {
    const mixent_class_count *count = &scored->classes[k];
    if (count->images == 0) continue;
    mixent_table_add(&table, "%s", scored->dataset->class_names[k]);
    mixent_table_add(&table, "%s", mixent_text_count(count->images));
    mixent_table_add(&table, "%.2f", 100 * mixent_class_recall(count));
    if (count->predicted)
      mixent_table_add(&table, "%.2f", 100 * mixent_class_precision(count));
    else
      mixent_table_add(&table, "-");
    mixent_table_add(&table, "%.4f", mixent_class_f1(count));
  }
  putchar('\n');
  mixent_table_print(&table, stdout);
  mixent_table_free(&table);
}

static int print_scores(const arguments *arguments, const mixent_checkpoints *checkpoints,
                        const scored *scored) {
  const mixent_scores *scores = &scored->scores;
  const mixent_model *model = checkpoints->model;
  const char *path = checkpoints->paths[0];
  const char *part = mixent_part_names[arguments->part];
  if (arguments->json) return print_json(arguments, checkpoints, scored);
  printf("%s%s on %s %s %s of %s", mixent_printable(path), mixent_checkpoints_more(checkpoints),
         mixent_text_count(scores->images), part, mixent_samples_name(model->side == 1),
         mixent_printable(scored->dataset->name));
  if (scored->views > 1) printf(", predictions averaged over %d views of each", scored->views);
  printf("%s\n", mixent_temperature_text(model));
  printf("  accuracy  %.2f %%\n", 100 * scores->accuracy);
  printf("  NLL       %.4f   mean of -ln of the probability of the right class\n", scores->nll);
  printf("  ECE       %.4f   expected calibration error, 15 bins\n", scores->ece);
  printf("  Brier     %.4f   squared distance of the probabilities from the truth, 0 to 2\n", scores->brier);
  printf("  entropy   %.4f   of the predictions, in nats\n", scores->entropy);
  printf("  balanced  %.2f %%  mean recall of the classes; macro F1 %.4f\n", 100 * scores->balanced_accuracy,
         scores->macro_f1);
  printf("  worst     %.2f %%  recall of class %s, the least\n", 100 * scores->worst_recall,
         mixent_printable(scores->worst_class));
  if (arguments->classes) print_classes(model, scored);
  return MIXENT_EXIT_DONE;
}

typedef struct view {
  mixent_progress progress;
  const char *samples;
} view;

static void show_scored(void *context, size_t done, size_t all) {
  view *view = context;
  mixent_progress_count(&view->progress, "scoring", view->samples, done, all);
}

/* Classes of images are matched by number, so that names which differ may be other classes. */
static mixent_status warn_of_names(const mixent_model *model, const mixent_dataset *dataset) {
  int first = -1, count = 0;
  for (int k = 0; k < model->classes; k++) {
    bool same;
    MIXENT_TRY(mixent_text_same(model->class_names[k], dataset->class_names[k], &same));
    if (!same && count++ == 0) first = k;
  }
  if (count)
    mixent_warning_print(
        "class-names: %s of %d %s another name in %s than in the model: class %d is '%s' there, '%s' in the "
        "model; classes are matched by their number, so check that they are the same",
        mixent_text_counted((uint64_t)count, "classes"), model->classes, count == 1 ? "has" : "have",
        dataset->name, first, dataset->class_names[first], model->class_names[first]);
  return MIXENT_OK;
}

static int evaluate(const arguments *arguments, const mixent_checkpoints *checkpoints) {
  const mixent_model *model = checkpoints->model;
  mixent_dataset *dataset;
  mixent_status status = mixent_model_dataset_open(model, checkpoints->paths[0], arguments->data,
                                                   arguments->data_directory, &dataset);
  if (status != MIXENT_OK) return mixent_failed(status);
  status = warn_of_names(model, dataset);
  scored scored = {.dataset = dataset, .views = (int)arguments->views};
  view view = {mixent_progress_start(true), mixent_samples_name(model->side == 1)};
  const mixent_scoring_watch watch = {.context = &view, .scored = show_scored};
  mixent_precision precision;
  if (status == MIXENT_OK) status = mixent_precision_choose(arguments->precision, model, &precision);
  if (status == MIXENT_OK && scored.views == 0) status = mixent_model_views(model, &scored.views);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE((size_t)model->classes, &scored.classes);
  if (status == MIXENT_OK)
    status = mixent_model_score_keeping(model, dataset, (mixent_part)arguments->part, precision, scored.views,
                                        &watch, &scored.scores,
                                        arguments->confusions ? &scored.predicted : NULL, scored.classes);
  if (status == MIXENT_OK && arguments->confusions)
    status = write_confusions(arguments->confusions, model, &scored);
  mixent_progress_clear(&view.progress);
  int code = status == MIXENT_OK ? print_scores(arguments, checkpoints, &scored) : mixent_failed(status);
  free(scored.classes);
  mixent_predicted_free(&scored.predicted);
  mixent_dataset_free(dataset);
  return code;
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  mixent_threads_choose(arguments->threads);
  mixent_checkpoints checkpoints;
  mixent_status status = mixent_checkpoints_open(words, (size_t)count, &checkpoints);
  if (status == MIXENT_OK)
    status = mixent_temperature_choose(arguments->temperature, checkpoints.paths[0], checkpoints.model);
  int code = status == MIXENT_OK ? evaluate(arguments, &checkpoints) : mixent_failed(status);
  mixent_checkpoints_free(&checkpoints);
  return code;
}

static const mixent_command_option options[] = {
    {.name = "data",
     .argument = "NAME|DIR|FILE",
     .names = mixent_dataset_names,
     .help = "the data set; otherwise the one the checkpoint was trained on",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, data)},
    {.name = "data-dir",
     .argument = "DIR",
     .help = "look for data sets there first",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, data_directory)},
    {.name = "split",
     .argument = "test|validation|train",
     .help = "which part of the data set; validation and train are the parts that the training cut",
     .kind = MIXENT_VALUE_CHOICE,
     .offset = offsetof(arguments, part),
     .fallback = "test",
     .choices = mixent_part_names},
    MIXENT_MODEL_OPTIONS(arguments),
    MIXENT_TEMPERATURE_OPTION(arguments),
    {.name = "classes",
     .help = "print images, recall, precision and F1 of each class, too; --json always has them",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, classes)},
    {.name = "confusions",
     .argument = "FILE",
     .help = "also write what each class was taken for, as CSV; noise.matrix of a recipe takes it",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, confusions)},
    {.name = "json",
     .help = "print one line of JSON; accuracy is 0 to 1 there",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_eval = {
    .name = "eval",
    .summary = "Score a checkpoint on a data set",
    .operands = "CHECKPOINT|RUN|MODEL...",
    .names = mixent_shipped_names,
    .least_operands = 1,
    .most_operands = -1,
    .options = options,
    .description =
        "CHECKPOINT is the best.safetensors or last.safetensors of a run. RUN is the directory of a "
        "run, or its name in runs, and stands for its best.safetensors. MODEL is the name of a model that comes "
        "with mixent. CHECKPOINT may be an ONNX file of mixent or PyTorch (.onnx). Of several "
        "models, an ensemble, the mean of the probabilities is scored.",
    .arguments_size = sizeof(arguments),
    .run = run};
