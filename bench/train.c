/* How fast real training steps run: a batch drawn and augmented, forward, loss, backward, optimiser and EMA,
 * as the recipe emnist-letters-short sets them. One JSON line per precision; train.py puts other frameworks beside it.
 *
 *   bench_train [--net NAME] [--precision fp32|bf16|both] [--batch N] [--steps N] [--repetitions N] [--threads N]
 *               [--replicas N] [--plan table|auto|FILE|NAME] [--layers] [--data NAME]
 *
 * --replicas cuts the batch into parts that go through networks of their own on their share of the threads; parts of a step are timed
 * where there is one. --layers times each step of the plan, too. Without --data: random images of 28x28 in 26 classes. */
#include "core/clock.h"
#include "core/memory.h"
#include "core/system.h"
#include "core/team.h"
#include "core/threads.h"
#include "mixent/data.h"
#include "mixent/loss.h"
#include "mixent/net.h"
#include "model/score.h"
#include "optimize/optimizer.h"
#include "peers/mean.h"
#include "recipe/recipe.h"
#include "train/plan_source.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { WARM_UP_STEPS = 2, SYNTHETIC_IMAGES = 10000, MOST_REPETITIONS = 100, MOST_REPLICAS = 64 };

typedef struct bench_options {
  const char *net, *data, *plan;
  bool precisions[2]; /* measure fp32, bf16 */
  bool layers;
  int batch, steps, repetitions, threads, replicas;
} bench_options;

/* The parts of a step. */
typedef enum bench_part { FILL, FORWARD, LOSS, BACKWARD, UPDATE, PARTS } bench_part;
static const char *const part_names[PARTS] = {"augmentation", "forward", "loss", "backward", "optimizer"};

/* Everything a step works on. */
typedef struct bench {
  mixent_recipe recipe;
  const mixent_images *images;
  uint32_t *order;
  float mean_pixel[3], deviation[3];
  mixent_graph *graph;
  mixent_net *nets[MOST_REPLICAS]; /* over the weights of the first */
  float *gradients[MOST_REPLICAS];
  mixent_status statuses[MOST_REPLICAS];
  mixent_team *team; /* NULL: one replica */
  mixent_mean *mean;
  mixent_plan_source plan;
  mixent_loss_options loss;
  mixent_loss_state loss_state;
  mixent_optimizer optimizer;
  mixent_optimizer_segment *segments;
  float *optimizer_state, *ema;
  int32_t *labels;
  size_t classes;
  int batch, replicas, threads;
  uint64_t step;
  double seconds[PARTS];      /* of each part, summed */
  double core_seconds[PARTS]; /* the same of all threads together, as far as they worked */
} bench;

/* Processor time of all threads. */
static double core_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
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

static mixent_status make_nets(bench *bench, const bench_options *options, mixent_precision precision) {
  int rows = bench->batch / bench->replicas;
  for (int r = 0; r < bench->replicas; r++) {
    const mixent_net_options net = {
        .batch = rows, .first_row = r * rows, .precision = precision, .training = true};
    MIXENT_TRY(mixent_plan_source_net(bench->graph, &net, options->plan, &bench->plan, &bench->nets[r]));
    bench->gradients[r] = mixent_net_gradients(bench->nets[r]);
    if (r > 0) mixent_net_use(bench->nets[r], mixent_net_parameters(bench->nets[0]), NULL);
  }
  mixent_graph_initialize(bench->graph, 0, mixent_net_parameters(bench->nets[0]),
                          mixent_net_statistics(bench->nets[0]));
  return MIXENT_OK;
}

/* With as many threads set as a replica has; then as many as there are in all. */
static mixent_status make_replicas(bench *bench, const bench_options *options, mixent_precision precision) {
  int threads = bench->threads / bench->replicas, members = bench->replicas;
  if (threads < 1) threads = 1, members = bench->threads;
  mixent_threads_set(threads);
  mixent_status status = make_nets(bench, options, precision);
  mixent_threads_set(bench->threads);
  if (bench->replicas == 1 || status != MIXENT_OK) return status;
  const mixent_mean_options mean = {.replicas = bench->replicas,
                                    .arrays = bench->gradients,
                                    .count = mixent_graph_parameter_count(bench->graph),
                                    .out = bench->gradients[0]};
  MIXENT_TRY(mixent_mean_create(&mean, &bench->mean));
  return mixent_team_create((size_t)members, threads, &bench->team);
}

static mixent_status make_bench(bench *bench, const mixent_images *images, int classes,
                                const bench_options *options, mixent_precision precision) {
  *bench = (struct bench){.images = images,
                          .classes = (size_t)classes,
                          .batch = options->batch,
                          .replicas = options->replicas,
                          .threads = options->threads};
  mixent_recipe *recipe = &bench->recipe;
  MIXENT_TRY(mixent_recipe_compose("emnist-letters-short", NULL, 0, recipe));
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &bench->order));
  mixent_order_draw(0, 0, bench->order, images->count);
  mixent_images_moments(images, bench->order, images->count, bench->mean_pixel, bench->deviation);
  MIXENT_TRY(mixent_graph_open(
      options->net,
      &(mixent_graph_options){
          .channels = images->channels, .side = images->side, .classes = classes, .dropout = recipe->dropout},
      &bench->graph));
  MIXENT_TRY(make_replicas(bench, options, precision));
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
  memcpy(bench->ema, mixent_net_parameters(bench->nets[0]), count * sizeof *bench->ema);
  return MIXENT_ALLOCATE(options->batch, &bench->labels);
}

static void free_bench(bench *bench) {
  mixent_team_free(bench->team);
  mixent_mean_free(bench->mean);
  for (int r = 0; r < bench->replicas; r++) mixent_net_free(bench->nets[r]);
  mixent_graph_free(bench->graph);
  free(bench->order);
  free(bench->segments);
  free(bench->optimizer_state);
  free(bench->ema);
  free(bench->labels);
}

/* Adds what has passed since *start and *core to a part, and sets them anew. */
static void end_part(bench *bench, bench_part part, double *start, double *core) {
  double time = mixent_seconds_now(), core_time = core_now();
  bench->seconds[part] += time - *start;
  bench->core_seconds[part] += core_time - *core;
  *start = time, *core = core_time;
}

static mixent_status evaluate_loss(bench *bench, int replica) {
  size_t rows = (size_t)(bench->batch / bench->replicas);
  const mixent_loss_batch batch = {
      .rows = rows,
      .classes = bench->classes,
      .labels = {.data = bench->labels + (size_t)replica * rows, .type = MIXENT_INT32},
      .logits = {.data = mixent_net_logits(bench->nets[replica])}};
  const mixent_loss_rule rule = mixent_loss_rule_of(&bench->loss, &bench->loss_state, 0);
  mixent_loss_result result = {.gradient = mixent_net_logits_gradient(bench->nets[replica])};
  MIXENT_TRY(mixent_loss_evaluate(&batch, &rule, &mixent_score_parallel, &result));
  return isfinite(result.value) ? MIXENT_OK
                                : mixent_fail(MIXENT_ERROR_NUMERIC, "the loss is no longer finite");
}

static void fill_rows(bench *bench, int replica) {
  size_t rows = (size_t)(bench->batch / bench->replicas),
         batches = bench->images->count / (size_t)bench->batch;
  const uint32_t *indices =
      bench->order + bench->step % batches * (size_t)bench->batch + (size_t)replica * rows;
  mixent_batch_fill(bench->images, indices, rows, &bench->recipe.augmentation, 0, bench->step / batches,
                    bench->mean_pixel, bench->deviation, mixent_net_input(bench->nets[replica]));
  for (size_t i = 0; i < rows; i++)
    bench->labels[(size_t)replica * rows + i] = bench->images->labels[indices[i]];
}

static mixent_status pass_replica(bench *bench, int replica) {
  fill_rows(bench, replica);
  MIXENT_TRY(mixent_net_forward(bench->nets[replica], MIXENT_TRAIN, 0, bench->step));
  MIXENT_TRY(evaluate_loss(bench, replica));
  return mixent_net_backward(bench->nets[replica]);
}

static void work_on_replica(void *context, size_t replica) {
  bench *bench = context;
  bench->statuses[replica] = pass_replica(bench, (int)replica);
  mixent_mean_ready(bench->mean, (int)replica, 0);
}

static mixent_status pass_replicas(bench *bench) {
  mixent_team_begin(bench->team, (size_t)bench->replicas, work_on_replica, bench);
  mixent_mean_finish(bench->mean);
  mixent_team_wait(bench->team, -1);
  for (int r = 0; r < bench->replicas; r++)
    if (bench->statuses[r] != MIXENT_OK) return mixent_fail(bench->statuses[r], "replica %d failed", r);
  return MIXENT_OK;
}

/* The same as pass_replica, each part timed. */
static mixent_status pass_in_parts(bench *bench, double *start, double *core) {
  fill_rows(bench, 0);
  end_part(bench, FILL, start, core);
  MIXENT_TRY(mixent_net_forward(bench->nets[0], MIXENT_TRAIN, 0, bench->step));
  end_part(bench, FORWARD, start, core);
  MIXENT_TRY(evaluate_loss(bench, 0));
  end_part(bench, LOSS, start, core);
  MIXENT_TRY(mixent_net_backward(bench->nets[0]));
  end_part(bench, BACKWARD, start, core);
  return MIXENT_OK;
}

static mixent_status run_step(bench *bench) {
  double start = mixent_seconds_now(), core = core_now();
  MIXENT_TRY(bench->team ? pass_replicas(bench) : pass_in_parts(bench, &start, &core));
  /* a small rate: what is measured is time, and random labels shall not make the weights grow */
  mixent_optimizer_step(&bench->optimizer, 1e-3, ++bench->step, mixent_net_parameters(bench->nets[0]),
                        bench->gradients[0], bench->optimizer_state, bench->ema, 0.999);
  end_part(bench, UPDATE, &start, &core);
  return MIXENT_OK;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Whether a step computes one pass of a convolution or linear layer, and not something small beside it. */
static bool is_pass(const mixent_net_step *step) {
  static const char *const passes[] = {"forward", "backward data", "backward weights"};
  for (int i = 0; i < 3; i++)
    if (step->operations > 0 && strcmp(step->pass, passes[i]) == 0) return true;
  return false;
}

/* Milliseconds of one step, and operations where they can be told. */
static void print_layers(const bench *bench, int steps) {
  mixent_net_step step;
  printf(", \"layers\": [");
  for (size_t i = 0; mixent_net_step_get(bench->nets[0], i, &step); i++)
    printf("%s{\"layer\": \"%s\", \"kind\": \"%s\", \"pass\": \"%s\", \"backend\": \"%s\", "
           "\"milliseconds\": %.4f, \"operations\": %.0f}",
           i ? ", " : "", step.layer, step.kind, step.pass, step.backend, 1e3 * step.seconds / steps,
           is_pass(&step) ? step.operations : 0);
  printf("]");
}

/* The arithmetic of one image's step: convolutions and linear layers, forward and backward. */
static double image_operations(const bench *bench) {
  double sum = 0;
  mixent_net_step step;
  for (size_t i = 0; mixent_net_step_get(bench->nets[0], i, &step); i++)
    if (is_pass(&step)) sum += step.operations;
  return sum * bench->replicas / bench->batch;
}

static void print_parts(const bench *bench, int steps) {
  double core = 0;
  for (int part = 0; part < PARTS; part++) core += bench->core_seconds[part];
  printf(", \"augmentation_core_share\": %.5f, \"milliseconds\": {", bench->core_seconds[FILL] / core);
  for (int part = 0; part < PARTS; part++)
    printf("%s\"%s\": %.4f", part ? ", " : "", part_names[part], 1e3 * bench->seconds[part] / steps);
  printf("}");
}

static void print_result(const bench *bench, const bench_options *options, mixent_precision precision,
                         const double *speeds, double seconds) {
  int count = options->repetitions, steps = count * options->steps;
  double median = (speeds[(count - 1) / 2] + speeds[count / 2]) / 2;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf(
      "{\"net\": \"%s\", \"precision\": \"%s\", \"batch\": %d, \"threads\": %d, \"replicas\": %d, \"plan\": \"%s\", "
      "\"plan_hash\": \"%s\", \"images_per_second\": %.1f, \"slowest\": %.1f, \"fastest\": %.1f, "
      "\"augmentation_share\": %.4f, \"memory_bytes\": %zu, \"peak_memory_bytes\": %zu, "
      "\"parameters\": %zu, \"operations_per_image\": %.0f",
      options->net, precision == MIXENT_BF16 ? "bf16" : "fp32", bench->batch, mixent_threads(),
      bench->replicas, bench->plan.plan, bench->plan.hash, median, speeds[0], speeds[count - 1],
      bench->seconds[FILL] / seconds, (size_t)bench->replicas * mixent_net_memory(bench->nets[0]),
      (size_t)usage.ru_maxrss * 1024, (size_t)mixent_graph_parameter_count(bench->graph),
      image_operations(bench));
  if (!bench->team) print_parts(bench, steps);
  if (options->layers) print_layers(bench, steps);
  printf("}\n");
  fflush(stdout);
}

static mixent_status measure(bench *bench, const bench_options *options, mixent_precision precision) {
  double speeds[MOST_REPETITIONS], seconds = 0;
  for (int i = 0; i < WARM_UP_STEPS; i++) MIXENT_TRY(run_step(bench));
  memset(bench->seconds, 0, sizeof bench->seconds);
  memset(bench->core_seconds, 0, sizeof bench->core_seconds);
  if (options->layers) mixent_net_time_steps(bench->nets[0]);
  for (int repetition = 0; repetition < options->repetitions; repetition++) {
    double start = mixent_seconds_now();
    for (int i = 0; i < options->steps; i++) MIXENT_TRY(run_step(bench));
    double duration = mixent_seconds_now() - start;
    seconds += duration;
    speeds[repetition] = options->steps * bench->batch / duration;
  }
  qsort(speeds, (size_t)options->repetitions, sizeof *speeds, ascending);
  print_result(bench, options, precision, speeds, seconds);
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
                           .plan = "table",
                           .precisions = {true, true},
                           .batch = 250,
                           .steps = 4,
                           .repetitions = 5,
                           .threads = mixent_processors_count(),
                           .replicas = 1};
  static const struct option names[] = {{"net", 1, NULL, 'n'},
                                        {"precision", 1, NULL, 'p'},
                                        {"batch", 1, NULL, 'b'},
                                        {"steps", 1, NULL, 's'},
                                        {"repetitions", 1, NULL, 'r'},
                                        {"threads", 1, NULL, 't'},
                                        {"data", 1, NULL, 'd'},
                                        {"plan", 1, NULL, 'P'},
                                        {"replicas", 1, NULL, 'R'},
                                        {"layers", 0, NULL, 'l'},
                                        {0}};
  for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (letter) {
    case 'n': options.net = optarg; break;
    case 'p': parse_precision(optarg, options.precisions); break;
    case 'b': options.batch = parse_count(optarg); break;
    case 's': options.steps = parse_count(optarg); break;
    case 'r': options.repetitions = parse_count(optarg); break;
    case 't': options.threads = parse_count(optarg); break;
    case 'R': options.replicas = parse_count(optarg); break;
    case 'd': options.data = optarg; break;
    case 'P': options.plan = optarg; break;
    case 'l': options.layers = true; break;
    default: return 2;
    }
  }
  if (options.repetitions > MOST_REPETITIONS) options.repetitions = MOST_REPETITIONS;
  if (options.batch % options.replicas || options.replicas > MOST_REPLICAS) {
    fprintf(stderr, "bench_train: expected at most %d replicas that divide the batch of %d, got %d\n",
            MOST_REPLICAS, options.batch, options.replicas);
    return 2;
  }
  mixent_threads_set(options.threads);
  if (run(&options) == MIXENT_OK) return 0;
  fprintf(stderr, "bench_train: %s\n", mixent_last_error());
  return 1;
}
