/* model/import_onnx: every built-in network, written as ONNX and read back, says the same, of images and of itself; a checkpoint
 * made of the file does so, too. What is no ONNX file, or one cut short, is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "model/import_onnx.h"
#include "model/one_file.h"
#include "net/graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 3, CLASSES = 5 };

static char directory[] = "/tmp/mixent-test-XXXXXX", onnx_path[64], checkpoint_path[64];

/* What no built-in network has: a sum of three, narrow ones among them; logits that are a mean of probabilities. */
static const char everything[] =
    "name: everything\n"
    "layers:\n"
    "  - conv2d: {name: a, channels: 8, kernel: 5, padding: 1, stride: 2, bias: false}\n"
    "  - batch_norm: {name: n}\n"
    "  - gelu: {name: g}\n"
    "  - conv2d: {name: b, channels: 4, kernel: 3, padding: 1}\n"
    "  - conv2d: {name: c, channels: 6, kernel: 3, padding: 1, from: g}\n"
    "  - add: {name: s, from: [g, b, c]}\n"
    "  - batch_norm: {name: m}\n"
    "  - silu: {name: u}\n"
    "  - concat: {name: k, from: [u, s]}\n"
    "  - split: {name: p, begin: 3, end: 12}\n"
    "  - max_pool: {size: 3, stride: 2, padding: 1}\n"
    "  - flatten:\n"
    "  - dropout: {rate: 0.5}\n"
    "  - linear: {name: l, features: 20}\n"
    "  - batch_norm: {name: o}\n"
    "  - relu: {name: r}\n"
    "  - linear: {name: x, features: classes}\n"
    "  - linear: {name: y, features: classes, from: r}\n"
    "  - mean_probability: {from: [x, y, x]}\n";

static char *class_names[] = {"zero", "one", "\xc3\xa9t\xc3\xa9", "three", "a \"b\""},
            *feature_names[] = {"a", "b", "c"};
static int64_t labels[] = {1, 2, 3, 4, 7};
static float mean[] = {0.1307F, 0.5F, 0.25F}, deviation[] = {0.3081F, 0.5F, 1.5F};

static void check(mixent_status status) {
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

/* Weights as training begins, statistics and norms as it might leave them. */
static void fill(mixent_model *model) {
  size_t parameters = mixent_graph_parameter_count(model->graph),
         statistics = mixent_graph_statistic_count(model->graph), count;
  model->parameters = calloc(parameters, sizeof(float));
  model->statistics = calloc(statistics + 1, sizeof(float));
  assert_true(model->parameters && model->statistics);
  mixent_graph_initialize(model->graph, 1, model->parameters, model->statistics);
  const mixent_tensor *tensors = mixent_graph_parameters(model->graph, &count);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; tensors[i].dimensions == 1 && j < tensors[i].count; j++)
      model->parameters[tensors[i].offset + j] += 0.3F * sinf((float)(i + 7 * j));
  for (size_t i = 0; i < statistics; i++) model->statistics[i] += 0.3F * sinf((float)i);
}

static mixent_model make_model(const char *name, int channels, int side) {
  const mixent_graph_options shape = {.channels = channels, .side = side, .classes = CLASSES, .dropout = -1};
  mixent_model model = {.channels = channels,
                        .side = side,
                        .classes = CLASSES,
                        .class_names = class_names,
                        .labels = labels,
                        .mean = mean,
                        .deviation = deviation,
                        .feature_names = side == 1 ? feature_names : NULL,
                        .transposed = true,
                        .pictures = side > 1,
                        .fit = MIXENT_FIT_PAD,
                        .background = MIXENT_BACKGROUND_BLACK,
                        .data = "letters",
                        .fingerprint = 0x123456789abcdef0,
                        .recipe = "name: mine\nprecision: bf16\nseed: 5\n",
                        .loss = {.value = {0.5, 0.25, 0.125, 2, 3, 4}},
                        .epoch = 7};
  check(strchr(name, '\n') ? mixent_graph_parse(name, "test", &shape, &model.graph)
                           : mixent_graph_open(name, &shape, &model.graph));
  fill(&model);
  return model;
}

static void free_made(mixent_model *model) {
  mixent_graph_free(model->graph);
  free(model->parameters);
  free(model->statistics);
}

static void predict(const mixent_model *model, float *logits) {
  mixent_predictor *predictor;
  check(mixent_predictor_create(model, ROWS, MIXENT_FP32, &predictor));
  size_t row = (size_t)(model->side * model->side * model->channels);
  uint8_t *pixels = malloc(ROWS * row);
  float *features = malloc(ROWS * row * sizeof *features);
  assert_true(pixels && features);
  for (size_t i = 0; i < ROWS * row; i++)
    pixels[i] = (uint8_t)(i * 2654435761U >> 13), features[i] = (float)pixels[i] / 255;
  check(model->side == 1 ? mixent_predictor_run_features(predictor, features, ROWS, logits, NULL)
                         : mixent_predictor_run(predictor, pixels, ROWS, logits, NULL));
  free(pixels);
  free(features);
  mixent_predictor_free(predictor);
}

static void check_same(const mixent_model *model, const float *wanted, const char *path, double temperature) {
  float found[ROWS * CLASSES];
  mixent_model *read;
  check(mixent_model_open(path, &read));
  assert_true(fabs(read->fitted_temperature - temperature) < 1e-6 || temperature == 1);
  read->temperature = model->temperature;
  predict(read, found);
  double largest = 1;
  for (int i = 0; i < ROWS * CLASSES; i++) largest = fmax(largest, fabs((double)wanted[i]));
  for (int i = 0; i < ROWS * CLASSES; i++)
    if (!(fabs((double)(wanted[i] - found[i])) < 1e-5 * largest))
      fail_msg("%s: logit %d: expected %g, got %g", mixent_graph_name(model->graph), i, (double)wanted[i],
               (double)found[i]);
  for (int k = 0; k < CLASSES; k++) {
    assert_string_equal(read->class_names[k], class_names[k]);
    assert_int_equal(read->labels[k], labels[k]);
  }
  assert_true(read->transposed && !read->unnamed && read->pictures == model->pictures &&
              read->fit == (model->pictures ? MIXENT_FIT_PAD : read->fit));
  assert_true(read->background == (model->pictures ? MIXENT_BACKGROUND_BLACK : read->background));
  assert_string_equal(read->data, "letters");
  assert_true(read->fingerprint == model->fingerprint && read->epoch == 7);
  assert_memory_equal(read->loss.value, model->loss.value, sizeof read->loss.value);
  assert_string_equal(read->recipe, "name: mine\nseed: 5\nprecision: fp32\n");
  assert_memory_equal(read->mean, mean, (size_t)model->channels * sizeof *mean);
  assert_memory_equal(read->deviation, deviation, (size_t)model->channels * sizeof *deviation);
  assert_int_equal(!read->feature_names, !model->feature_names);
  assert_string_equal(mixent_graph_name(read->graph), mixent_graph_name(model->graph));
  mixent_model_free(read);
}

static void round_trip(const char *name, int channels, int side, double temperature) {
  mixent_model model = make_model(name, channels, side), *read;
  const char *const files[] = {onnx_path};
  float wanted[ROWS * CLASSES];
  model.temperature = temperature;
  predict(&model, wanted);
  check(mixent_model_export_onnx(&model, onnx_path));
  check_same(&model, wanted, onnx_path, temperature);
  check(mixent_model_open(onnx_path, &read));
  assert_true(fabs(read->temperature - temperature) < 1e-6);
  check(mixent_one_file_write(read, files, 1, false, checkpoint_path));
  check_same(&model, wanted, checkpoint_path, temperature);
  mixent_model_free(read);
  free_made(&model);
}

static void test_every_network_is_read_back(void **state) {
  (void)state;
  for (const char *const *name = mixent_graph_names(); *name; name++)
    round_trip(*name, strcmp(*name, "mlp") == 0 ? 3 : 1, strcmp(*name, "mlp") == 0 ? 1 : 16, 1);
  round_trip("mlp", 1, 16, 1);
  round_trip("resnet20", 3, 32, 1);
  round_trip(everything, 3, 23, 1);
}

static void test_a_temperature_is_read_back(void **state) {
  (void)state;
  round_trip("conv3", 1, 28, 2.5);
  round_trip(everything, 1, 23, 0.5);
}

/* Cut anywhere, it is refused; so is a byte more. */
static void test_a_damaged_file_is_refused(void **state) {
  (void)state;
  mixent_model model = make_model("mlp", 3, 1), *read;
  char *bytes;
  size_t size, refused = 0;
  check(mixent_model_export_onnx(&model, onnx_path));
  check(mixent_file_read(onnx_path, 1 << 24, &bytes, &size));
  for (size_t length = 0; length < size; length += 1 + length / 20) {
    mixent_status status = mixent_model_parse_onnx(bytes, length, "cut", &read);
    refused += status != MIXENT_OK;
    if (status == MIXENT_OK)
      mixent_model_free(read); /* cut between two fields after the graph, which say nothing of the network */
    assert_true(status == MIXENT_OK || strncmp(mixent_last_error(), "cut: ", 5) == 0);
  }
  assert_true(refused > 20);
  check(mixent_model_parse_onnx(bytes, size, "whole", &read));
  mixent_model_free(read);
  free(bytes);
  free_made(&model);
}

static int set_up(void **state) {
  (void)state;
  if (!mkdtemp(directory)) return -1;
  snprintf(onnx_path, sizeof onnx_path, "%s/a.onnx", directory);
  snprintf(checkpoint_path, sizeof checkpoint_path, "%s/a.safetensors", directory);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_network_is_read_back),
                                     cmocka_unit_test(test_a_temperature_is_read_back),
                                     cmocka_unit_test(test_a_damaged_file_is_refused)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
