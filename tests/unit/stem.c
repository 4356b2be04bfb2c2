/* The stem, a network's first convolution, batch norm and ReLU in one: where it is taken, the same bits from any number of threads, and
 * images far from 0, whose covariance is a small difference of large numbers. tests/unit/backends.c holds it to the reference over random
 * networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/threads.h"
#include "mixent/net.h"
#include "net/graph/layer.h"
#include "random_network.h"
#include <string.h>

enum { BATCH = 9, SIDE = 17, CHANNELS = 3, CLASSES = 5, IMAGE = SIDE * SIDE * CHANNELS };

static const char stem_text[] =
    "name: stem\nlayers:\n  - conv2d: {name: a, channels: 20, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n  - relu:\n"
    "  - conv2d: {name: b, channels: 8, kernel: 3}\n  - global_pool:\n  - flatten:\n  - linear: {features: classes}\n";

static mixent_graph *parse(const char *text) {
  mixent_graph *graph;
  const mixent_graph_options options = {
      .channels = CHANNELS, .side = SIDE, .classes = CLASSES, .dropout = -1};
  if (mixent_graph_parse(text, "test", &options, &graph) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return graph;
}

static mixent_net *make(const mixent_graph *graph, mixent_net_options options) {
  mixent_net *net;
  options.batch = BATCH;
  options.training = true;
  if (mixent_net_create(graph, &options, &net) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  mixent_graph_initialize(graph, 3, mixent_net_parameters(net), mixent_net_statistics(net));
  return net;
}

/* One step on images about `center`. */
static void step(mixent_net *net, float center) {
  float *images = mixent_net_input(net);
  fill(images, (size_t)BATCH * IMAGE, 1);
  for (size_t i = 0; i < (size_t)BATCH * IMAGE; i++) images[i] += center;
  assert_int_equal(mixent_net_forward(net, MIXENT_TRAIN, 0, 1), MIXENT_OK);
  fill(mixent_net_logits_gradient(net), (size_t)BATCH * CLASSES, 2);
  assert_int_equal(mixent_net_backward(net), MIXENT_OK);
}

static bool has_stem(const mixent_net *net) {
  mixent_net_step step;
  for (size_t i = 0; mixent_net_step_get(net, i, &step); i++)
    if (strcmp(step.backend, "stem") == 0) return true;
  return false;
}

static void test_where_it_is_taken(void **state) {
  (void)state;
  static const struct {
    const char *from, *to; /* what is replaced in the text */
    bool taken;
  } cases[] = {{"kernel: 3, padding: 1", "kernel: 2, stride: 2", true},
               {"padding: 1", "padding: 1, bias: false", true},
               {"kernel: 3, padding: 1", "kernel: 5, padding: 1", false}, /* 75 taps */
               {"  - relu:\n", "  - gelu:\n", false},
               {"  - relu:\n", "  - relu:\n  - max_pool: {size: 2}\n", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *at = strstr(stem_text, cases[i].from);
    mixent_text text = {0};
    mixent_text_append(&text, "%.*s%s%s", (int)(at - stem_text), stem_text, cases[i].to,
                       at + strlen(cases[i].from));
    assert_int_equal(mixent_text_status(&text), MIXENT_OK);
    mixent_graph *graph = parse(text.data);
    mixent_net *net = make(graph, (mixent_net_options){0});
    assert_int_equal(has_stem(net), cases[i].taken);
    mixent_net_free(net);
    mixent_graph_free(graph);
    mixent_text_free(&text);
  }
}

static void test_a_choice_takes_it_apart(void **state) {
  (void)state;
  static const mixent_net_choice choices[] = {
      {"a", "forward", "narrow"}, {"*", "*", "onednn"}, {"b", "*", "onednn"}};
  static const bool taken[] = {false, false, true};
  mixent_graph *graph = parse(stem_text);
  for (int i = 0; i < 3; i++) {
    mixent_net *net = make(graph, (mixent_net_options){.choices = &choices[i], .choice_count = 1});
    assert_int_equal(has_stem(net), taken[i]);
    mixent_net_free(net);
  }
  mixent_graph_free(graph);
}

static void test_threads_do_not_matter(void **state) {
  (void)state;
  int before = mixent_threads();
  mixent_threads_set(4);
  mixent_graph *graph = parse(stem_text);
  mixent_net *nets[] = {make(graph, (mixent_net_options){0}), make(graph, (mixent_net_options){0})};
  step(nets[0], 0);
  mixent_threads_set(1);
  step(nets[1], 0);
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  const float *a = mixent_net_gradients(nets[0]), *b = mixent_net_gradients(nets[1]);
  for (size_t t = 0; t < count && strncmp(tensors[t].name, "b.", 2) != 0; t++)
    assert_memory_equal(a + tensors[t].offset, b + tensors[t].offset, tensors[t].count * sizeof *a);
  assert_memory_equal(mixent_net_logits(nets[0]), mixent_net_logits(nets[1]),
                      sizeof(float) * BATCH * CLASSES);
  assert_memory_equal(mixent_net_statistics(nets[0]), mixent_net_statistics(nets[1]),
                      mixent_graph_statistic_count(graph) * sizeof *a);
  for (int i = 0; i < 2; i++) mixent_net_free(nets[i]);
  mixent_graph_free(graph);
  mixent_threads_set(before);
}

static void test_images_far_from_zero(void **state) {
  (void)state;
  mixent_graph *graph = parse(stem_text);
  mixent_net *nets[] = {make(graph, (mixent_net_options){0}),
                        make(graph, (mixent_net_options){.reference = true})};
  for (int i = 0; i < 2; i++) step(nets[i], 30);
  assert_true(difference(mixent_net_logits(nets[0]), mixent_net_logits(nets[1]), (size_t)BATCH * CLASSES) <
              1e-4);
  assert_true(difference(mixent_net_gradients(nets[0]), mixent_net_gradients(nets[1]),
                         mixent_graph_parameter_count(graph)) < 1e-2);
  for (int i = 0; i < 2; i++) mixent_net_free(nets[i]);
  mixent_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_where_it_is_taken),
      cmocka_unit_test(test_a_choice_takes_it_apart),
      cmocka_unit_test(test_threads_do_not_matter),
      cmocka_unit_test(test_images_far_from_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
