/* Network descriptions: what they become, every complaint with its place, networks that are opened by name or file. The built-in
 * networks: networks.c. */
#include "core/file.h"
#include "graph_subject.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static mixent_graph *parse(const char *text, const mixent_graph_options *options) {
  mixent_graph *graph;
  if (mixent_graph_parse(text, "t", options, &graph) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return graph;
}

static void test_small_network(void **state) {
  (void)state;
  static const char text[] = "name: small\n"
                             "layers:\n"
                             "  - conv2d: {name: a, channels: 6, kernel: 5, stride: 2, padding: 1}\n" /* 1 */
                             "  - relu:\n"
                             "  - conv2d: {name: b, channels: 4, kernel: 1, bias: no, from: a}\n" /* 3 */
                             "  - add: {from: [relu1, b]}\n"
                             "  - concat: {from: [a, add1, b]}\n" /* 5 */
                             "  - max_pool: {size: 3, stride: 2, padding: 1}\n"
                             "  - split: {begin: 3, end: 8}\n" /* 7 */
                             "  - flatten:\n"
                             "  - dropout: {rate: 0.25}\n" /* 9 */
                             "  - relu:\n"
                             "  - linear: {features: classes}\n"; /* 11 */
  mixent_graph *graph = parse(text, &letters);
  assert_string_equal(mixent_graph_name(graph), "small");
  assert_string_equal(mixent_graph_text(graph), text);
  assert_int_equal(graph->layer_count, 12);
  assert_null(graph->layers[0].type);
  assert_string_equal(graph->layers[0].name, "input");
  expect_shape(&graph->layers[0], 1, 28, 28);
  expect_shape(&graph->layers[1], 6, 13, 13); /* (28 + 2 - 5) / 2 + 1, rounded down */
  expect_shape(&graph->layers[4], 6, 13, 13);
  expect_shape(&graph->layers[5], 16, 13, 13);
  expect_shape(&graph->layers[6], 16, 7, 7); /* (13 + 2 - 3) / 2 + 1 */
  expect_shape(&graph->layers[7], 5, 7, 7);
  expect_shape(&graph->layers[8], 245, 1, 1);
  expect_shape(&graph->layers[11], 26, 1, 1);
  assert_string_equal(graph->layers[2].name, "relu1");
  assert_string_equal(graph->layers[10].name, "relu2");
  assert_int_equal(graph->layers[2].inputs[0], 1);
  assert_int_equal(graph->layers[3].inputs[0], 1);
  assert_int_equal(graph->layers[5].input_count, 3);
  assert_int_equal(graph->layers[5].inputs[1], 4);
  assert_true(graph->layers[9].rate == 0.25);
  assert_int_equal(graph->layers[3].parameters[1], -1);

  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  assert_int_equal(count, 5);
  assert_string_equal(tensors[2].name, "b.weight");
  assert_int_equal(tensors[2].offset, 6 * 25 + 6);
  assert_int_equal(tensors[2].count, 24);
  assert_true(tensors[0].decay && !tensors[1].decay && tensors[2].decay && tensors[3].decay &&
              !tensors[4].decay);
  assert_string_equal(tensors[4].name, "linear1.bias");
  assert_int_equal(mixent_graph_parameter_count(graph), 156 + 24 + 245 * 26 + 26);
  assert_int_equal(mixent_graph_statistic_count(graph), 0);
  mixent_graph_free(graph);

  mixent_graph_options options = letters;
  options.dropout = 0.125;
  graph = parse(text, &options);
  assert_true(graph->layers[9].rate == 0.125);
  mixent_graph_free(graph);
  mixent_graph_free(NULL);
}

/* `layers` stands from line 3 on. */
static void expect_complaint(const char *layers, const char *message) {
  char text[2048];
  snprintf(text, sizeof text, "name: x\nlayers:\n%s", layers);
  mixent_graph *graph;
  assert_int_equal(mixent_graph_parse(text, "t", &letters, &graph), MIXENT_ERROR_FORMAT);
  assert_null(graph);
  if (strncmp(mixent_last_error(), message, strlen(message)) != 0)
    fail_msg("%s\ngave:   %s\nwanted: %s", layers, mixent_last_error(), message);
}

#define HEAD "  - flatten:\n  - linear: {features: classes}\n"

static void test_complaints(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      /* kinds, fields and names */
      {"  - conv2: {channels: 3}\n", "t:3:5: unknown layer 'conv2'; did you mean 'conv2d'?"},
      {"  - transformer:\n", "t:3:5: unknown layer 'transformer'; known are conv2d, batch_norm, "},
      {"  - relu\n", "t:3:5: a layer is written"},
      {"  - {relu: , flatten: }\n", "t:3:5: a layer is written"},
      {"  - []\n", "t:3:5: a layer is written"},
      {"  - relu: 3\n", "t:3:5: the fields of relu are written"},
      {"  - relu: [a]\n", "t:3:5: the fields of relu are written"},
      {"  - relu:\n  - conv2d: {chanels: 3, kernel: 3}\n",
       "t:4:14: unknown 'chanels'; did you mean 'channels'?"},
      {"  - relu: {rate: 1}\n", "t:3:12: unknown 'rate'; "},
      {"  - batch_norm: {eps: 1}\n", "t:3:18: unknown 'eps'; "},
      {"  - flatten: {axis: 1}\n", "t:3:15: unknown 'axis'; "},
      {"  - conv2d: {channels: 3}\n", "t:3:5: conv2d needs 'kernel'"},
      {"  - conv2d: {kernel: 3}\n", "t:3:5: conv2d needs 'channels'"},
      {"  - conv2d:\n", "t:3:5: conv2d needs 'channels'"},
      {"  - max_pool:\n", "t:3:5: max_pool needs 'size'"},
      {"  - dropout:\n", "t:3:5: dropout needs 'rate'"},
      {"  - split: {begin: 0}\n", "t:3:5: split needs 'end'"},
      {"  - flatten:\n  - linear:\n", "t:4:5: linear needs 'features'"},
      {"  - conv2d: {channels: 3, kernel: 0}\n",
       "t:3:27: kernel: expected a whole number from 1 to 31, got '0'"},
      {"  - conv2d: {channels: no, kernel: 3}\n", "t:3:14: channels: expected a whole number"},
      {"  - conv2d: {channels: 4, kernel: 3, padding: 3}\n",
       "t:3:38: padding: expected a whole number from 0 to 2"},
      {"  - conv2d: {channels: 4, kernel: 3, stride: 0}\n", "t:3:38: stride: expected"},
      {"  - conv2d: {channels: 4, kernel: 3, bias: 3}\n", "t:3:38: bias: expected true or false, got '3'"},
      {"  - max_pool: {size: 3, padding: 2}\n", "t:3:25: padding: expected a whole number from 0 to 1"},
      {"  - dropout: {rate: 1}\n", "t:3:15: rate: expected a number from 0 to 0.999, got '1'"},
      {"  - dropout: {rate: -0.1}\n", "t:3:15: rate: expected"},
      {"  - relu: {name: a}\n  - relu: {name: a}\n", "t:4:12: the name 'a' is taken"},
      {"  - relu: {name: input}\n", "t:3:12: the name 'input' is taken"},
      {"  - relu: {name: relu2}\n  - relu:\n", "t:4:5: the name 'relu2' is taken"},
      {"  - relu: {name: a b}\n", "t:3:12: name: 'a b' may hold letters"},
      {"  - relu: {name: ''}\n", "t:3:12: name: expected a word"},
      /* which layers are read */
      {"  - relu: {name: first}\n  - relu: {from: frist}\n",
       "t:4:12: from: no layer 'frist' stands before; did you mean 'first'?"},
      {"  - relu: {name: first}\n  - relu: {from: elsewhere}\n",
       "t:4:12: from: no layer 'elsewhere' stands before"},
      {"  - relu: {name: me, from: me}\n", "t:3:22: from: no layer 'me' stands before"},
      {"  - relu: {from: {a: b}}\n", "t:3:12: from: expected the name"},
      {"  - concat: {from: [input, [input]]}\n", "t:3:28: from: expected the name"},
      {"  - concat: {from: []}\n", "t:3:14: from: names 0 layers; 1 to 16 are possible"},
      {"  - concat: {from: [input, input, input, input, input, input, input, input, input, input, input, "
       "input, input, input, input, input, input]}\n",
       "t:3:14: from: names 17 layers"},
      {"  - relu: {from: [input, input]}\n", "t:3:5: relu reads one layer, but 'from' names 2"},
      {"  - conv2d: {from: [input, input], channels: 1, kernel: 1}\n", "t:3:5: conv2d reads one layer"},
      {"  - add:\n", "t:3:5: add needs two layers or more"},
      {"  - concat: {from: input}\n", "t:3:5: concat needs two layers or more"},
      {"  - relu:\n  - relu: {from: input}\n" HEAD, "t:3:5: no layer reads the value of relu1; remove it"},
      /* shapes */
      {"  - linear: {features: 3}\n",
       "t:3:5: linear: reads a vector, but input gives a map of 28x28; put flatten before"},
      {"  - max_pool: {size: 29}\n", "t:3:5: max_pool: a window of 29x29 does not fit the map of 28x28"},
      {"  - max_pool: {size: 14}\n  - conv2d: {channels: 2, kernel: 5, padding: 1}\n",
       "t:4:5: conv2d: a window of 5x5 does not fit the map of 2x2 with padding 1"},
      {"  - split: {begin: 0, end: 2}\n", "t:3:23: end: expected a whole number from 1 to 1, got '2'"},
      {"  - split: {begin: 1, end: 1}\n", "t:3:13: begin: expected a whole number from 0 to 0"},
      {"  - max_pool: {name: p, size: 2}\n  - add: {from: [input, p]}\n",
       "t:4:5: add: input gives a map of 28x28, p one of 14x14"},
      {"  - max_pool: {name: p, size: 2}\n  - concat: {from: [p, input]}\n",
       "t:4:5: concat: p gives a map of 14x14, input one of 28x28"},
      {"  - conv2d: {name: c, channels: 2, kernel: 1}\n  - add: {from: [c, input]}\n",
       "t:4:5: add: c has 2 channels, input 1: the difference must be even"},
      {"  - conv2d: {name: c, channels: 3, kernel: 1}\n  - add: {from: [input, c]}\n",
       "t:4:5: add: c has 3 channels, more than the 1 of input; name it first"},
      {"  - conv2d: {channels: 65536, kernel: 1}\n  - flatten:\n",
       "t:4:5: flatten: 65536 channels of 28x28 are too many"},
      {"  - conv2d: {channels: 65536, kernel: 1}\n  - concat: {from: [conv2d1, conv2d1, conv2d1, conv2d1, "
       "conv2d1, conv2d1, conv2d1, conv2d1]}\n  - concat: {from: [concat1, concat1, concat1, concat1]}\n",
       "t:5:5: concat2: a value of 2097152 channels of 28x28 is too large"},
      /* the end */
      {"  - conv2d: {channels: 26, kernel: 1}\n",
       "t:3:5: the last layer must give one number per class (26), but conv2d1 gives 26 channels of 28x28"},
      {"  - flatten:\n  - linear: {features: 27}\n",
       "t:4:5: the last layer must give one number per class (26), but linear1 gives 27"},
      {"", "t:2:1: a network needs a list"},
      {"  []\n", "t:2:1: a network needs a list"},
      {"  relu\n", "t:2:1: a network needs a list"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_complaint(cases[i][0], cases[i][1]);
}

/* Layers and tensors of both stand one after another, named by their member; each begins at the input. */
static void test_members(void **state) {
  (void)state;
  static const char text[] =
      "name: pair\nmembers:\n  - |\n    name: a\n    layers:\n      - flatten:\n"
      "      - linear: {name: l1, features: classes}\n  - |4\n      name: b\n      layers:\n"
      "        - relu:\n        - global_pool: {name: g, from: relu1}\n        - flatten:\n"
      "        - linear: {name: l1, features: classes}\n";
  static const char *const names[] = {"input", "m1.flatten1", "m1.l1", "m2.relu1",
                                      "m2.g",  "m2.flatten1", "m2.l1", "mean_probability"};
  static const int inputs[] = {0, 0, 1, 0, 3, 4, 5, 2};
  mixent_graph *graph = parse(text, &letters);
  assert_int_equal(graph->layer_count, 8);
  for (int i = 1; i < 8; i++) {
    assert_string_equal(graph->layers[i].name, names[i]);
    assert_int_equal(graph->layers[i].inputs[0], inputs[i]);
  }
  assert_int_equal(graph->layers[7].input_count, 2);
  assert_int_equal(graph->layers[7].inputs[1], 6);
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  assert_int_equal(count, 4);
  assert_string_equal(tensors[2].name, "m2.l1.weight");
  mixent_graph_free(graph);
  static const char *const wrong[][2] = {
      {"name: x\nmembers: 3\n", "t:2:1: members: expected a list of 2 to 16 networks"},
      {"name: x\nmembers: [a]\n", "t:2:1: members: expected a list of 2 to 16 networks"},
      {"name: x\nmembers: [a, [b]]\n", "member 1 of a network:1:1: a network is written"},
      {"name: x\nlayers:\nmembers: [a, b]\n", "t:2:1: unknown 'layers'"},
      {"name: x\nmembers:\n  - 'name: y'\n  - a\n",
       "member 1 of a network:1:1: a network needs a list 'layers:'"},
      {"name: x\nmembers:\n  - |\n    name: y\n    layers:\n      - relu:\n  - a\n",
       "member 2 of a network:1:1: a network is written"},
      {"name: x\nmembers:\n  - |\n    name: y\n    members: [a, b]\n  - a\n",
       "t:3:5: an ensemble is no member of another"},
      {"name: x\nmembers:\n  - |\n    name: y\n    layers:\n      - relu:\n  - |\n    name: y\n    layers:\n      - relu:\n",
       "member 1 of a network:3:5: the last layer must give one number per class (26), but m1.relu1 gives"},
      {"name: x\nmembers:\n  - |\n    name: y\n    layers:\n      - relu: {from: m1.relu1}\n  - |\n    name: y\n    layers:\n      - relu:\n",
       "member 1 of a network:3:12: from: no layer 'm1.relu1' stands before"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(mixent_graph_parse(wrong[i][0], "t", &letters, &graph), MIXENT_ERROR_FORMAT);
    if (strncmp(mixent_last_error(), wrong[i][1], strlen(wrong[i][1])) != 0)
      fail_msg("%s\ngave:   %s\nwanted: %s", wrong[i][0], mixent_last_error(), wrong[i][1]);
  }
}

static void test_complaints_outside_layers(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"- relu:\n", "t:1:1: a network is written"},
      {"layers:\n" HEAD, "t:1:1: a network needs a name"},
      {"name: [a]\nlayers:\n" HEAD, "t:1:1: a network needs a name"},
      {"name: a\nlayer:\n" HEAD, "t:2:1: unknown 'layer'; did you mean 'layers'?"},
      {"name: a\n", "t:1:1: a network needs a list"},
      {"name: a\nlayers: [\n", "t:3:1: "},
  };
  mixent_graph *graph;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(mixent_graph_parse(cases[i][0], "t", &letters, &graph), MIXENT_ERROR_FORMAT);
    if (strncmp(mixent_last_error(), cases[i][1], strlen(cases[i][1])) != 0)
      fail_msg("%s\ngave:   %s\nwanted: %s", cases[i][0], mixent_last_error(), cases[i][1]);
  }
}

static void test_options_are_checked(void **state) {
  (void)state;
  static const struct {
    mixent_graph_options options;
    const char *message;
  } cases[] = {
      {{.channels = 2, .side = 28, .classes = 10}, "1 or 3 channels, not 2"},
      {{.channels = 1, .side = 15, .classes = 10}, "16 to 256 pixels a side, not 15"},
      {{.channels = 1, .side = 257, .classes = 10}, "16 to 256 pixels a side, not 257"},
      {{.channels = 1, .side = 28, .classes = 1}, "classes, not 1"},
      {{.channels = 1, .side = 28, .classes = 10, .dropout = 1}, "dropout must be at most 0.999"},
      {{.channels = 1, .side = 28, .classes = 10, .dropout = NAN}, "dropout must be at most 0.999"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_graph *graph;
    assert_int_equal(mixent_graph_open("vgg5", &cases[i].options, &graph), MIXENT_ERROR_ARGUMENT);
    assert_null(graph);
    assert_non_null(strstr(mixent_last_error(), cases[i].message));
  }
}

static void test_opening(void **state) {
  (void)state;
  mixent_graph *graph;
  assert_int_equal(mixent_graph_open("vgg", &letters, &graph), MIXENT_ERROR_ARGUMENT);
  assert_string_equal(mixent_last_error(), "unknown network 'vgg'; did you mean 'vgg5'?");
  assert_int_equal(mixent_graph_open("perceptron-9000", &letters, &graph), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(),
                         "resnet10, resnet20, resnet9-pool-first, resnet9-thin, resnet9, spinal-vgg5, "));

  char directory[] = "/tmp/mixent-test-XXXXXX";
  assert_non_null(mkdtemp(directory));
  char *path = mixent_path_join(directory, "mine.yaml");
  assert_int_equal(mixent_graph_open(path, &letters, &graph), MIXENT_ERROR_IO);
  static const char mine[] = "name: mine\nlayers:\n" HEAD;
  assert_int_equal(mixent_file_replace(path, mine, strlen(mine)), MIXENT_OK);
  graph = open_network(path, &letters);
  assert_string_equal(mixent_graph_name(graph), "mine");
  mixent_graph_free(graph);
  assert_int_equal(mixent_file_replace(path, "name: a\0b", 9), MIXENT_OK);
  assert_int_equal(mixent_graph_open(path, &letters, &graph), MIXENT_ERROR_FORMAT);
  assert_int_equal(mixent_file_replace(path, "name: a\nlayers: 3\n", 18), MIXENT_OK);
  assert_int_equal(mixent_graph_open(path, &letters, &graph), MIXENT_ERROR_FORMAT);
  assert_memory_equal(mixent_last_error(), path, strlen(path));
  assert_int_equal(mixent_directory_remove(directory), MIXENT_OK);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_small_network),
      cmocka_unit_test(test_complaints),
      cmocka_unit_test(test_members),
      cmocka_unit_test(test_complaints_outside_layers),
      cmocka_unit_test(test_options_are_checked),
      cmocka_unit_test(test_opening),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
