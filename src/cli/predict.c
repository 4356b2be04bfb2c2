/* `mixent predict`: names the classes of images. */
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

enum { TOP = 3 };

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

static int print_json(const mixent_model *model, const char *path, const float *probabilities, const int *top,
                      int count) {
  json_t *list = json_array();
  for (int i = 0; i < count; i++)
    json_array_append_new(list, json_pack("{s:s, s:I, s:f}", "class", model->class_names[top[i]], "label",
                                          (json_int_t)model->labels[top[i]], "probability",
                                          (double)probabilities[top[i]]));
  return mixent_json_print(json_pack("{s:s, s:o}", "image", path, "top", list));
}

static int print_predictions(const mixent_model *model, bool json, char **paths, int count,
                             const float *probabilities) {
  int width = 0, code = MIXENT_EXIT_DONE;
  for (int i = 0; i < count; i++)
    if ((int)strlen(paths[i]) > width) width = (int)strlen(paths[i]);
  for (int i = 0; i < count && code == MIXENT_EXIT_DONE; i++) {
    const float *row = probabilities + (size_t)i * (size_t)model->classes;
    int top[TOP], found = find_top(row, model->classes, top);
    if (json) {
      code = print_json(model, paths[i], row, top, found);
      continue;
    }
    printf("%-*s", width, paths[i]);
    for (int j = 0; j < found; j++)
      printf("  %s %.1f %%", model->class_names[top[j]], 100 * (double)row[top[j]]);
    putchar('\n');
  }
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

static int predict(const arguments *arguments, const mixent_model *model, char **paths, int count) {
  size_t size = (size_t)model->side * (size_t)model->side * (size_t)model->channels;
  uint8_t *pixels = NULL;
  float *probabilities = NULL;
  mixent_status status = MIXENT_ALLOCATE((size_t)count * size, &pixels);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE((size_t)count * (size_t)model->classes, &probabilities);
  if (status == MIXENT_OK)
    status = read_and_predict(model, paths, count, mixent_precision_chosen(arguments->precision, model),
                              (int)arguments->views, pixels, probabilities);
  int code = status == MIXENT_OK ? print_predictions(model, arguments->json, paths, count, probabilities)
                                 : mixent_failed(status);
  free(pixels);
  free(probabilities);
  return code;
}

static int run(const void *given, int count, char **words) {
  const arguments *arguments = given;
  mixent_threads_choose(arguments->threads);
  mixent_model *model;
  mixent_status status = mixent_model_open(words[0], &model);
  if (status != MIXENT_OK) return mixent_failed(status);
  int code = predict(arguments, model, words + 1, count - 1);
  mixent_model_free(model);
  return code;
}

static const mixent_command_option options[] = {
    MIXENT_MODEL_OPTIONS(arguments),
    {.name = "json",
     .help = "print a line of JSON per image; probabilities are 0 to 1 there",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_predict = {
    .name = "predict",
    .summary = "Name the classes of images",
    .operands = "CHECKPOINT IMAGE.png...",
    .least_operands = 2,
    .most_operands = -1,
    .options = options,
    .description =
        "Prints a line per image with the three most likely classes. An image is scaled to the size the "
        "network was trained on; it should look like the training images, which for letters and digits "
        "means light strokes on black, upright ('mixent data show NAME' shows them).",
    .arguments_size = sizeof(arguments),
    .run = run};
