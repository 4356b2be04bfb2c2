/* How fast real training steps run: a batch drawn and augmented, forward, loss, backward, optimiser and EMA,
 * as the recipe emnist-letters-short sets them. One JSON line per precision; train.py puts PyTorch beside it.
 *
 *   bench_train [--net NAME] [--precision fp32|bf16|both] [--batch N] [--steps N] [--repetitions N]
 *               [--threads N] [--data NAME]        without --data: random images of 28x28 in 26 classes */
#include "core/memory.h"
#include "core/threads.h"
#include "mixent/data.h"
#include "mixent/loss.h"
#include "mixent/net.h"
#include "train/optimizer.h"
#include "train/recipe.h"
#include "train/score.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP_STEPS = 3, SYNTHETIC_IMAGES = 10000, MOST_REPETITIONS = 100 };

typedef struct bench_options {
  const char *net, *data;
  bool precisions[2]; /* measure fp32, bf16 */
  int batch, steps, repetitions, threads;
} bench_options;

/* Everything a step works on. */
typedef struct bench {
  mixent_recipe recipe;
  const mixent_images *images;
  uint32_t *order;
  float mean[3], deviation[3];
  mixent_graph *graph;
  mixent_net *net;
  mixent_loss_options loss;
  mixent_loss_state loss_state;
  mixent_optimizer optimizer;
  mixent_optimizer_segment *segments;
  float *optimizer_state, *ema;
  int32_t *labels;
  size_t classes;
  int batch;
  uint64_t step;
  double fill_seconds; /* spent drawing and augmenting, summed */
} bench;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static mixent_status make_images(mixent_images *images) {
  *images = (mixent_images){.count = SYNTHETIC_IMAGES, .side = 28, .channels = 1};
  MIXENT_TRY(MIXENT_ALLOCATE(images->count * 28 * 28, &images->pixels));
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &images->labels));
  uint32_t random = 1;
  for (size_t i = 0; i < images->count * 28 * 28; i++)
    images->pixels[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
  for (size_t i = 0; i < images->count; i++) images->labels[i] = (int32_t)(i % 26);
  return MIXENT_OK;
}

static mixent_status make_bench(bench *bench, const mixent_images *images, int classes,
                                const bench_options *options, mixent_precision precision) {
  *bench = (struct bench){.images = images, .classes = (size_t)classes, .batch = options->batch};
  mixent_recipe *recipe = &bench->recipe;
  MIXENT_TRY(mixent_recipe_resolve("emnist-letters-short", NULL, 0, recipe));
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &bench->order));
  mixent_order_draw(0, 0, bench->order, images->count);
  mixent_images_moments(images, bench->order, images->count, bench->mean, bench->deviation);
  MIXENT_TRY(mixent_graph_open(
      options->net,
      &(mixent_graph_options){
          .channels = images->channels, .side = images->side, .classes = classes, .dropout = recipe->dropout},
      &bench->graph));
  MIXENT_TRY(mixent_net_create(
      bench->graph, &(mixent_net_options){.batch = options->batch, .precision = precision, .training = true},
      &bench->net));
  mixent_graph_initialize(bench->graph, 0, mixent_net_parameters(bench->net),
                          mixent_net_statistics(bench->net));
  bench->loss = mixent_recipe_loss(recipe);
  bench->loss_state = mixent_loss_start(&bench->loss);

  size_t tensors, count = mixent_graph_parameter_count(bench->graph);
  const mixent_tensor *parameters = mixent_graph_parameters(bench->graph, &tensors);
  MIXENT_TRY(MIXENT_ALLOCATE(tensors, &bench->segments));
  for (size_t i = 0; i < tensors; i++)
    bench->segments[i] =
        (mixent_optimizer_segment){parameters[i].offset, parameters[i].count, parameters[i].decay};
  bench->optimizer = mixent_optimizer_defaults(mixent_optimizer_types[recipe->optimizer]);
  bench->optimizer.momentum = recipe->momentum;
  bench->optimizer.nesterov = recipe->nesterov;
  bench->optimizer.weight_decay = recipe->weight_decay;
  bench->optimizer.count = count;
  bench->optimizer.segments = bench->segments;
  bench->optimizer.segment_count = tensors;
  MIXENT_TRY(MIXENT_ALLOCATE(count * (size_t)bench->optimizer.type->state_arrays, &bench->optimizer_state));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &bench->ema));
  memcpy(bench->ema, mixent_net_parameters(bench->net), count * sizeof *bench->ema);
  return MIXENT_ALLOCATE(options->batch, &bench->labels);
}

static void free_bench(bench *bench) {
  mixent_net_free(bench->net);
  mixent_graph_free(bench->graph);
  free(bench->order);
  free(bench->segments);
  free(bench->optimizer_state);
  free(bench->ema);
  free(bench->labels);
}

static mixent_status run_step(bench *bench) {
  size_t rows = (size_t)bench->batch, batches = bench->images->count / rows;
  const uint32_t *indices = bench->order + bench->step % batches * rows;
  double start = now();
  mixent_batch_fill(bench->images, indices, rows, &bench->recipe.augmentation, 0, bench->step / batches,
                    bench->mean, bench->deviation, mixent_net_input(bench->net));
  bench->fill_seconds += now() - start;
  for (size_t i = 0; i < rows; i++) bench->labels[i] = bench->images->labels[indices[i]];

  MIXENT_TRY(mixent_net_forward(bench->net, MIXENT_TRAIN, 0, bench->step));
  const mixent_loss_batch batch = {.rows = rows,
                                   .classes = bench->classes,
                                   .labels = {.data = bench->labels, .type = MIXENT_INT32},
                                   .logits = {.data = mixent_net_logits(bench->net)}};
  const mixent_loss_rule rule = mixent_loss_rule_of(&bench->loss, &bench->loss_state, 0);
  mixent_loss_result result = {.gradient = mixent_net_logits_gradient(bench->net)};
  MIXENT_TRY(mixent_loss_evaluate(&batch, &rule, &mixent_score_parallel, &result));
  if (!isfinite(result.value)) return mixent_fail(MIXENT_ERROR_NUMERIC, "the loss is no longer finite");
  MIXENT_TRY(mixent_net_backward(bench->net));
  /* a small rate: what is measured is time, and random labels shall not make the weights grow */
  mixent_optimizer_step(&bench->optimizer, 1e-3, ++bench->step, mixent_net_parameters(bench->net),
                        mixent_net_gradients(bench->net), bench->optimizer_state, bench->ema, 0.999);
  return MIXENT_OK;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static mixent_status measure(bench *bench, const bench_options *options, mixent_precision precision) {
  double speeds[MOST_REPETITIONS], seconds = 0;
  for (int i = 0; i < WARM_UP_STEPS; i++) MIXENT_TRY(run_step(bench));
  bench->fill_seconds = 0;
  for (int repetition = 0; repetition < options->repetitions; repetition++) {
    double start = now();
    for (int i = 0; i < options->steps; i++) MIXENT_TRY(run_step(bench));
    double duration = now() - start;
    seconds += duration;
    speeds[repetition] = options->steps * bench->batch / duration;
  }
  qsort(speeds, (size_t)options->repetitions, sizeof *speeds, ascending);
  double median = (speeds[(options->repetitions - 1) / 2] + speeds[options->repetitions / 2]) / 2;
  printf(
      "{\"net\": \"%s\", \"precision\": \"%s\", \"batch\": %d, \"threads\": %d, \"images_per_second\": %.1f, "
      "\"slowest\": %.1f, \"fastest\": %.1f, \"augmentation_share\": %.4f, \"memory_bytes\": %zu}\n",
      options->net, precision == MIXENT_BF16 ? "bf16" : "fp32", bench->batch, mixent_threads(), median,
      speeds[0], speeds[options->repetitions - 1], bench->fill_seconds / seconds,
      mixent_net_memory(bench->net));
  fflush(stdout);
  return MIXENT_OK;
}

static mixent_status run(const bench_options *options) {
  mixent_images synthetic = {0};
  mixent_dataset *dataset = NULL;
  mixent_status status = options->data
                             ? mixent_dataset_open(options->data, &(mixent_dataset_options){0}, &dataset)
                             : make_images(&synthetic);
  const mixent_images *images = dataset ? &dataset->train : &synthetic;
  for (int precision = MIXENT_FP32; precision <= MIXENT_BF16 && status == MIXENT_OK; precision++) {
    if (!options->precisions[precision]) continue;
    bench one;
    status = make_bench(&one, images, dataset ? dataset->classes : 26, options, (mixent_precision)precision);
    if (status == MIXENT_OK) status = measure(&one, options, (mixent_precision)precision);
    free_bench(&one);
  }
  mixent_dataset_free(dataset);
  free(synthetic.pixels);
  free(synthetic.labels);
  return status;
}

/* A whole number of at least 1, or the end of the program. */
static int parse_count(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*end || value < 1 || value > 1000000)
    fprintf(stderr, "bench_train: not a count: '%s'\n", text), exit(2);
  return (int)value;
}

static void parse_precision(const char *text, bool precisions[2]) {
  precisions[MIXENT_FP32] = strcmp(text, "bf16") != 0;
  precisions[MIXENT_BF16] = strcmp(text, "fp32") != 0;
  if (precisions[0] && precisions[1] && strcmp(text, "both") != 0)
    fprintf(stderr, "bench_train: not a precision: '%s'\n", text), exit(2);
}

int main(int argc, char **argv) {
  bench_options options = {.net = "vgg5",
                           .precisions = {true, true},
                           .batch = 250,
                           .steps = 4,
                           .repetitions = 5,
                           .threads = mixent_threads_available()};
  static const struct option names[] = {{"net", 1, NULL, 'n'},         {"precision", 1, NULL, 'p'},
                                        {"batch", 1, NULL, 'b'},       {"steps", 1, NULL, 's'},
                                        {"repetitions", 1, NULL, 'r'}, {"threads", 1, NULL, 't'},
                                        {"data", 1, NULL, 'd'},        {0}};
  for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (letter) {
    case 'n': options.net = optarg; break;
    case 'p': parse_precision(optarg, options.precisions); break;
    case 'b': options.batch = parse_count(optarg); break;
    case 's': options.steps = parse_count(optarg); break;
    case 'r': options.repetitions = parse_count(optarg); break;
    case 't': options.threads = parse_count(optarg); break;
    case 'd': options.data = optarg; break;
    default: return 2;
    }
  }
  if (options.repetitions > MOST_REPETITIONS) options.repetitions = MOST_REPETITIONS;
  mixent_threads_set(options.threads);
  if (run(&options) == MIXENT_OK) return 0;
  fprintf(stderr, "bench_train: %s\n", mixent_last_error());
  return 1;
}
