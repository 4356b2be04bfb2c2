/* Folded networks against what they were made of: the same logits, no batch norm left that could go, those
 * that cannot go still there; and frozen parameters: read again exactly when mixent_net_use says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixent/net.h"
#include "net/graph/fold.h"
#include "net/graph/layer.h"
#include "random_network.h"
#include <stdio.h>

/* A graph with the arrays a trained one might have. */
typedef struct subject {
  mixent_graph *graph;
  float *parameters, *statistics;
  mixent_folded folded;
} subject;

static void make_arrays(subject *subject, uint64_t seed) {
  size_t parameters = mixent_graph_parameter_count(subject->graph);
  size_t statistics = mixent_graph_statistic_count(subject->graph), tensors;
  const mixent_tensor *tensor = mixent_graph_statistics(subject->graph, &tensors);
  subject->parameters = malloc((parameters + 1) * sizeof(float));
  subject->statistics = malloc((statistics + 1) * sizeof(float));
  assert_true(subject->parameters && subject->statistics);
  mixent_graph_initialize(subject->graph, seed, subject->parameters, subject->statistics);
  /* scales and shifts other than 1 and 0, means of either sign, variances from 0.1 to 2.1 */
  for (size_t i = 0; i < parameters; i++)
    subject->parameters[i] += 0.1F * ((float)draw(seed, i, 1000) / 1000 - 0.5F);
  fill(subject->statistics, statistics, seed);
  for (size_t t = 1; t < tensors; t += 2)
    for (size_t i = 0; i < tensor[t].count; i++) subject->statistics[tensor[t].offset + i] += 1.1F;
}

static void fold(subject *subject, uint64_t seed) {
  make_arrays(subject, seed);
  if (mixent_fold(subject->graph, subject->parameters, subject->statistics, &subject->folded) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
}

static subject make_described(const char *text, const mixent_graph_options *options, uint64_t seed) {
  subject subject = {0};
  if (mixent_graph_parse(text, "test", options, &subject.graph) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  fold(&subject, seed);
  return subject;
}

static void free_subject(subject *subject) {
  mixent_folded_free(&subject->folded);
  mixent_graph_free(subject->graph);
  free(subject->parameters);
  free(subject->statistics);
}

static int count_kind(const mixent_graph *graph, const char *kind) {
  int count = 0;
  for (int l = 1; l < graph->layer_count; l++) count += strcmp(graph->layers[l].type->name, kind) == 0;
  return count;
}

static mixent_net *make_net(const mixent_graph *graph, float *parameters, float *statistics,
                            mixent_net_options options, uint64_t seed) {
  mixent_net *net;
  if (mixent_net_create(graph, &options, &net) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  mixent_net_use(net, parameters, statistics);
  size_t image = mixent_layer_row(&graph->layers[0]);
  fill(mixent_net_input(net), (size_t)options.batch * image, seed);
  if (mixent_net_forward(net, MIXENT_EVALUATE, 0, 0) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return net;
}

/* The logits of the network as it was, computed plainly (in double, rounded at each layer), against those of
 * the folded one on the back ends. */
static void check_logits(const subject *subject, int batch, const char *what) {
  size_t logits = (size_t)batch * (size_t)subject->graph->options.classes;
  mixent_net *whole = make_net(subject->graph, subject->parameters, subject->statistics,
                               (mixent_net_options){.batch = batch}, 3);
  mixent_net *plain = make_net(subject->folded.graph, subject->folded.parameters, subject->folded.statistics,
                               (mixent_net_options){.batch = batch, .reference = true}, 3);
  mixent_net *fast = make_net(subject->folded.graph, subject->folded.parameters, subject->folded.statistics,
                              (mixent_net_options){.batch = batch, .frozen = true}, 3);
  double apart[] = {difference(mixent_net_logits(plain), mixent_net_logits(whole), logits),
                    difference(mixent_net_logits(fast), mixent_net_logits(whole), logits)};
  if (!(apart[0] < 1e-5 && apart[1] < 1e-5))
    fail_msg("%s: logits differ by %g, %g of the largest", what, apart[0], apart[1]);
  mixent_net_free(whole);
  mixent_net_free(plain);
  mixent_net_free(fast);
}

static void test_built_in_networks(void **state) {
  (void)state;
  for (const char *const *name = mixent_graph_names(); *name; name++)
    for (int channels = 1; channels <= 3; channels += 2) { /* values lie otherwise where there is one */
      const mixent_graph_options options = {.channels = channels, .side = 17, .classes = 7, .dropout = -1};
      subject subject = {0};
      assert_int_equal(mixent_graph_open(*name, &options, &subject.graph), MIXENT_OK);
      fold(&subject, 1);
      int behind_pools = strcmp(*name, "resnet9-pool-first") == 0 ? 3 : 0;
      assert_int_equal(count_kind(subject.folded.graph, "batch_norm"), behind_pools);
      assert_int_equal(count_kind(subject.folded.graph, "dropout"), 0);
      assert_int_equal(mixent_graph_statistic_count(subject.folded.graph),
                       behind_pools ? 2 * (48 + 96 + 192) : 0);
      check_logits(&subject, 3, *name);
      free_subject(&subject);
    }
}

static void test_random_networks(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 15; seed++) {
    char *text = describe(seed), what[32];
    const mixent_graph_options options = {.channels = draw(seed, 10, 2) ? 3 : 1,
                                          .side = 16 + (int)draw(seed, 11, 9),
                                          .classes = 2 + (int)draw(seed, 9, 30),
                                          .dropout = -1};
    snprintf(what, sizeof what, "seed %d", (int)seed);
    subject subject = make_described(text, &options, seed);
    assert_int_equal(count_kind(subject.folded.graph, "batch_norm"), 0);
    check_logits(&subject, 1 + (int)draw(seed, 8, 6), what);
    free_subject(&subject);
    free(text);
  }
}

/* What a description keeps of its batch norms and dropouts. */
static void test_what_folds(void **state) {
  (void)state;
  static const struct {
    const char *layers;
    int norms; /* that stay */
  } cases[] = {
      /* after a ReLU, a sum, a pooling, the input: nothing to fold into */
      {"  - conv2d: {channels: 4, kernel: 16}\n  - relu:\n  - batch_norm:\n", 1},
      {"  - batch_norm:\n  - conv2d: {channels: 4, kernel: 16}\n", 1},
      {"  - conv2d: {channels: 4, kernel: 1}\n  - max_pool: {size: 16}\n  - batch_norm:\n", 1},
      /* others read the convolution, too */
      {"  - conv2d: {name: a, channels: 4, kernel: 16}\n  - batch_norm: {name: b}\n  - add: {from: [a, b]}\n",
       1},
      {"  - conv2d: {name: a, channels: 4, kernel: 16}\n  - batch_norm: {name: b}\n"
       "  - dropout: {name: d, from: a, rate: 0.5}\n  - add: {from: [d, b]}\n",
       1},
      {"  - conv2d: {name: a, channels: 4, kernel: 16}\n  - batch_norm: {name: b}\n"
       "  - batch_norm: {name: c, from: a}\n  - add: {from: [c, b]}\n",
       2},
      /* several readers of the batch norm itself do not matter */
      {"  - conv2d: {channels: 4, kernel: 16}\n  - batch_norm: {name: b}\n  - relu: {name: r}\n"
       "  - add: {from: [b, r]}\n",
       0},
      /* one after another, and through dropout; without a bias; at the end */
      {"  - conv2d: {channels: 4, kernel: 16, bias: false}\n  - batch_norm:\n  - batch_norm:\n", 0},
      {"  - flatten:\n  - linear: {features: classes, bias: false}\n  - dropout: {rate: 0.5}\n"
       "  - batch_norm:\n  - dropout: {rate: 0.5}\n",
       0},
      {"  - conv2d: {channels: 4, kernel: 3}\n  - batch_norm:\n  - relu:\n  - global_pool:\n"
       "  - linear: {features: 6}\n  - batch_norm:\n  - relu:\n  - linear: {features: classes}\n",
       0},
  };
  const mixent_graph_options options = {.channels = 1, .side = 16, .classes = 4, .dropout = -1};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_text text = {0};
    mixent_text_append(&text, "name: case\nlayers:\n%s", cases[i].layers);
    assert_int_equal(mixent_text_status(&text), MIXENT_OK);
    subject subject = make_described(text.data, &options, i);
    assert_int_equal(count_kind(subject.folded.graph, "batch_norm"), cases[i].norms);
    assert_int_equal(count_kind(subject.folded.graph, "dropout"), 0);
    check_logits(&subject, 5, cases[i].layers);
    free_subject(&subject);
    mixent_text_free(&text);
  }
}

/* Convolutions and poolings in chains, which frozen plans may store in blocks of channels, next to all that
 * reads channels last: at the ends, in the middle, aside. Channels of whole blocks and others, one pixel. */
static void test_chains_of_convolutions(void **state) {
  (void)state;
  static const char *const chains[] = {
      "  - conv2d: {channels: 16, kernel: 3, padding: 1}\n  - relu:\n  - conv2d: {channels: 8, kernel: 3}\n"
      "  - max_pool: {size: 2}\n  - conv2d: {channels: 24, kernel: 2, stride: 2, bias: false}\n"
      "  - flatten:\n  - linear: {features: classes}\n",
      "  - conv2d: {channels: 8, kernel: 3}\n  - conv2d: {channels: 6, kernel: 1}\n  - relu:\n"
      "  - conv2d: {channels: 16, kernel: 3, padding: 1}\n  - max_pool: {size: 3, stride: 2, padding: 1}\n"
      "  - global_pool:\n  - linear: {features: classes}\n",
      "  - conv2d: {name: a, channels: 16, kernel: 3, padding: 1}\n  - relu: {name: b}\n"
      "  - conv2d: {name: c, channels: 16, kernel: 3, padding: 1}\n  - max_pool: {name: d, size: 2}\n"
      "  - max_pool: {name: e, from: b, size: 2}\n  - add: {from: [d, e]}\n"
      "  - conv2d: {channels: 8, kernel: 3}\n  - conv2d: {channels: 16, kernel: 6}\n"
      "  - conv2d: {channels: 32, kernel: 1}\n  - relu:\n  - conv2d: {channels: 4, kernel: 1}\n",
      ("  - conv2d: {channels: 16, kernel: 3, padding: 1}\n  - max_pool: {size: 1, stride: 2}\n"
       "  - conv2d: {channels: 8, kernel: 5}\n  - conv2d: {channels: 8, kernel: 4}\n  - relu:\n"
       "  - linear: {features: classes}\n"),
      "  - max_pool: {size: 2}\n  - conv2d: {channels: 8, kernel: 8}\n  - conv2d: {channels: 4, kernel: 1}\n",
      ("  - conv2d: {channels: 8, kernel: 3}\n  - conv2d: {channels: 8, kernel: 3}\n"
       "  - conv2d: {channels: 4, kernel: 12}\n  - relu:\n")};
  for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
    for (int channels = 1; channels <= 3; channels += 2) {
      const mixent_graph_options options = {.channels = channels, .side = 16, .classes = 4, .dropout = -1};
      mixent_text text = {0};
      mixent_text_append(&text, "name: chain\nlayers:\n%s", chains[i]);
      subject subject = make_described(text.data, &options, i);
      check_logits(&subject, 3, chains[i]);
      free_subject(&subject);
      mixent_text_free(&text);
    }
}

/* A ReLU that others bypass, or that reads something else, must not ride along. */
static void test_relu_rides_along_only_alone(void **state) {
  (void)state;
  static const char *const layers[] = {
      "  - conv2d: {name: a, channels: 4, kernel: 16}\n  - relu: {name: b}\n  - add: {from: [a, b]}\n",
      "  - conv2d: {name: a, channels: 4, kernel: 16}\n  - conv2d: {name: b, channels: 4, kernel: 16, from: "
      "input}\n"
      "  - relu: {name: c, from: a}\n  - add: {from: [b, c]}\n",
      "  - conv2d: {channels: 4, kernel: 16}\n  - relu:\n",
      "  - flatten:\n  - linear: {features: classes}\n  - relu:\n"};
  const mixent_graph_options options = {.channels = 1, .side = 16, .classes = 4, .dropout = -1};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    mixent_text text = {0};
    mixent_text_append(&text, "name: case\nlayers:\n%s", layers[i]);
    subject subject = make_described(text.data, &options, i);
    mixent_net *plain = make_net(subject.graph, subject.parameters, subject.statistics,
                                 (mixent_net_options){.batch = 2, .reference = true}, 1);
    mixent_net *fast =
        make_net(subject.graph, subject.parameters, subject.statistics, (mixent_net_options){.batch = 2}, 1);
    assert_true(difference(mixent_net_logits(fast), mixent_net_logits(plain), 8) < 1e-5);
    mixent_net_free(plain);
    mixent_net_free(fast);
    free_subject(&subject);
    mixent_text_free(&text);
  }
}

static void test_frozen_parameters_are_read_when_told(void **state) {
  (void)state;
  const mixent_graph_options options = {.channels = 1, .side = 16, .classes = 4, .dropout = -1};
  subject subject = make_described("name: case\nlayers:\n  - conv2d: {channels: 8, kernel: 3}\n  - relu:\n"
                                   "  - global_pool:\n  - linear: {features: classes}\n",
                                   &options, 1);
  mixent_net *frozen = make_net(subject.graph, subject.parameters, subject.statistics,
                                (mixent_net_options){.batch = 2, .frozen = true}, 1);
  for (size_t i = 0; i < mixent_graph_parameter_count(subject.graph); i++) subject.parameters[i] *= 2;
  mixent_net *now =
      make_net(subject.graph, subject.parameters, subject.statistics, (mixent_net_options){.batch = 2}, 1);
  mixent_net_use(frozen, subject.parameters, subject.statistics);
  assert_int_equal(mixent_net_forward(frozen, MIXENT_EVALUATE, 0, 0), MIXENT_OK);
  assert_memory_equal(mixent_net_logits(frozen), mixent_net_logits(now), 8 * sizeof(float));
  mixent_net_free(frozen);
  mixent_net_free(now);
  mixent_net_options wrong = {.batch = 2, .frozen = true, .training = true};
  assert_int_equal(mixent_net_create(subject.graph, &wrong, &now), MIXENT_ERROR_ARGUMENT);
  free_subject(&subject);
}

/* Gives batch norm the statistics of random images, as training leaves them: ranges follow from them. */
static void estimate_statistics(subject *subject) {
  mixent_net *net;
  enum { ROWS = 32 };
  const mixent_net_options options = {.batch = ROWS, .training = true};
  assert_int_equal(mixent_net_create(subject->graph, &options, &net), MIXENT_OK);
  mixent_net_use(net, subject->parameters, subject->statistics);
  fill(mixent_net_input(net), ROWS * mixent_layer_row(&subject->graph->layers[0]), 8);
  assert_int_equal(mixent_net_forward(net, MIXENT_ESTIMATE, 0, 0), MIXENT_OK);
  mixent_net_free(net);
}

static bool has_8_bits(const mixent_graph *graph) {
  mixent_net *net;
  const mixent_net_options options = {.batch = 1, .precision = MIXENT_QUANTIZED, .frozen = true};
  mixent_status status = mixent_net_create(graph, &options, &net);
  if (status == MIXENT_OK) mixent_net_free(net);
  return status != MIXENT_ERROR_UNSUPPORTED;
}

static int count_8_bit_steps(const mixent_net *net) {
  char *text = mixent_net_plan_text(net);
  int count = 0;
  for (const char *at = text; (at = strstr(at, "forward, int8")); at++) count++;
  free(text);
  return count;
}

/* |a - b| over |b|, Euclidean */
static double distance(const float *a, const float *b, size_t count) {
  double apart = 0, scale = 1e-30;
  for (size_t i = 0; i < count; i++) apart += pow((double)a[i] - b[i], 2), scale += pow(b[i], 2);
  return sqrt(apart / scale);
}

static void test_8_bits_are_near(void **state) {
  (void)state;
  for (const char *const *name = mixent_graph_names(); *name; name++) {
    const mixent_graph_options options = {.channels = 1, .side = 20, .classes = 7, .dropout = -1};
    subject subject = {0};
    assert_int_equal(mixent_graph_open(*name, &options, &subject.graph), MIXENT_OK);
    make_arrays(&subject, 1);
    estimate_statistics(&subject);
    if (mixent_fold(subject.graph, subject.parameters, subject.statistics, &subject.folded) != MIXENT_OK)
      fail_msg("%s", mixent_last_error());
    if (count_kind(subject.folded.graph, "conv2d") == 0) { /* nothing to do in 8 bits */
      free_subject(&subject);
      continue;
    }
    if (!has_8_bits(subject.folded.graph)) skip();
    mixent_net *nets[2];
    for (int n = 0; n < 2; n++)
      nets[n] = make_net(
          subject.folded.graph, subject.folded.parameters, subject.folded.statistics,
          (mixent_net_options){.batch = 16, .precision = n ? MIXENT_QUANTIZED : MIXENT_FP32, .frozen = true},
          4);
    assert_int_equal(count_8_bit_steps(nets[0]), 0);
    int convolutions = count_kind(subject.folded.graph, "conv2d"), steps = count_8_bit_steps(nets[1]);
    /* all but the first, and but those that read a sum: of the blocks before theirs in resnet20, of the stages in resnet9 and resnet10 */
    int sums = strcmp(*name, "resnet20") == 0      ? 8
               : strcmp(*name, "resnet10") == 0    ? 3
               : strncmp(*name, "resnet9", 7) == 0 ? 2
                                                   : 0;
    assert_int_equal(steps, convolutions - 1 - sums);
    double apart = distance(mixent_net_logits(nets[1]), mixent_net_logits(nets[0]), (size_t)16 * 7);
    /* Images of noise are alike to a network of random weights, and batch norm makes much of the rest: rounding
     * counts for more than it does with real ones. Wrong code is 1 and more apart. */
    if (!(apart > 0 && apart < 0.35)) fail_msg("%s: logits differ by %g", *name, apart);
    mixent_net_free(nets[0]);
    mixent_net_free(nets[1]);
    free_subject(&subject);
  }
}

static void test_8_bits_are_for_evaluation(void **state) {
  (void)state;
  const mixent_graph_options options = {.channels = 1, .side = 16, .classes = 4, .dropout = -1};
  mixent_graph *graph;
  mixent_net *net;
  assert_int_equal(mixent_graph_open("vgg5", &options, &graph), MIXENT_OK);
  const mixent_net_options wrong[] = {
      {.batch = 1, .precision = MIXENT_QUANTIZED, .training = true},
      {.batch = 1, .precision = MIXENT_QUANTIZED},
      {.batch = 1, .precision = MIXENT_QUANTIZED, .frozen = true, .reference = true}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(mixent_net_create(graph, &wrong[i], &net), MIXENT_ERROR_ARGUMENT);
  mixent_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_built_in_networks),
      cmocka_unit_test(test_random_networks),
      cmocka_unit_test(test_what_folds),
      cmocka_unit_test(test_chains_of_convolutions),
      cmocka_unit_test(test_relu_rides_along_only_alone),
      cmocka_unit_test(test_frozen_parameters_are_read_when_told),
      cmocka_unit_test(test_8_bits_are_near),
      cmocka_unit_test(test_8_bits_are_for_evaluation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
