/* Winograd's convolutions by the way maps are cut, beside oneDNN's direct ones: milliseconds (median) of the three passes
 * of VGG-5's 3x3 convolutions, and GFLOP/s as a direct convolution counts them (each tap that meets a pixel), all back ends
 * in turn in every round; bfloat16 where the processor has it. Then relative errors against float64: 64 channels that come
 * out of a ReLU to 64, beside sums of float and of bfloat16 without Winograd's transforms; MIXENT_CPU names the kernels.
 * "spread" is the distance between the quartiles over the median, of the pass where it is largest. A large one says that
 * others had the processors and the line is worth nothing; a small one is no proof: where processors are shared and threads
 * spin while they wait, every round measures the same slices of the scheduler. Hence OMP_WAIT_POLICY=passive.
 * Usage: bench_winograd [--json] [--batch N] [--threads N] [--rounds N] [--errors], which leaves the speeds out. */
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "mixent/net.h"
#include "net/graph/layer.h"
#include "net/winograd/convolution.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 3, MAX_ROUNDS = 101, BACKENDS = 1 + MIXENT_CUTS };
static const char *const pass_names[PASSES] = {"forward", "backward data", "backward weights"};
static const char *const pass_keys[PASSES] = {"forward", "data", "weights"};

typedef struct options {
  bool json, errors_only;
  int batch, threads, rounds;
} options;

static void check(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "bench_winograd: %s\n", mixent_last_error());
  exit(1);
}

static void *allocate(size_t bytes) {
  void *memory;
  check(mixent_allocate(bytes, &memory));
  return memory;
}

static const char *backend_name(int backend) {
  return backend ? mixent_winograd_names[backend - 1] : "onednn";
}

/* A convolution of VGG-5. */
typedef struct shape {
  int channels, outputs, side;
} shape;

static const shape shapes[] = {{64, 64, 28},  {64, 128, 14}, {128, 128, 14},
                               {128, 256, 7}, {256, 256, 7}, {256, 256, 3}};

/* A network about it: a layer that makes its input, so that there is a gradient to pass on, and one that reads it. */
static mixent_graph *make_graph(const shape *s) {
  int stride = s->side < 7 ? 8 : 28 / s->side;
  char text[512];
  snprintf(text, sizeof text,
           "name: one\nlayers:\n  - conv2d: {channels: %d, kernel: 1, stride: %d}\n"
           "  - conv2d: {name: measured, channels: %d, kernel: 3, padding: 1, bias: false}\n"
           "  - global_pool:\n  - flatten:\n  - linear: {features: classes}\n",
           s->channels, stride, s->outputs);
  const mixent_graph_options options = {
      .channels = 1, .side = s->side * stride, .classes = 10, .dropout = -1};
  mixent_graph *graph;
  check(mixent_graph_parse(text, "bench_winograd", &options, &graph));
  return graph;
}

static mixent_net *make_net(const mixent_graph *graph, const options *options, bool bf16, int backend) {
  const mixent_net_choice choice = {"measured", "*", backend_name(backend)};
  mixent_net *net;
  check(mixent_net_create(graph,
                          &(mixent_net_options){.batch = options->batch,
                                                .precision = bf16 ? MIXENT_BF16 : MIXENT_FP32,
                                                .training = true,
                                                .choices = &choice,
                                                .choice_count = 1},
                          &net));
  mixent_graph_initialize(graph, 1, mixent_net_parameters(net), mixent_net_statistics(net));
  return net;
}

/* One step; seconds of the three passes, and what they compute. */
static void run_step(mixent_net *net, double seconds[PASSES], double *operations) {
  mixent_net_step step;
  mixent_net_time_steps(net);
  check(mixent_net_forward(net, MIXENT_TRAIN, 0, 0));
  check(mixent_net_backward(net));
  for (size_t i = 0; mixent_net_step_get(net, i, &step); i++)
    for (int pass = 0; pass < PASSES && strcmp(step.layer, "measured") == 0; pass++)
      if (strcmp(step.pass, pass_names[pass]) == 0)
        seconds[pass] = step.seconds, *operations = step.operations;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* What the rounds of one back end come to. */
typedef struct speed {
  double medians[PASSES], spread, operations;
} speed;

static void print_speed(const options *options, const shape *s, bool bf16, int backend, const speed *speed) {
  char name[32];
  snprintf(name, sizeof name, "%d>%d@%d", s->channels, s->outputs, s->side);
  if (options->json)
    printf("{\"layer\": \"%s\", \"precision\": \"%s\", \"backend\": \"%s\", \"batch\": %d", name,
           bf16 ? "bf16" : "fp32", backend_name(backend), options->batch);
  else
    printf("%-11s %-9s %-12s", name, bf16 ? "bf16" : "fp32", backend_name(backend));
  for (int pass = 0; pass < PASSES; pass++)
    printf(options->json ? ", \"%s_ms\": %.4f, \"%s_gflops\": %.1f" : "%3.0s%8.2f%1.0s%8.1f",
           options->json ? pass_keys[pass] : "", speed->medians[pass] * 1e3,
           options->json ? pass_keys[pass] : "", speed->operations / speed->medians[pass] * 1e-9);
  printf(options->json ? ", \"spread\": %.3f}\n" : "%8.2f\n", speed->spread);
}

/* All back ends on one convolution, in turn. */
static void measure(const options *options, const shape *s, bool bf16) {
  static double times[BACKENDS][PASSES][MAX_ROUNDS];
  double operations = 0;
  mixent_graph *graph = make_graph(s);
  mixent_net *nets[BACKENDS];
  for (int b = 0; b < BACKENDS; b++) nets[b] = make_net(graph, options, bf16, b);
  for (int round = -1; round < options->rounds; round++)
    for (int b = 0; b < BACKENDS; b++) {
      double seconds[PASSES];
      run_step(nets[b], seconds, &operations);
      for (int pass = 0; pass < PASSES && round >= 0; pass++) times[b][pass][round] = seconds[pass];
    }
  for (int b = 0; b < BACKENDS; b++) {
    speed speed = {.operations = operations};
    for (int pass = 0; pass < PASSES; pass++) {
      const double *sorted = times[b][pass];
      qsort(times[b][pass], (size_t)options->rounds, sizeof(double), compare);
      speed.medians[pass] = sorted[options->rounds / 2];
      double apart = sorted[3 * options->rounds / 4] - sorted[options->rounds / 4];
      speed.spread = fmax(speed.spread, apart / speed.medians[pass]);
    }
    print_speed(options, s, bf16, b, &speed);
    mixent_net_free(nets[b]);
  }
  mixent_graph_free(graph);
}

static void measure_all(const options *options) {
  if (!options->json) {
    printf("%d images, %d threads, median of %d, milliseconds and GFLOP/s\n", options->batch,
           options->threads, options->rounds);
    printf("%-34s   %8s%9s   %8s%9s   %8s%9s%8s\n", "layer, precision, back end", "forward", "", "data", "",
           "weights", "", "spread");
  }
  for (int bf16 = 0; bf16 <= mixent_net_bf16_is_native(); bf16++)
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) measure(options, &shapes[s], bf16);
}

/* The convolution whose errors are found; 30 = 6 4 + 2 3, so that winograd-43 has tiles of all its kinds. */
enum { CHANNELS = 64, SIDE = 30, PIXELS = SIDE * SIDE, VALUES = PIXELS * CHANNELS };
enum { WEIGHTS = CHANNELS * CHANNELS * 9 };

typedef struct problem {
  double x[VALUES], dy[VALUES], w[WEIGHTS];
} problem;

static void fill_normal(double *out, size_t count, const char *name, double deviation) {
  mixent_random random = mixent_random_stream(1, "bench", name);
  for (size_t i = 0; i < count; i++) {
    uint32_t words[4];
    mixent_random_block(&random, 0, i, words);
    double a = mixent_uniform_double(words[0], words[1]), b = mixent_uniform_double(words[2], words[3]);
    out[i] = deviation * sqrt(-2 * log(1 - a)) * cos(6.283185307179586 * b);
  }
}

static problem *make_problem(void) {
  problem *p = allocate(sizeof *p);
  fill_normal(p->x, VALUES, "x", 1);
  for (int i = 0; i < VALUES; i++) p->x[i] = fmax(p->x[i], 0);
  fill_normal(p->dy, VALUES, "dy", 1);
  fill_normal(p->w, WEIGHTS, "w", sqrt(2.0 / (9 * CHANNELS)));
  return p;
}

/* A pass as a sum of products, out[a] += b[j] c[k], in double or in float. */
typedef struct sums {
  double *exact;
  float *rounded;
} sums;

static void add_products(const problem *p, int pass, int x, int y, int tap, sums to) {
  for (int k = 0; k < CHANNELS; k++)
    for (int c = 0; c < CHANNELS; c++) {
      int at[PASSES] = {y + k, x + c, (k * CHANNELS + c) * 9 + tap};
      double factors[PASSES] = {p->dy[at[0]], p->x[at[1]], p->w[at[2]]};
      double a = factors[pass == 0 ? 1 : 0], b = factors[pass == 2 ? 1 : 2];
      to.exact[at[pass]] += a * b;
      to.rounded[at[pass]] += (float)a * (float)b;
    }
}

static int counts(int pass) {
  return pass == 2 ? WEIGHTS : VALUES;
}

static void convolve(const problem *p, int pass, sums to) {
  memset(to.exact, 0, (size_t)counts(pass) * sizeof *to.exact);
  memset(to.rounded, 0, (size_t)counts(pass) * sizeof *to.rounded);
  for (int pixel = 0; pixel < PIXELS; pixel++)
    for (int tap = 0; tap < 9; tap++) {
      int row = pixel / SIDE + tap / 3 - 1, column = pixel % SIDE + tap % 3 - 1;
      if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
      add_products(p, pass, (row * SIDE + column) * CHANNELS, pixel * CHANNELS, tap, to);
    }
}

/* |got - wanted| over |wanted| */
static double distance(mixent_typed_array got, const double *wanted, int count) {
  double apart = 0, scale = 0;
  for (int i = 0; i < count; i++)
    apart += pow(mixent_get(got, (size_t)i) - wanted[i], 2), scale += wanted[i] * wanted[i];
  return sqrt(apart / scale);
}

static mixent_typed_array as_type(const double *values, int count, mixent_data_type type) {
  mixent_typed_array out = {allocate((size_t)count * 4), type};
  for (int i = 0; i < count; i++) mixent_put(out, (size_t)i, values[i]);
  return out;
}

/* Values and gradients as a network has them; weights are float whatever the precision. */
typedef struct arrays {
  mixent_typed_array x, dy, w;
} arrays;

static double winograd_error(const arrays *in, int pass, int cut, const double *wanted) {
  const mixent_winograd_shape shape = {
      1, SIDE, SIDE, CHANNELS, CHANNELS, 1, in->x.type == MIXENT_TYPE_BF16, false};
  mixent_winograd *w;
  static const mixent_winograd_pass passes[] = {MIXENT_WINOGRAD_FORWARD, MIXENT_WINOGRAD_DATA,
                                                MIXENT_WINOGRAD_WEIGHTS};
  check(mixent_winograd_create(&shape, passes[pass], (mixent_winograd_cut)cut, NULL, mixent_threads(), &w));
  void *filters = allocate(mixent_winograd_filter_bytes(w)),
       *scratch = allocate(mixent_winograd_scratch_bytes(w));
  mixent_typed_array out = {allocate((size_t)counts(pass) * 4), pass == 2 ? MIXENT_TYPE_F32 : in->x.type};
  if (pass == 2)
    mixent_winograd_run_weights(w, in->x.data, in->dy.data, out.data, NULL, filters, scratch);
  else
    mixent_winograd_run(w, pass ? in->dy.data : in->x.data, in->w.data, false, NULL, false, out.data, filters,
                        scratch);
  double error = distance(out, wanted, counts(pass));
  free(filters), free(scratch), free(out.data);
  mixent_winograd_free(w);
  return error;
}

/* The same of a sum of products of the rounded numbers. */
static double direct_error(const arrays *in, int pass, const double *wanted, const sums *scratch) {
  problem *rounded = allocate(sizeof *rounded);
  bool bf16 = in->x.type == MIXENT_TYPE_BF16;
  for (size_t i = 0; i < VALUES; i++)
    rounded->x[i] = mixent_get(in->x, i), rounded->dy[i] = mixent_get(in->dy, i);
  for (size_t i = 0; i < WEIGHTS; i++) {
    float w = (float)mixent_get(in->w, i);
    rounded->w[i] = bf16 ? mixent_bf16_to_float(mixent_bf16_from_float(w)) : w;
  }
  convolve(rounded, pass, *scratch);
  mixent_typed_array out = {scratch->rounded, MIXENT_TYPE_F32};
  for (size_t i = 0; i < (size_t)counts(pass) && bf16 && pass < 2; i++)
    scratch->rounded[i] = mixent_bf16_to_float(mixent_bf16_from_float(scratch->rounded[i]));
  free(rounded);
  return distance(out, wanted, counts(pass));
}

static void print_errors(const options *options, const char *name, double errors[PASSES][2]) {
  if (!options->json) printf("%-12s", name);
  for (int pass = 0; pass < PASSES; pass++)
    if (options->json)
      printf("{\"error_of\": \"%s\", \"pass\": \"%s\", \"fp32\": %.3g, \"bf16\": %.3g}\n", name,
             pass_keys[pass], errors[pass][0], errors[pass][1]);
    else
      printf("   %10.2e %8.3f%%", errors[pass][0], 100 * errors[pass][1]);
  if (!options->json) printf("\n");
}

static void find_errors(const options *options) {
  problem *p = make_problem();
  sums exact[PASSES], scratch = {allocate(VALUES * sizeof(double)), allocate(VALUES * sizeof(float))};
  for (int pass = 0; pass < PASSES; pass++) {
    exact[pass] = (sums){allocate(VALUES * sizeof(double)), scratch.rounded};
    convolve(p, pass, exact[pass]);
  }
  if (!options->json) {
    printf("relative errors, %d channels, kernels for %s\n", CHANNELS, mixent_kernels_choose(true)->name);
    printf("%-12s   %10s %9s   %10s %9s   %10s %9s\n", "", "forward", "bf16", "data", "bf16", "weights",
           "bf16");
  }
  for (int way = 0; way <= MIXENT_CUTS; way++) {
    double errors[PASSES][2];
    for (int bf16 = 0; bf16 < 2; bf16++) {
      mixent_data_type type = bf16 ? MIXENT_TYPE_BF16 : MIXENT_TYPE_F32;
      arrays in = {as_type(p->x, VALUES, type), as_type(p->dy, VALUES, type),
                   as_type(p->w, WEIGHTS, MIXENT_TYPE_F32)};
      for (int pass = 0; pass < PASSES; pass++)
        errors[pass][bf16] = way ? winograd_error(&in, pass, way - 1, exact[pass].exact)
                                 : direct_error(&in, pass, exact[pass].exact, &scratch);
      free(in.x.data), free(in.dy.data), free(in.w.data);
    }
    print_errors(options, way ? mixent_winograd_names[way - 1] : "direct", errors);
  }
  for (int pass = 0; pass < PASSES; pass++) free(exact[pass].exact);
  free(scratch.exact), free(scratch.rounded), free(p);
}

/* False: not as it should be. */
static bool read_options(int argc, char **argv, options *out) {
  for (int i = 1; i < argc; i++) {
    int *number = strcmp(argv[i], "--batch") == 0     ? &out->batch
                  : strcmp(argv[i], "--threads") == 0 ? &out->threads
                  : strcmp(argv[i], "--rounds") == 0  ? &out->rounds
                                                      : NULL;
    if (number && i + 1 < argc)
      *number = atoi(argv[++i]);
    else if (strcmp(argv[i], "--json") == 0)
      out->json = true;
    else if (strcmp(argv[i], "--errors") == 0)
      out->errors_only = true;
    else
      return false;
  }
  return out->batch > 0 && out->threads > 0 && out->rounds > 0 && out->rounds <= MAX_ROUNDS;
}

int main(int argc, char **argv) {
  options options = {.batch = 128, .threads = 2, .rounds = 11};
  if (!read_options(argc, argv, &options)) {
    fprintf(stderr,
            "usage: bench_winograd [--json] [--batch N] [--threads N] [--rounds N (to %d)] [--errors]\n",
            MAX_ROUNDS);
    return 2;
  }
  mixent_threads_set(options.threads);
  const char *policy = getenv("OMP_WAIT_POLICY");
  if (options.threads > 1 && (!policy || strcmp(policy, "passive") != 0))
    fprintf(stderr,
            "bench_winograd: without OMP_WAIT_POLICY=passive the times are worth nothing where processors "
            "are shared\n");
  if (!options.errors_only) measure_all(&options);
  if (!options.errors_only && !options.json) printf("\n");
  find_errors(&options);
  return 0;
}
