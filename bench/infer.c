/* How fast a trained network answers: from pixels to probabilities, with random weights. One JSON line: the
 * milliseconds of every call, by the clock and of processor time. infer.py puts PyTorch and ONNX Runtime beside it.
 *
 *   bench_infer [--net NAME] [--batch N] [--threads N] [--calls N] [--precision fp32|bf16|int8]
 *               [--onnx FILE]        writes the network there, for others to run, and measures nothing */
#include "core/memory.h"
#include "core/system.h"
#include "core/threads.h"
#include "mixent/train.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 28, CLASSES = 26, WARM_UP_CALLS = 5 };

typedef struct bench_options {
  const char *net, *onnx;
  int batch, threads, calls;
  mixent_precision precision;
} bench_options;

/* What a call took, in milliseconds: by the clock, and of all processors together. */
typedef struct duration {
  double clock, processor;
} duration;

static double read_milliseconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static duration now(void) {
  return (duration){read_milliseconds(CLOCK_MONOTONIC), read_milliseconds(CLOCK_PROCESS_CPUTIME_ID)};
}

/* A model as training leaves it, but for its values. */
static mixent_status make_model(const char *net, mixent_model *model) {
  static char *class_names[CLASSES];
  static int64_t labels[CLASSES];
  static float mean = 0.17F, deviation = 0.33F;
  *model = (mixent_model){.channels = 1,
                          .side = SIDE,
                          .classes = CLASSES,
                          .class_names = class_names,
                          .labels = labels,
                          .mean = &mean,
                          .deviation = &deviation,
                          .data = "nothing",
                          .recipe = ""};
  for (int k = 0; k < CLASSES; k++) class_names[k] = "?", labels[k] = k;
  MIXENT_TRY(mixent_graph_open(
      net, &(mixent_graph_options){.channels = 1, .side = SIDE, .classes = CLASSES, .dropout = -1},
      &model->graph));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_parameter_count(model->graph), &model->parameters));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_statistic_count(model->graph), &model->statistics));
  mixent_graph_initialize(model->graph, 0, model->parameters, model->statistics);
  return MIXENT_OK;
}

/* `pixels` [batch, side, side, 1], `probabilities` [batch, classes], `took` [calls]. */
static mixent_status time_calls(mixent_predictor *predictor, const bench_options *options,
                                const uint8_t *pixels, float *probabilities, duration *took) {
  for (int i = -WARM_UP_CALLS; i < options->calls; i++) {
    const duration start = now();
    MIXENT_TRY(mixent_predictor_run(predictor, pixels, (size_t)options->batch, NULL, probabilities));
    const duration end = now();
    if (i >= 0) took[i] = (duration){end.clock - start.clock, end.processor - start.processor};
  }
  return MIXENT_OK;
}

static void print_times(const bench_options *options, const duration *took) {
  printf("{\"net\": \"%s\", \"batch\": %d, \"threads\": %d, \"precision\": \"%s\", \"times\": [",
         options->net, options->batch, options->threads,
         options->precision == MIXENT_BF16        ? "bf16"
         : options->precision == MIXENT_QUANTIZED ? "int8"
                                                  : "fp32");
  for (int i = 0; i < options->calls; i++)
    printf("%s[%.4f, %.4f]", i ? ", " : "", took[i].clock, took[i].processor);
  printf("]}\n");
}

static mixent_status measure(const mixent_model *model, const bench_options *options) {
  uint8_t *pixels;
  float *probabilities = NULL;
  duration *took = NULL;
  mixent_predictor *predictor = NULL;
  uint32_t random = 1;
  MIXENT_TRY(MIXENT_ALLOCATE(options->batch * SIDE * SIDE, &pixels));
  for (int i = 0; i < options->batch * SIDE * SIDE; i++)
    pixels[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
  mixent_status status = MIXENT_ALLOCATE(options->batch * CLASSES, &probabilities);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(options->calls, &took);
  if (status == MIXENT_OK)
    status = mixent_predictor_create(model, options->batch, options->precision, &predictor);
  if (status == MIXENT_OK) status = time_calls(predictor, options, pixels, probabilities, took);
  if (status == MIXENT_OK) print_times(options, took);
  mixent_predictor_free(predictor);
  free(pixels);
  free(probabilities);
  free(took);
  return status;
}

/* A whole number of at least 1, or the end of the program. */
static int parse_count(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*end || value < 1 || value > 100000) fprintf(stderr, "bench_infer: not a count: '%s'\n", text), exit(2);
  return (int)value;
}

static mixent_precision parse_precision(const char *text) {
  if (strcmp(text, "fp32") != 0 && strcmp(text, "bf16") != 0 && strcmp(text, "int8") != 0)
    fprintf(stderr, "bench_infer: not a precision: '%s'\n", text), exit(2);
  return strcmp(text, "bf16") == 0 ? MIXENT_BF16 : strcmp(text, "int8") == 0 ? MIXENT_QUANTIZED : MIXENT_FP32;
}

int main(int argc, char **argv) {
  bench_options options = {.net = "vgg5", .batch = 1, .threads = mixent_processors_count(), .calls = 100};
  static const struct option names[] = {{"net", 1, NULL, 'n'},
                                        {"batch", 1, NULL, 'b'},
                                        {"threads", 1, NULL, 't'},
                                        {"calls", 1, NULL, 'c'},
                                        {"onnx", 1, NULL, 'o'},
                                        {"precision", 1, NULL, 'p'},
                                        {0}};
  for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (letter) {
    case 'n': options.net = optarg; break;
    case 'b': options.batch = parse_count(optarg); break;
    case 't': options.threads = parse_count(optarg); break;
    case 'c': options.calls = parse_count(optarg); break;
    case 'p': options.precision = parse_precision(optarg); break;
    case 'o': options.onnx = optarg; break;
    default: return 2;
    }
  }
  mixent_model model;
  mixent_threads_set(options.threads);
  mixent_status status = make_model(options.net, &model);
  if (status == MIXENT_OK)
    status = options.onnx ? mixent_model_export_onnx(&model, options.onnx) : measure(&model, &options);
  if (status == MIXENT_OK) return 0;
  fprintf(stderr, "bench_infer: %s\n", mixent_last_error());
  return 1;
}
