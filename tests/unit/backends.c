/* The fast back ends against the plain reference: random networks, odd sizes, all layer kinds, whole passes;
 * and the plan's memory: nothing overlaps that lives at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/plan/plan.h"
#include "random_network.h"
#include <math.h>
#include <stdlib.h>

/* |a - b| over |b|, Euclidean */
static double distance(const float *a, const float *b, size_t count) {
  double apart = 0, scale = 1e-30;
  for (size_t i = 0; i < count; i++) apart += pow((double)a[i] - b[i], 2), scale += pow(b[i], 2);
  return sqrt(apart / scale);
}

static mixent_net *make(const mixent_graph *graph, int batch, mixent_precision precision, bool reference) {
  mixent_net *net;
  mixent_net_options options = {
      .batch = batch, .precision = precision, .training = true, .reference = reference};
  if (mixent_net_create(graph, &options, &net) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  mixent_graph_initialize(graph, 5, mixent_net_parameters(net), mixent_net_statistics(net));
  /* scales and shifts other than 1 and 0 */
  float *parameters = mixent_net_parameters(net);
  for (size_t i = 0; i < mixent_graph_parameter_count(graph); i++)
    parameters[i] += 0.1F * ((float)draw(17, i, 1000) / 1000 - 0.5F);
  return net;
}

/* One step of the network described by `text`, the fast back ends against the reference. False if its gradients are as
 * far apart as a ReLU or maximum makes them that decides otherwise on values which rounding alone tells apart. */
static bool compare_networks(const char *text, const mixent_graph_options *options, int batch, uint64_t seed,
                             mixent_precision precision, double tolerance) {
  mixent_graph *graph;
  if (mixent_graph_parse(text, "test", options, &graph) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  mixent_net *nets[] = {make(graph, batch, precision, false), make(graph, batch, MIXENT_FP32, true)};
  size_t image = (size_t)options->side * (size_t)options->side * (size_t)options->channels;
  size_t logits = (size_t)batch * (size_t)options->classes;
  mixent_mode modes[] = {MIXENT_EVALUATE, MIXENT_ESTIMATE, MIXENT_TRAIN};
  for (int m = 0; m < 3; m++) {
    for (int n = 0; n < 2; n++) {
      fill(mixent_net_input(nets[n]), (size_t)batch * image, seed);
      if (mixent_net_forward(nets[n], modes[m], 7, 1) != MIXENT_OK) fail_msg("%s", mixent_last_error());
    }
    assert_true(difference(mixent_net_logits(nets[0]), mixent_net_logits(nets[1]), logits) < tolerance);
    assert_true(difference(mixent_net_statistics(nets[0]), mixent_net_statistics(nets[1]),
                           mixent_graph_statistic_count(graph)) < tolerance);
  }
  for (int n = 0; n < 2; n++) {
    fill(mixent_net_logits_gradient(nets[n]), logits, seed + 1);
    if (mixent_net_backward(nets[n]) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  }
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  const float *fast = mixent_net_gradients(nets[0]), *plain = mixent_net_gradients(nets[1]);
  double worst = distance(fast, plain, mixent_graph_parameter_count(graph));
  for (size_t t = 0; t < count && precision == MIXENT_FP32; t++) {
    /* the bias before a batch norm has no true gradient: what is there is rounding */
    double scale = 0;
    for (size_t i = 0; i < tensors[t].count; i++) scale = fmax(scale, fabs(plain[tensors[t].offset + i]));
    if (scale < 1e-4) continue;
    double d = distance(fast + tensors[t].offset, plain + tensors[t].offset, tensors[t].count);
    worst = fmax(worst, d);
    if (d >= 0.1) fail_msg("seed %d, %s: gradients differ by %g", (int)seed, tensors[t].name, d);
  }
  mixent_net_free(nets[0]);
  mixent_net_free(nets[1]);
  mixent_graph_free(graph);
  return worst < tolerance;
}

static bool compare(uint64_t seed, mixent_precision precision, double tolerance) {
  char *text = describe(seed);
  mixent_graph_options options = {.channels = draw(seed, 10, 2) ? 3 : 1,
                                  .side = 16 + (int)draw(seed, 11, 9),
                                  .classes = 2 + (int)draw(seed, 9, 30),
                                  .dropout = -1};
  bool near = compare_networks(text, &options, 2 + (int)draw(seed, 8, 6), seed, precision, tolerance);
  free(text);
  return near;
}

static void test_float_equals_reference(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 15; seed++) compare(seed, MIXENT_FP32, 2e-4);
}

static void test_bf16_is_near_reference(void **state) {
  (void)state;
  int near = 0;
  /* bfloat16 keeps 8 bits; a ReLU that flips in a small batch moves a gradient much more: this catches wrong
   * code, the float test wrong arithmetic */
  for (uint64_t seed = 0; seed < 6; seed++) near += compare(seed, MIXENT_BF16, 0.35);
  assert_in_range(near, 5,
                  6); /* plain bfloat16 comes to 0.02 to 0.13 of the gradients, Winograd's to twice that */
}

/* The last value is float whatever the precision: whoever computes it must know. */
static void test_any_layer_may_give_the_logits(void **state) {
  (void)state;
  static const char *const ends[] = {
      "  - conv2d: {channels: 6, kernel: 16}\n",
      "  - conv2d: {channels: 6, kernel: 16}\n  - relu:\n",
      "  - conv2d: {channels: 6, kernel: 16}\n  - batch_norm:\n",
      "  - conv2d: {channels: 6, kernel: 16}\n  - batch_norm:\n  - relu:\n",
      "  - conv2d: {channels: 6, kernel: 16}\n  - flatten:\n",
      "  - conv2d: {name: a, channels: 6, kernel: 16}\n  - batch_norm: {name: b}\n  - add: {from: [a, b]}\n",
      "  - conv2d: {channels: 6, kernel: 3, padding: 1}\n  - max_pool: {size: 16}\n",
      "  - conv2d: {channels: 6, kernel: 3, padding: 1}\n  - global_pool:\n",
      "  - max_pool: {size: 4}\n  - conv2d: {channels: 6, kernel: 1, stride: 4}\n"};
  const mixent_graph_options options = {.channels = 1, .side = 16, .classes = 6, .dropout = -1};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    mixent_text text = {0};
    mixent_text_append(&text, "name: ends\nlayers:\n%s", ends[i]);
    assert_int_equal(mixent_text_status(&text), MIXENT_OK);
    assert_true(compare_networks(text.data, &options, 16, i, MIXENT_FP32, 2e-4));
    assert_true(compare_networks(text.data, &options, 16, i, MIXENT_BF16, 0.1));
    mixent_text_free(&text);
  }
}

/* Both orders of the sum; a skip that nothing before learns from; every second pixel as the shortcut; a block whose value the next block
 * and its shortcut read; a shortcut with fewer channels, and a batch norm with fewer than the shortcut. */
static void test_residual_blocks(void **state) {
  (void)state;
  static const char *const blocks[] = {
      "  - conv2d: {name: a, channels: 12, kernel: 3, padding: 1}\n"
      "  - conv2d: {name: b, channels: 12, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n"
      "  - add: {from: [n, a]}\n  - relu:\n  - conv2d: {channels: 6, kernel: 17}\n",
      "  - conv2d: {name: a, channels: 20, kernel: 3, padding: 1}\n"
      "  - conv2d: {name: b, channels: 20, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n"
      "  - add: {from: [a, n]}\n  - relu:\n  - max_pool: {size: 2}\n  - conv2d: {channels: 6, kernel: 8}\n",
      "  - relu: {name: a}\n  - conv2d: {channels: 1, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n"
      "  - add: {from: [n, a]}\n  - relu:\n  - conv2d: {channels: 6, kernel: 17}\n",
      "  - conv2d: {name: a, channels: 7, kernel: 3, padding: 1}\n  - max_pool: {name: s, size: 1, stride: "
      "2}\n"
      "  - conv2d: {name: b, from: a, channels: 7, kernel: 3, padding: 1, stride: 2}\n  - batch_norm: {name: "
      "n}\n"
      "  - add: {from: [n, s]}\n  - relu:\n  - conv2d: {channels: 6, kernel: 9}\n",
      "  - conv2d: {name: a, channels: 20, kernel: 3, padding: 1}\n"
      "  - conv2d: {name: b, channels: 20, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n"
      "  - add: {from: [a, n]}\n  - relu: {name: r}\n  - conv2d: {channels: 20, kernel: 3, padding: 1}\n"
      "  - batch_norm: {name: m}\n  - add: {from: [m, r]}\n  - relu:\n  - conv2d: {channels: 6, kernel: 17}\n",
      "  - conv2d: {name: a, channels: 6, kernel: 3, padding: 1}\n"
      "  - conv2d: {name: b, channels: 20, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n"
      "  - add: {from: [n, a]}\n  - relu:\n  - conv2d: {channels: 6, kernel: 17}\n",
      "  - conv2d: {name: a, channels: 20, kernel: 3, padding: 1}\n"
      "  - conv2d: {name: b, channels: 6, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n"
      "  - add: {from: [a, n]}\n  - relu:\n  - conv2d: {channels: 6, kernel: 17}\n"};
  const mixent_graph_options options = {.channels = 1, .side = 17, .classes = 6, .dropout = -1};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
    mixent_text text = {0};
    mixent_text_append(&text, "name: block\nlayers:\n%s", blocks[i]);
    assert_int_equal(mixent_text_status(&text), MIXENT_OK);
    assert_true(compare_networks(text.data, &options, 5, i, MIXENT_FP32, 2e-4));
    mixent_text_free(&text);
  }
}

/* Nothing before them learns, so nobody wants the gradient of what they read. */
static void test_any_layer_may_read_the_input(void **state) {
  (void)state;
  static const char *const beginnings[] = {"  - batch_norm:\n",
                                           "  - batch_norm:\n  - relu:\n",
                                           "  - relu:\n",
                                           "  - max_pool: {size: 2}\n  - batch_norm:\n  - relu:\n",
                                           "  - dropout: {rate: 0.2}\n",
                                           "  - split: {begin: 1, end: 2}\n  - batch_norm:\n",
                                           "  - add: {from: [input, input]}\n",
                                           "  - concat: {from: [input, input]}\n  - batch_norm:\n"};
  const mixent_graph_options options = {.channels = 3, .side = 16, .classes = 6, .dropout = -1};
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
    mixent_text text = {0};
    mixent_text_append(&text, "name: begins\nlayers:\n%s", beginnings[i]);
    mixent_text_append(&text, "  - conv2d: {channels: 8, kernel: 3}\n  - relu:\n  - flatten:\n"
                              "  - linear: {features: classes}\n");
    assert_int_equal(mixent_text_status(&text), MIXENT_OK);
    compare_networks(text.data, &options, 16, i, MIXENT_FP32, 2e-4);
    mixent_text_free(&text);
  }
}

/* Rows of features: batch norm over rows alone, and layers no wider than the numbers there are. */
static void test_rows_of_features(void **state) {
  (void)state;
  static const int features[] = {1, 3, 57};
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    const mixent_graph_options options = {
        .channels = features[i], .side = 1, .classes = 2 + (int)i, .dropout = -1};
    mixent_graph *graph;
    assert_int_equal(mixent_graph_open("mlp", &options, &graph), MIXENT_OK);
    assert_true(compare_networks(mixent_graph_text(graph), &options, 32, i, MIXENT_FP32, 2e-4));
    assert_true(compare_networks(mixent_graph_text(graph), &options, 32, i, MIXENT_BF16, 0.1));
    mixent_graph_free(graph);
  }
}

/* The slope of <g, logits> along a random direction of all parameters, by differences and by the backward
 * pass, in double. */
static void check_slope(uint64_t seed) {
  char *text = describe(seed);
  mixent_graph *graph;
  mixent_graph_options options = {.channels = 1, .side = 16, .classes = 5, .dropout = -1};
  if (mixent_graph_parse(text, "random", &options, &graph) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  enum { BATCH = 4, IMAGE = 16 * 16, LOGITS = BATCH * 5 };
  mixent_net *net;
  mixent_net_options plain = {.batch = BATCH, .precision = MIXENT_FP64, .training = true, .reference = true};
  assert_int_equal(mixent_net_create(graph, &plain, &net), MIXENT_OK);
  size_t count = mixent_graph_parameter_count(graph);
  double *theta = mixent_net_parameters(net), *statistics = mixent_net_statistics(net), slopes[2] = {0};
  float *direction = malloc(count * sizeof *direction), *start = malloc(count * sizeof *start);
  float image[BATCH * IMAGE], weights[LOGITS];
  assert_true(direction && start);
  fill(direction, count, seed + 2);
  fill(start, count, seed + 3);
  fill(image, BATCH * IMAGE, seed + 4);
  fill(weights, LOGITS, seed + 5);
  for (size_t i = 0; i < mixent_graph_statistic_count(graph); i++) statistics[i] = 1;
  for (int i = 0; i < BATCH * IMAGE; i++) ((double *)mixent_net_input(net))[i] = image[i];
  const double h = 1e-7;
  const int sides[] = {-1, 1, 0}; /* the middle last: backward follows it */
  for (int s = 0; s < 3; s++) {
    for (size_t i = 0; i < count; i++) theta[i] = start[i] + h * sides[s] * direction[i];
    assert_int_equal(mixent_net_forward(net, MIXENT_TRAIN, 3, 2), MIXENT_OK);
    const double *logits = mixent_net_logits(net);
    for (int i = 0; i < LOGITS; i++) slopes[0] += sides[s] * (double)weights[i] * logits[i] / (2 * h);
  }
  for (int i = 0; i < LOGITS; i++) ((double *)mixent_net_logits_gradient(net))[i] = weights[i];
  assert_int_equal(mixent_net_backward(net), MIXENT_OK);
  const double *gradient = mixent_net_gradients(net);
  for (size_t i = 0; i < count; i++) slopes[1] += gradient[i] * direction[i];
  if (fabs(slopes[0] - slopes[1]) > 1e-4 * fmax(1, fabs(slopes[1])))
    fail_msg("seed %d: slope %.9g by differences, %.9g by gradients", (int)seed, slopes[0], slopes[1]);
  free(direction);
  free(start);
  mixent_net_free(net);
  mixent_graph_free(graph);
  free(text);
}

static void test_reference_equals_finite_differences(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 10; seed++) check_slope(seed);
}

static void test_plan_memory_never_overlaps(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 10; seed++) {
    char *text = describe(seed);
    mixent_graph *graph;
    mixent_graph_options options = {.channels = 1, .side = 20, .classes = 7, .dropout = -1};
    assert_int_equal(mixent_graph_parse(text, "random", &options, &graph), MIXENT_OK);
    mixent_plan *plan;
    mixent_net_options net = {.batch = 4, .precision = MIXENT_FP32, .training = true};
    assert_int_equal(mixent_plan_create(graph, &net, &plan), MIXENT_OK);
    for (int i = 0; i < plan->buffer_count; i++)
      for (int j = 0; j < i; j++) {
        const mixent_buffer *a = &plan->buffers[i], *b = &plan->buffers[j];
        if (a->first < 0 || b->first < 0 || a->last < b->first || b->last < a->first) continue;
        assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
        assert_true(a->offset + a->bytes <= plan->arena_bytes);
      }
    mixent_plan_free(plan);
    mixent_graph_free(graph);
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_float_equals_reference),
      cmocka_unit_test(test_bf16_is_near_reference),
      cmocka_unit_test(test_any_layer_may_give_the_logits),
      cmocka_unit_test(test_residual_blocks),
      cmocka_unit_test(test_any_layer_may_read_the_input),
      cmocka_unit_test(test_rows_of_features),
      cmocka_unit_test(test_reference_equals_finite_differences),
      cmocka_unit_test(test_plan_memory_never_overlaps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
