/* `mixent predict`: names the classes of images, or of rows of a table. */
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/model.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  int precision;
  long threads, views;
  bool json;
} arguments;

enum { TOP = 3, ROWS = 64 }; /* classes named; rows of a table computed together */

/* The classes with the largest probabilities, best first; the lower index among equals. Returns how many. */
static int find_top(const float *probabilities, int classes, int top[TOP]) {
  int count = 0;
  for (; count < TOP && count < classes; count++) {
    int best = -1;
    for (int k = 0; k < classes; k++) {
      bool taken = false;
      for (int i = 0; i < count; i++) taken |= top[i] == k;
      if (!taken && (best < 0 || probabilities[k] > probabilities[best])) best = k;
    }
    top[count] = best;
  }
  return count;
}

/* What was classified: an image, or row `row` (from 1) of a table. */
typedef struct subject {
  const char *path;
  size_t row; /* 0: an image */
} subject;

static int print_json(const mixent_model *model, const subject *subject, const float *probabilities,
                      const int *top, int count) {
  json_t *list = json_array();
  for (int i = 0; i < count; i++)
    json_array_append_new(list, json_pack("{s:s, s:I, s:f}", "class", model->class_names[top[i]], "label",
                                          (json_int_t)model->labels[top[i]], "probability",
                                          (double)probabilities[top[i]]));
  if (!subject->row)
    return mixent_json_print(json_pack("{s:o, s:o}", "image", mixent_json_text(subject->path), "top", list));
  return mixent_json_print(json_pack("{s:o, s:I, s:o}", "file", mixent_json_text(subject->path), "row",
                                     (json_int_t)subject->row, "top", list));
}

static int print_prediction(const mixent_model *model, bool json, const subject *subject, int width,
                            const float *probabilities) {
  int top[TOP], found = find_top(probabilities, model->classes, top);
  if (json) return print_json(model, subject, probabilities, top, found);
  if (subject->row)
    printf("%s row %-*zu", subject->path, width, subject->row);
  else
    printf("%-*s", width, subject->path);
  for (int j = 0; j < found; j++)
    printf("  %s %.1f %%", model->class_names[top[j]], 100 * (double)probabilities[top[j]]);
  putchar('\n');
  return MIXENT_EXIT_DONE;
}

static int print_images(const mixent_model *model, bool json, char **paths, int count,
                        const float *probabilities) {
  int width = 0, code = MIXENT_EXIT_DONE;
  for (int i = 0; i < count; i++)
    if ((int)strlen(paths[i]) > width) width = (int)strlen(paths[i]);
  for (int i = 0; i < count && code == MIXENT_EXIT_DONE; i++)
    code = print_prediction(model, json, &(subject){.path = paths[i]}, width,
                            probabilities + (size_t)i * (size_t)model->classes);
  return code;
}

static int print_rows(const mixent_model *model, bool json, const char *path, size_t count,
                      const float *probabilities) {
  int width = snprintf(NULL, 0, "%zu", count), code = MIXENT_EXIT_DONE;
  for (size_t i = 0; i < count && code == MIXENT_EXIT_DONE; i++)
    code = print_prediction(model, json, &(subject){path, i + 1}, width,
                            probabilities + i * (size_t)model->classes);
  return code;
}

/* pixels [count, side, side, channels], probabilities [count, classes] */
static mixent_status read_and_predict(const mixent_model *model, char **paths, int count,
                                      mixent_precision precision, int views, uint8_t *pixels,
                                      float *probabilities) {
  size_t size = (size_t)model->side * (size_t)model->side * (size_t)model->channels;
  for (int i = 0; i < count; i++)
    MIXENT_TRY(mixent_png_read(paths[i], model->side, model->channels, pixels + (size_t)i * size));
  return mixent_model_predict(model, pixels, (size_t)count, precision, views, probabilities);
}

static int predict_images(const arguments *arguments, const mixent_model *model, char **paths, int count) {
  size_t size = (size_t)model->side * (size_t)model->side * (size_t)model->channels;
  uint8_t *pixels = NULL;
  float *probabilities = NULL;
  mixent_status status = MIXENT_ALLOCATE((size_t)count * size, &pixels);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE((size_t)count * (size_t)model->classes, &probabilities);
  if (status == MIXENT_OK)
    status = read_and_predict(model, paths, count, mixent_precision_chosen(arguments->precision, model),
                              (int)arguments->views, pixels, probabilities);
  int code = status == MIXENT_OK ? print_images(model, arguments->json, paths, count, probabilities)
                                 : mixent_failed(status);
  free(pixels);
  free(probabilities);
  return code;
}

static int predict_rows(const arguments *arguments, const mixent_model *model, mixent_predictor *predictor,
                        const char *path) {
  mixent_images rows = {0};
  float *probabilities = NULL;
  mixent_status status =
      mixent_features_read(path, (const char *const *)model->feature_names, model->channels, &rows);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(rows.count * (size_t)model->classes, &probabilities);
  if (status == MIXENT_OK)
    status = mixent_predictor_run_features(predictor, rows.features, rows.count, NULL, probabilities);
  int code = status == MIXENT_OK ? print_rows(model, arguments->json, path, rows.count, probabilities)
                                 : mixent_failed(status);
  free(probabilities);
  mixent_images_free(&rows);
  return code;
}

static int predict_tables(const arguments *arguments, const mixent_model *model, char **paths, int count) {
  mixent_predictor *predictor;
  if (arguments->views > 1)
    return mixent_wrong_use("predict: rows of features have one view; leave --views out");
  mixent_status status =
      mixent_predictor_create(model, ROWS, mixent_precision_chosen(arguments->precision, model), &predictor);
  if (status != MIXENT_OK) return mixent_failed(status);
  int code = MIXENT_EXIT_DONE;
  for (int i = 0; i < count && code == MIXENT_EXIT_DONE; i++)
    code = predict_rows(arguments, model, predictor, paths[i]);
  mixent_predictor_free(predictor);
  return code;
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  mixent_threads_choose(arguments->threads);
  mixent_model *model;
  mixent_status status = mixent_model_open(words[0], &model);
  if (status != MIXENT_OK) return mixent_failed(status);
  int code = (model->side == 1 ? predict_tables : predict_images)(arguments, model, words + 1, count - 1);
  mixent_model_free(model);
  return code;
}

static const mixent_command_option options[] = {
    MIXENT_MODEL_OPTIONS(arguments),
    {.name = "json",
     .help = "print a line of JSON per image or row; probabilities are 0 to 1 there",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_predict = {
    .name = "predict",
    .summary = "Name the classes of images or of rows of a table",
    .operands = "CHECKPOINT IMAGE.png|ROWS.csv...",
    .least_operands = 2,
    .most_operands = -1,
    .options = options,
    .description =
        "Prints a line per image with the three most likely classes. An image is scaled to the size the "
        "network was trained on; it should look like the training images, which for letters and digits "
        "means light strokes on black, upright ('mixent data show NAME' shows them). A model of rows of "
        "features "
        "reads CSV, without labels or with: columns are found by the names in its header.",
    .arguments_size = sizeof(arguments),
    .run = run};
