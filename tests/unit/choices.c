/* Every back end of convolutions, chosen by name, in whole steps against the plain reference: first layers of few
 * channels, all kernels, strides and margins, with batch norm, ReLU and pooling after them; and what a choice means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixent/net.h"
#include "random_network.h"
#include <string.h>

/* Those of src/net/convolution.c, with how far from the reference their gradients may be in float. */
static const struct {
  const char *name;
  double tolerance;
} backends[] = {{"onednn", 1e-3},     {"narrow", 1e-3},      {"winograd-2", 1e-3}, {"winograd-3", 1e-3},
                {"winograd-4", 1e-3}, {"winograd-43", 1e-3}, {"winograd-7", 5e-3}};
enum { BACKENDS = sizeof backends / sizeof *backends };

static void assert_ok(mixent_status status) {
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

static mixent_graph *parse(const char *text, int channels, int side) {
  const mixent_graph_options options = {.channels = channels, .side = side, .classes = 5, .dropout = -1};
  mixent_graph *graph;
  assert_ok(mixent_graph_parse(text, "test", &options, &graph));
  return graph;
}

/* A network with parameters other than 1 and 0, some scales negative or 0. */
static mixent_net *make(const mixent_graph *graph, const mixent_net_options *options) {
  mixent_net *net;
  assert_ok(mixent_net_create(graph, options, &net));
  mixent_graph_initialize(graph, 5, mixent_net_parameters(net), mixent_net_statistics(net));
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  float *parameters = mixent_net_parameters(net);
  for (size_t t = 0; t < count; t++)
    for (size_t i = 0; i < tensors[t].count; i++) {
      float *p = parameters + tensors[t].offset + i;
      *p += 0.1F * ((float)draw(17, t * 1000 + i, 1000) / 1000 - 0.5F);
      if (*p > 0.9F) *p *= (float)draw(18, i, 3) - 1; /* a scale of batch norm: -1, 0 or 1 */
    }
  return net;
}

/* Steps of the net that the back end computes; it computes all it can. */
static int count_chosen(const mixent_net *net, const char *backend) {
  int count = 0;
  mixent_net_step step;
  for (size_t i = 0; mixent_net_step_get(net, i, &step); i++) {
    bool can = false;
    for (size_t c = 0; step.candidates && step.candidates[c]; c++)
      can |= strcmp(step.candidates[c], backend) == 0;
    if (can) assert_string_equal(step.backend, backend);
    if (!can && step.candidates) assert_string_not_equal(step.backend, backend);
    count += can;
  }
  return count;
}

/* The two networks' values after the same steps; the last one is a training step. */
static void compare_values(mixent_net *const nets[2], const mixent_graph *graph, size_t inputs, size_t logits,
                           uint64_t seed) {
  const mixent_mode modes[] = {MIXENT_EVALUATE, MIXENT_ESTIMATE, MIXENT_TRAIN};
  for (int m = 0; m < 3; m++) {
    for (int n = 0; n < 2; n++) {
      fill(mixent_net_input(nets[n]), inputs, seed);
      assert_ok(mixent_net_forward(nets[n], modes[m], 7, 1));
    }
    assert_true(difference(mixent_net_logits(nets[0]), mixent_net_logits(nets[1]), logits) < 1e-3);
    assert_true(difference(mixent_net_statistics(nets[0]), mixent_net_statistics(nets[1]),
                           mixent_graph_statistic_count(graph)) < 1e-3);
  }
}

/* |a - b| over |b|, Euclidean */
static double distance(const float *a, const float *b, size_t count) {
  double apart = 0, scale = 0;
  for (size_t i = 0; i < count; i++) apart += pow((double)a[i] - b[i], 2), scale += pow(b[i], 2);
  /* the bias before a batch norm has no true gradient: what is there is rounding */
  return sqrt(apart) / fmax(sqrt(scale), 0.1);
}

/* The largest distance between gradients of one tensor. */
static double compare_gradients(mixent_net *const nets[2], const mixent_graph *graph, size_t logits,
                                uint64_t seed) {
  for (int n = 0; n < 2; n++) {
    fill(mixent_net_logits_gradient(nets[n]), logits, seed + 1);
    assert_ok(mixent_net_backward(nets[n]));
  }
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  const float *fast = mixent_net_gradients(nets[0]), *plain = mixent_net_gradients(nets[1]);
  double worst = 0;
  for (size_t t = 0; t < count; t++) {
    double d = distance(fast + tensors[t].offset, plain + tensors[t].offset, tensors[t].count);
    if (!(d <= worst)) worst = d;
  }
  return worst;
}

/* A net made for evaluation alone, with the weights kept in its own form, gives the same logits. */
static void compare_evaluation(mixent_net *reference, const mixent_graph *graph,
                               const mixent_net_choice *choice, int rows, size_t inputs, size_t logits,
                               uint64_t seed) {
  for (int frozen = 0; frozen < 2; frozen++) {
    mixent_net *net = make(
        graph, &(mixent_net_options){.batch = rows, .frozen = frozen, .choices = choice, .choice_count = 1});
    mixent_net_use(net, mixent_net_parameters(reference), mixent_net_statistics(reference));
    assert_ok(mixent_net_forward(reference, MIXENT_EVALUATE, 0, 0));
    for (int turn = 0; turn < 2; turn++) {
      fill(mixent_net_input(net), inputs, seed);
      assert_ok(mixent_net_forward(net, MIXENT_EVALUATE, 0, 0));
      assert_true(difference(mixent_net_logits(net), mixent_net_logits(reference), logits) < 1e-3);
    }
    mixent_net_free(net);
  }
}

/* How far a back end's gradients are from the reference's, in a network that `text` describes. -1: it can do nothing there. */
static double compare(const char *text, int channels, int side, int rows, const char *backend,
                      uint64_t seed) {
  mixent_graph *graph = parse(text, channels, side);
  const mixent_net_choice choice = {"*", "*", backend};
  mixent_net *nets[] = {
      make(graph,
           &(mixent_net_options){.batch = rows, .training = true, .choices = &choice, .choice_count = 1}),
      make(graph, &(mixent_net_options){.batch = rows, .training = true, .reference = true})};
  size_t inputs = (size_t)(rows * side * side * channels), logits = (size_t)rows * 5;
  double apart = -1;
  if (count_chosen(nets[0], backend) > 0) {
    compare_values(nets, graph, inputs, logits, seed);
    apart = compare_gradients(nets, graph, logits, seed);
    compare_evaluation(nets[1], graph, &choice, rows, inputs, logits, seed);
  }
  mixent_net_free(nets[0]);
  mixent_net_free(nets[1]);
  mixent_graph_free(graph);
  return apart;
}

/* A block of convolution, batch norm, ReLU and pooling on a map of few channels, one more, and a linear layer. */
static char *describe_blocks(uint64_t seed) {
  static const int widths[] = {1, 4, 15, 16, 17, 33};
  int kernel = 1 + 2 * (int)draw(seed, 21, 3), few = (int)draw(seed, 22, 4);
  const char *bias = draw(seed, 23, 2) ? "true" : "false";
  mixent_text text = {0};
  mixent_text_append(&text, "name: blocks\nlayers:\n");
  /* the input has 1 or 3 channels: others come out of a layer before */
  if (few)
    mixent_text_append(&text, "  - conv2d: {name: c0, channels: %d, kernel: 1, bias: false}\n", 1 + few);
  mixent_text_append(&text,
                     "  - conv2d: {name: c1, channels: %d, kernel: %d, stride: %d, padding: %d, bias: %s}\n",
                     widths[draw(seed, 24, 6)], kernel, 1 + (int)draw(seed, 25, 2),
                     (int)draw(seed, 26, (uint32_t)kernel), bias);
  mixent_text_append(&text, "  - batch_norm:\n  - relu:\n");
  if (draw(seed, 27, 4)) mixent_text_append(&text, "  - max_pool: {size: 2}\n");
  mixent_text_append(&text, "  - conv2d: {name: c2, channels: %d, kernel: 3, padding: %d, bias: %s}\n",
                     widths[draw(seed, 28, 6)], 1 + (int)draw(seed, 29, 2), bias);
  if (draw(seed, 30, 3)) mixent_text_append(&text, "  - batch_norm:\n");
  mixent_text_append(&text,
                     "  - relu:\n  - max_pool: {size: 2}\n  - flatten:\n  - linear: {features: classes}\n");
  assert_int_equal(mixent_text_status(&text), MIXENT_OK);
  return text.data;
}

static void test_every_back_end_in_whole_steps(void **state) {
  (void)state;
  enum { SEEDS = 16 };
  for (int b = 0; b < BACKENDS; b++) {
    int far = 0, ran = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
      char *text = describe_blocks(seed);
      double apart = compare(text, draw(seed, 31, 2) ? 3 : 1, 16 + (int)draw(seed, 32, 8),
                             1 + (int)draw(seed, 33, 6), backends[b].name, seed);
      /* a ReLU or maximum that decides otherwise, of what rounding alone tells apart, moves a gradient far: that is rare */
      if (!(apart < 0.2))
        fail_msg("%s, seed %d: gradients differ by %g in\n%s", backends[b].name, (int)seed, apart, text);
      far += apart > backends[b].tolerance;
      ran += apart >= 0;
      free(text);
    }
    if (ran < SEEDS / 2 || far > SEEDS / 8)
      fail_msg("%s: ran in %d networks, its gradients were far from the reference's in %d", backends[b].name,
               ran, far);
  }
}

/* oneDNN's backward pass to the weights of these writes where it must not, or never returns: it must not be asked. */
static void test_strided_convolutions_of_one_pixel(void **state) {
  (void)state;
  for (int channels = 2; channels < 20; channels += 3) {
    mixent_text text = {0};
    mixent_text_append(&text,
                       "name: strided\nlayers:\n  - conv2d: {channels: %d, kernel: 1}\n  - relu:\n"
                       "  - conv2d: {channels: 8, kernel: 1, stride: 2}\n  - relu:\n"
                       "  - conv2d: {channels: 5, kernel: 1, stride: 16}\n  - flatten:\n"
                       "  - linear: {features: classes}\n",
                       channels);
    double apart = compare(text.data, 1, 32, 8, "onednn", (uint64_t)channels);
    if (!(apart >= 0 && apart < 1e-3)) fail_msg("%d channels: gradients differ by %g", channels, apart);
    mixent_text_free(&text);
  }
}

/* Values of large mean and small deviation, one pixel in all, equal values: batch norm as the reference has it. */
static void test_batch_norm_of_hard_values(void **state) {
  (void)state;
  static const struct {
    const char *layers;
    int rows;
    float mean, deviation;
  } cases[] = {{"  - batch_norm:\n  - relu:\n  - max_pool: {size: 2}\n", 9, 1000, 0.5F},
               {"  - batch_norm:\n  - relu:\n", 9, -3000, 1},
               {"  - batch_norm:\n", 33, 100, 0.01F},
               {"  - batch_norm:\n  - relu:\n  - max_pool: {size: 2}\n", 3, 7, 0},
               {"  - conv2d: {channels: 19, kernel: 17}\n  - batch_norm:\n  - relu:\n", 1, 0, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_text text = {0};
    mixent_text_append(&text, "name: hard\nlayers:\n%s  - flatten:\n  - linear: {features: classes}\n",
                       cases[i].layers);
    mixent_graph *graph = parse(text.data, 1, 17);
    float logits[2][33 * 5], statistics[2][64];
    for (int reference = 0; reference < 2; reference++) {
      mixent_net *net = make(
          graph, &(mixent_net_options){.batch = cases[i].rows, .training = true, .reference = reference});
      float *parameters = mixent_net_parameters(net), *input = mixent_net_input(net);
      for (size_t p = 0; p < mixent_graph_parameter_count(graph); p++)
        if (parameters[p] == 0) parameters[p] = 1;
      fill(input, (size_t)cases[i].rows * 17 * 17, 3);
      for (int x = 0; x < cases[i].rows * 17 * 17; x++)
        input[x] = cases[i].mean + cases[i].deviation * input[x];
      assert_ok(mixent_net_forward(net, MIXENT_TRAIN, 0, 0));
      memcpy(logits[reference], mixent_net_logits(net), (size_t)cases[i].rows * 5 * sizeof(float));
      memcpy(statistics[reference], mixent_net_statistics(net),
             mixent_graph_statistic_count(graph) * sizeof(float));
      mixent_net_free(net);
    }
    double apart = difference(logits[0], logits[1], (size_t)cases[i].rows * 5);
    if (!(apart < 1e-3)) fail_msg("case %d: logits differ by %g", (int)i, apart);
    for (size_t s = 0; s < mixent_graph_statistic_count(graph); s++)
      assert_true(fabs((double)statistics[0][s] - (double)statistics[1][s]) <=
                  1e-5 * fabs((double)statistics[1][s]));
    mixent_graph_free(graph);
    mixent_text_free(&text);
  }
}

static const char two[] = "name: two\nlayers:\n"
                          "  - conv2d: {name: a, channels: 3, kernel: 5}\n"
                          "  - conv2d: {name: b, channels: 9, kernel: 3}\n"
                          "  - flatten:\n  - linear: {features: classes}\n";

static const char *backend_of(const mixent_net *net, const char *layer, const char *pass) {
  mixent_net_step step;
  for (size_t i = 0; mixent_net_step_get(net, i, &step); i++)
    if (strcmp(step.layer, layer) == 0 && strcmp(step.pass, pass) == 0) return step.backend;
  fail_msg("no step %s, %s", layer, pass);
  return NULL;
}

static void test_choices_count_where_they_can(void **state) {
  (void)state;
  mixent_graph *graph = parse(two, 1, 16);
  /* the last that names a pass counts, and one that cannot leaves what was */
  const mixent_net_choice choices[] = {{"*", "*", "onednn"},
                                       {"b", "*", "narrow"},
                                       {"*", "forward", "winograd-3"},
                                       {"b", "backward data", "winograd-4"}};
  mixent_net_options options = {.batch = 2, .training = true, .choices = choices, .choice_count = 4};
  mixent_net *net;
  assert_ok(mixent_net_create(graph, &options, &net));
  assert_string_equal(backend_of(net, "a", "forward"), "onednn");
  assert_string_equal(backend_of(net, "a", "backward weights"), "onednn");
  assert_string_equal(backend_of(net, "b", "forward"), "winograd-3");
  assert_string_equal(backend_of(net, "b", "backward weights"), "narrow");
  assert_string_equal(backend_of(net, "b", "backward data"), "winograd-4");
  mixent_net_free(net);
  mixent_graph_free(graph);
}

static void test_choices_that_cannot_be_meant(void **state) {
  (void)state;
  static const struct {
    mixent_net_choice choice;
    const char *message;
  } cases[] = {
      {{"b", "forward", "winograd-5"},
       "network two: layer b, forward: there is no back end 'winograd-5'; there is onednn, onednn-winograd, "
       "narrow, "
       "winograd-2, winograd-3, winograd-4, winograd-43, winograd-7"},
      {{"*", "*", "Narrow"},
       "network two: layer *, *: there is no back end 'Narrow'; there is onednn, onednn-winograd, narrow, "
       "winograd-2, winograd-3, winograd-4, winograd-43, winograd-7"},
      {{"a", "forward", "winograd-3"},
       "network two: layer a, forward: the back end 'winograd-3' cannot do it; onednn, narrow can"},
      /* whether oneDNN has its Winograd depends on version and processor */
      {{"b", "backward data", "narrow"},
       "network two: layer b, backward data: the back end 'narrow' cannot do it; onednn, "}};
  mixent_graph *graph = parse(two, 1, 16);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_net_options options = {
        .batch = 2, .training = true, .choices = &cases[i].choice, .choice_count = 1};
    mixent_net *net;
    assert_int_equal(mixent_net_create(graph, &options, &net), MIXENT_ERROR_ARGUMENT);
    if (strncmp(mixent_last_error(), cases[i].message, strlen(cases[i].message)) != 0)
      fail_msg("%s\ninstead of: %s", mixent_last_error(), cases[i].message);
  }
  mixent_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_back_end_in_whole_steps),
      cmocka_unit_test(test_strided_convolutions_of_one_pixel),
      cmocka_unit_test(test_batch_norm_of_hard_values),
      cmocka_unit_test(test_choices_count_where_they_can),
      cmocka_unit_test(test_choices_that_cannot_be_meant),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
