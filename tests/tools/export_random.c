/* A network with the values that a trained one might have, as C, and what the library says of random inputs.
 *   export_random NET CHANNELS SIDE CLASSES TEMPERATURE FILE.c [PREFIX [int8]] > out
 * NET: a name or a .yaml file; SIDE 1: rows of features. out: ROWS inputs (bytes, or float32 features), then float32 logits
 * [ROWS, classes] and probabilities [ROWS, classes]. Standard error: the bytes of constants and of working memory. */
#include "mixent/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6 };

static void check(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "export_random: %s\n", mixent_last_error());
  exit(1);
}

static void *allocate(size_t bytes) {
  void *memory = calloc(bytes + 1, 1);
  if (!memory) exit(1);
  return memory;
}

/* Uniform in [0, 1): the same numbers everywhere. */
static float draw(void) {
  static uint32_t state = 1;
  state = state * 1664525 + 1013904223;
  return (float)(state >> 8) * 0x1p-24F;
}

/* Scales and shifts other than 1 and 0, means of either sign, variances from 0.3 to 2. */
static void draw_values(mixent_model *model) {
  size_t parameters, statistics;
  const mixent_tensor *parameter = mixent_graph_parameters(model->graph, &parameters);
  const mixent_tensor *statistic = mixent_graph_statistics(model->graph, &statistics);
  mixent_graph_initialize(model->graph, 1, model->parameters, model->statistics);
  for (size_t t = 0; t < parameters; t++)
    for (size_t i = 0; parameter[t].dimensions == 1 && i < parameter[t].count; i++)
      model->parameters[parameter[t].offset + i] += 0.6F * (draw() - 0.5F);
  for (size_t t = 0; t < statistics; t++)
    for (size_t i = 0; i < statistic[t].count; i++)
      model->statistics[statistic[t].offset + i] = t % 2 ? 0.3F + 1.7F * draw() : draw() - 0.5F;
}

static void fill_model(mixent_model *model, const char *net, double temperature) {
  static char strange[] = "?"
                          "?/ \"quoted\" \\ \n\xc3\x84*/",
              data[] = "noise */ \\ \n #error ?"
                       "?/";
  const mixent_graph_options options = {
      .channels = model->channels, .side = model->side, .classes = model->classes, .dropout = -1};
  check(mixent_graph_open(net, &options, &model->graph));
  model->parameters = allocate(mixent_graph_parameter_count(model->graph) * sizeof(float));
  model->statistics = allocate(mixent_graph_statistic_count(model->graph) * sizeof(float));
  model->class_names = allocate((size_t)model->classes * sizeof(char *));
  model->labels = allocate((size_t)model->classes * sizeof(int64_t));
  model->mean = allocate((size_t)model->channels * sizeof(float));
  model->deviation = allocate((size_t)model->channels * sizeof(float));
  for (int k = 0; k < model->classes; k++) model->class_names[k] = strange;
  for (int c = 0; c < model->channels; c++)
    model->mean[c] = draw() / 2, model->deviation[c] = 0.2F + draw() / 4;
  model->data = data, model->recipe = data, model->temperature = temperature;
  draw_values(model);
}

static void write_answers(const mixent_model *model) {
  size_t row = (size_t)model->side * (size_t)model->side * (size_t)model->channels,
         classes = (size_t)model->classes;
  bool table = model->side == 1;
  uint8_t *pixels = allocate(ROWS * row);
  float *features = allocate(ROWS * row * sizeof *features);
  float *logits = allocate(ROWS * classes * sizeof *logits),
        *beliefs = allocate(ROWS * classes * sizeof *beliefs);
  for (size_t i = 0; i < ROWS * row; i++) features[i] = draw(), pixels[i] = (uint8_t)(256 * features[i]);
  mixent_predictor *predictor;
  check(mixent_predictor_create(model, ROWS, MIXENT_FP32, &predictor));
  check(table ? mixent_predictor_run_features(predictor, features, ROWS, logits, beliefs)
              : mixent_predictor_run(predictor, pixels, ROWS, logits, beliefs));
  fwrite(table ? (void *)features : pixels, table ? sizeof *features : 1, ROWS * row, stdout);
  fwrite(logits, sizeof *logits, ROWS * classes, stdout);
  fwrite(beliefs, sizeof *beliefs, ROWS * classes, stdout);
  mixent_predictor_free(predictor);
  free(pixels);
  free(features);
  free(logits);
  free(beliefs);
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  mixent_model *model = allocate(sizeof *model);
  model->channels = atoi(argv[2]), model->side = atoi(argv[3]), model->classes = atoi(argv[4]);
  fill_model(model, argv[1], atof(argv[5]));
  mixent_c_options options = {.prefix = argc > 7 ? argv[7] : NULL,
                              .int8 = argc > 8 && strcmp(argv[8], "int8") == 0};
  mixent_c_size size;
  check(mixent_model_export_c(model, &options, argv[6], &size));
  fprintf(stderr, "%zu %zu\n", size.constant_bytes, size.variable_bytes);
  write_answers(model);
  mixent_graph_free(model->graph);
  free(model->parameters);
  free(model->statistics);
  free(model->class_names);
  free(model->labels);
  free(model->mean);
  free(model->deviation);
  free(model);
  return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
