/* The built-in networks: the names and numbers of their parameters for every size of image, and initial parameters. */
#include "core/threads.h"
#include "graph_subject.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PyTorch's names: every prefix has weight and bias but `bare` ones, which have a weight alone. */
static void expect_names(const mixent_graph *graph, const char *prefixes, const char *norms) {
  char names[8192], *rest = NULL;
  size_t count, next = 0;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  size_t offset = 0;
  snprintf(names, sizeof names, "%s", prefixes);
  for (char *word = strtok_r(names, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    bool bare = word[strlen(word) - 1] == '!';
    if (bare) word[strlen(word) - 1] = 0;
    for (int i = 0; i < (bare ? 1 : 2); i++, next++) {
      char full[64];
      snprintf(full, sizeof full, "%s.%s", word, i ? "bias" : "weight");
      assert_true(next < count);
      assert_string_equal(tensors[next].name, full);
      assert_int_equal(tensors[next].offset, offset);
      offset += tensors[next].count;
    }
  }
  assert_int_equal(next, count);
  assert_int_equal(offset, mixent_graph_parameter_count(graph));

  const mixent_tensor *statistics = mixent_graph_statistics(graph, &count);
  next = 0;
  snprintf(names, sizeof names, "%s", norms);
  for (char *word = strtok_r(names, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
    for (int i = 0; i < 2; i++, next++) {
      char full[64];
      snprintf(full, sizeof full, "%s.%s", word, i ? "running_var" : "running_mean");
      assert_true(next < count);
      assert_string_equal(statistics[next].name, full);
    }
  assert_int_equal(next, count);
}

#define VGG_MAPS                                                                                             \
  "l1.0 l1.1 l1.3 l1.4 l2.0 l2.1 l2.3 l2.4 l3.0 l3.1 l3.3 l3.4 l3.6 l3.7 l4.0 l4.1 l4.3 l4.4 l4.6 l4.7 "
#define VGG_NORMS       "l1.1 l1.4 l2.1 l2.4 l3.1 l3.4 l3.7 l4.1 l4.4 l4.7 "
#define RESNET_BLOCK(n) n ".conv1! " n ".bn1 " n ".conv2! " n ".bn2 "
#define RESNET_NORMS(n) n ".bn1 " n ".bn2 "
#define FOUR(M)         M("layer1") M("layer2") M("layer3") M("layer4")
#define NINE(M)                                                                                              \
  M("layer1.0")                                                                                              \
  M("layer1.1")                                                                                              \
  M("layer1.2") M("layer2.0") M("layer2.1") M("layer2.2") M("layer3.0") M("layer3.1") M("layer3.2")

/* `norm` is the place of a stage's batch norm in it. */
#define STAGE(n, norm)                                                                                       \
  "stage" n ".0! stage" n "." norm " block" n ".0! block" n ".1 block" n ".3! block" n ".4 "
#define STAGE_NORMS(n, norm) "stage" n "." norm " block" n ".1 block" n ".4 "
#define STAGES(norm)         "prep.0! prep.1 " STAGE("1", norm) STAGE("2", norm) STAGE("3", norm) "linear"
#define STAGES_NORMS(norm)   "prep.1 " STAGE_NORMS("1", norm) STAGE_NORMS("2", norm) STAGE_NORMS("3", norm)

static void test_built_in_networks(void **state) {
  (void)state;
  static const struct {
    const char *name, *parameters, *norms;
    size_t counts[2]; /* 1 channel and 26 classes, 3 channels and 10 classes; from the same networks in
                         PyTorch */
  } networks[] = {
      {"vgg5",
       VGG_MAPS "classifier.1 classifier.2 classifier.5",
       VGG_NORMS "classifier.2",
       {3654362, 3647306}},
      {"vgg5-half",
       VGG_MAPS "classifier.1 classifier.2 classifier.5",
       VGG_NORMS "classifier.2",
       {918906, 915370}},
      {"spinal-vgg5",
       VGG_MAPS
       "fc_spinal_layer1.1 fc_spinal_layer1.2 fc_spinal_layer2.1 fc_spinal_layer2.2 fc_spinal_layer3.1 "
       "fc_spinal_layer3.2 fc_spinal_layer4.1 fc_spinal_layer4.2 fc_out.1",
       VGG_NORMS "fc_spinal_layer1.2 fc_spinal_layer2.2 fc_spinal_layer3.2 fc_spinal_layer4.2",
       {3637978, 3630922}},
      {"resnet9", STAGES("1"), STAGES_NORMS("1"), {1945082, 1941546}},
      {"resnet9-thin", STAGES("1"), STAGES_NORMS("1"), {1095938, 1093282}},
      {"resnet9-pool-first", STAGES("2"), STAGES_NORMS("2"), {1095938, 1093282}},
      {"resnet10", "conv1! bn1 " FOUR(RESNET_BLOCK) "linear", "bn1 " FOUR(RESNET_NORMS), {1188602, 1185066}},
      {"resnet20", "conv1! bn1 " NINE(RESNET_BLOCK) "linear", "bn1 " NINE(RESNET_NORMS), {270474, 269722}},
  };
  static const int sides[] = {16, 17, 28, 31, 32, 47, 64, 256};
  const char *const *names = mixent_graph_names();
  int known = 0;
  while (names[known]) known++;
  assert_int_equal(known, sizeof networks / sizeof *networks + 2); /* and mlp and conv3, below */
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
    for (int colour = 0; colour < 2; colour++)
      for (size_t side = 0; side < sizeof sides / sizeof *sides; side++) {
        mixent_graph_options options = {
            .channels = colour ? 3 : 1, .side = sides[side], .classes = colour ? 10 : 26, .dropout = -1};
        mixent_graph *graph = open_network(networks[i].name, &options);
        assert_string_equal(mixent_graph_name(graph), networks[i].name);
        assert_int_equal(mixent_graph_parameter_count(graph), networks[i].counts[colour]);
        expect_names(graph, networks[i].parameters, networks[i].norms);
        expect_shape(&graph->layers[graph->layer_count - 1], options.classes, 1, 1);
        mixent_graph_free(graph);
      }
}

static void test_conv3(void **state) {
  (void)state;
  mixent_graph *graph = open_network("conv3", &letters);
  expect_names(graph, "c1 n1 c2 n2 c3 n3 f1 n4 out", "n1 n2 n3 n4");
  assert_int_equal(mixent_graph_parameter_count(graph), 100986);
  mixent_graph_free(graph);
}

static void test_rows_of_features(void **state) {
  (void)state;
  static const char *const norms = "layers.1 layers.5";
  mixent_graph_options options = {.channels = 10, .side = 1, .classes = 2, .dropout = -1};
  mixent_graph *graph = open_network("mlp", &options);
  expect_names(graph, "layers.0 layers.1 layers.4 layers.5 layers.8", norms);
  assert_int_equal(mixent_graph_parameter_count(graph), 36738);
  mixent_graph_free(graph);
  options.channels = 65536;
  mixent_graph_free(open_network("mlp", &options));
  graph = open_network("mlp", &letters); /* images as long rows */
  expect_names(graph, "layers.0 layers.1 layers.4 layers.5 layers.8", norms);
  mixent_graph_free(graph);
  options.channels = 65537;
  assert_int_equal(mixent_graph_open("mlp", &options, &graph), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "rows of 1 to 65536 features, not 65537"));
  options.channels = 10;
  assert_int_equal(mixent_graph_open("vgg5", &options, &graph), MIXENT_ERROR_FORMAT);
  assert_non_null(strstr(mixent_last_error(), "for rows of features take the network mlp"));
}

static const mixent_tensor *find_tensor(const mixent_graph *graph, const char *name) {
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(tensors[i].name, name) == 0) return &tensors[i];
  fail_msg("no tensor %s", name);
  return NULL;
}

/* Mean 0, the given deviation, within the bound (uniform: deviation = bound / sqrt 3), and for a normal the
 * fourth moment 3. */
static void expect_moments(const float *values, size_t count, double deviation, double bound,
                           double kurtosis) {
  double sum = 0, squares = 0, fourth = 0, largest = 0;
  for (size_t i = 0; i < count; i++) {
    double v = values[i], s = v * v;
    sum += v, squares += s, fourth += s * s;
    if (fabs(v) > largest) largest = fabs(v);
  }
  double n = (double)count, variance = squares / n;
  assert_true(fabs(sum / n) < 4.5 * deviation / sqrt(n));
  assert_true(fabs(variance / (deviation * deviation) - 1) < 4.5 * sqrt((kurtosis - 1) / n));
  assert_true(fabs(fourth / n / (variance * variance) - kurtosis) < 25 * kurtosis / sqrt(n));
  assert_true(largest <= bound);
}

static void test_initial_parameters(void **state) {
  (void)state;
  mixent_graph *graph = open_network("vgg5-half", &letters);
  size_t count = mixent_graph_parameter_count(graph), statistic_count = mixent_graph_statistic_count(graph);
  float *parameters = malloc(count * sizeof *parameters), *again = malloc(count * sizeof *again);
  float *statistics = malloc(statistic_count * sizeof *statistics);
  mixent_threads_set(1);
  mixent_graph_initialize(graph, 7, parameters, statistics);
  mixent_threads_set(3);
  mixent_graph_initialize(graph, 7, again, statistics);
  assert_memory_equal(parameters, again, count * sizeof *parameters);

  const mixent_tensor *weight = find_tensor(graph, "l3.3.weight");
  expect_moments(parameters + weight->offset, weight->count, sqrt(2 / (9.0 * 128)), INFINITY, 3);
  weight = find_tensor(graph, "l1.0.weight"); /* 288 values */
  expect_moments(parameters + weight->offset, weight->count, sqrt(2 / (9.0 * 32)), INFINITY, 3);
  weight = find_tensor(graph, "classifier.1.weight"); /* PyTorch: uniform within 1 / sqrt(inputs) */
  expect_moments(parameters + weight->offset, weight->count, 1 / sqrt(3 * 128.0), 1 / sqrt(128.0), 1.8);
  weight = find_tensor(graph, "classifier.1.bias");
  expect_moments(parameters + weight->offset, weight->count, 1 / sqrt(3 * 128.0), 1 / sqrt(128.0), 1.8);
  weight = find_tensor(graph, "l3.3.bias");
  expect_moments(parameters + weight->offset, weight->count, 1 / sqrt(3 * 9 * 128.0), 1 / sqrt(9 * 128.0),
                 1.8);
  weight = find_tensor(graph, "l3.4.weight");
  const mixent_tensor *bias = find_tensor(graph, "l3.4.bias");
  for (size_t i = 0; i < weight->count; i++) {
    assert_true(parameters[weight->offset + i] == 1);
    assert_true(parameters[bias->offset + i] == 0);
  }
  size_t tensors;
  const mixent_tensor *running = mixent_graph_statistics(graph, &tensors);
  for (size_t t = 0; t < tensors; t++)
    for (size_t i = 0; i < running[t].count; i++)
      assert_true(statistics[running[t].offset + i] == (strstr(running[t].name, "running_var") ? 1 : 0));

  /* streams of their own: tensors of one shape differ, another seed differs, another network agrees where
   * names do */
  const mixent_tensor *first = find_tensor(graph, "l3.3.weight"), *second = find_tensor(graph, "l3.6.weight");
  assert_memory_not_equal(parameters + first->offset, parameters + second->offset, 4 * sizeof(float));
  mixent_graph_initialize(graph, 8, again, statistics);
  assert_memory_not_equal(parameters + first->offset, again + first->offset, 4 * sizeof(float));
  mixent_graph_options fewer = letters;
  fewer.classes = 10;
  mixent_graph *other = open_network("vgg5-half", &fewer);
  mixent_graph_initialize(other, 7, again, statistics);
  first = find_tensor(graph, "l4.6.weight"), second = find_tensor(other, "l4.6.weight");
  assert_memory_equal(parameters + first->offset, again + second->offset, first->count * sizeof(float));
  mixent_graph_free(other);
  free(parameters), free(again), free(statistics);
  mixent_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_built_in_networks),
      cmocka_unit_test(test_conv3),
      cmocka_unit_test(test_rows_of_features),
      cmocka_unit_test(test_initial_parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
