/* Training, keeping and predicting with arrays in memory: what files of the same give, to the bit; nothing of the caller's is written;
 * what cannot be is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixent/train.h"
#include "small_place.h"
#include <math.h>
#include <unistd.h>

enum { SIDE = 16, CLASSES = 4, TRAIN = 66, TEST = 20, PIXELS = SIDE * SIDE };

/* A caller's own arrays, filled from the files of small_run.h. */
static uint8_t train_pixels[TRAIN * PIXELS], test_pixels[TEST * PIXELS], kept_pixels[TRAIN * PIXELS];
static int32_t train_labels[TRAIN], test_labels[TEST];
static const char *const class_names[CLASSES] = {"first", "second", "third", "\xc3\x84"};
static const char *const refused_names[CLASSES] = {"a", "b", "c\n", "d"};

static mixent_dataset_arrays make_arrays(void) {
  return (mixent_dataset_arrays){
      .name = "bars",
      .train = {.count = TRAIN, .side = SIDE, .channels = 1, .pixels = train_pixels, .labels = train_labels},
      .test = {.count = TEST, .side = SIDE, .channels = 1, .pixels = test_pixels, .labels = test_labels},
      .classes = CLASSES,
      .class_names = class_names};
}

static int fill_arrays(void **state) {
  mixent_dataset *files;
  if (make_data(state) != 0 || mixent_dataset_open(data_path, NULL, &files) != MIXENT_OK) return -1;
  memcpy(train_pixels, files->train.pixels, sizeof train_pixels);
  memcpy(test_pixels, files->test.pixels, sizeof test_pixels);
  memcpy(train_labels, files->train.labels, sizeof train_labels);
  memcpy(test_labels, files->test.labels, sizeof test_labels);
  memcpy(kept_pixels, train_pixels, sizeof kept_pixels);
  mixent_dataset_free(files);
  return 0;
}

static mixent_dataset *borrow(void) {
  const mixent_dataset_arrays arrays = make_arrays();
  mixent_dataset *dataset;
  assert_ok(mixent_dataset_borrow(&arrays, &dataset));
  return dataset;
}

static mixent_setting settings[] = {{"net", net_path},        {"epochs", "3"},
                                    {"batch", "10"},          {"threads", "2"},
                                    {"loss.name", "min-ent"}, {"validation.fraction", "0.2"},
                                    {"precision", "fp32"},    {"data", data_path}};
enum { SETTINGS = sizeof settings / sizeof *settings }; /* the last is of files alone */

static volatile sig_atomic_t stop;
static int steps, epochs;
static void count_step(void *context, const mixent_train_progress *progress) {
  (void)progress;
  if (++steps == *(const int *)context) stop = 1;
}
static void count_epoch(void *context, const mixent_train_epoch *epoch) {
  (void)context, (void)epoch;
  epochs++;
}

/* `dataset` NULL: of the files. */
static mixent_status train(const mixent_dataset *dataset, const char *name, int stop_after, char run[96],
                           mixent_train_summary *summary) {
  snprintf(run, 96, "%s/%s", directory, name);
  stop = 0, steps = epochs = 0;
  const mixent_train_options options = {.settings = settings,
                                        .setting_count = dataset ? SETTINGS - 1 : SETTINGS,
                                        .dataset = dataset,
                                        .run = run,
                                        .stop = &stop,
                                        .context = &stop_after,
                                        .progress = count_step,
                                        .epoch = count_epoch};
  return mixent_train(&options, summary);
}

static mixent_model *open_best(const char *run) {
  char path[128];
  mixent_model *model;
  snprintf(path, sizeof path, "%s/best.safetensors", run);
  assert_ok(mixent_model_open(path, &model));
  return model;
}

static void assert_same_arrays(const mixent_model *a, const mixent_model *b) {
  size_t parameters = mixent_graph_parameter_count(a->graph),
         statistics = mixent_graph_statistic_count(a->graph);
  assert_int_equal(parameters, mixent_graph_parameter_count(b->graph));
  assert_memory_equal(a->parameters, b->parameters, parameters * sizeof *a->parameters);
  assert_memory_equal(a->statistics, b->statistics, statistics * sizeof *a->statistics);
  assert_memory_equal(a->mean, b->mean, sizeof *a->mean);
  assert_memory_equal(a->deviation, b->deviation, sizeof *a->deviation);
}

static void test_arrays_train_as_files_do(void **state) {
  (void)state;
  char of_files[96], of_arrays[96];
  mixent_train_summary one, other;
  mixent_dataset *dataset = borrow();
  assert_ptr_equal(dataset->train.pixels, train_pixels); /* no copy */
  assert_ok(train(NULL, "files", 0, of_files, &one));
  assert_ok(train(dataset, "arrays", 0, of_arrays, &other));
  assert_int_equal(epochs, 3);
  assert_int_equal(steps, 3 * 5);
  assert_true(one.test.nll == other.test.nll && one.validation.nll == other.validation.nll);
  mixent_model *a = open_best(of_files), *b = open_best(of_arrays);
  assert_same_arrays(a, b);
  assert_string_equal(b->data, "bars");
  assert_string_equal(b->class_names[3], class_names[3]);
  mixent_scores scores;
  assert_ok(mixent_model_score(b, dataset, MIXENT_PART_VALIDATION, MIXENT_FP32, 1, NULL, &scores));
  assert_int_equal(scores.images, 12);
  if (!(fabs(scores.nll - other.validation.nll) < 1e-5)) fail_msg("%g, %g", scores.nll, other.validation.nll);
  assert_memory_equal(train_pixels, kept_pixels, sizeof kept_pixels);
  mixent_train_summary_free(&one);
  mixent_train_summary_free(&other);
  mixent_model_free(a);
  mixent_model_free(b);
  mixent_dataset_free(dataset);
}

static void test_a_stopped_run_wants_the_same_arrays(void **state) {
  (void)state;
  char run[96], whole[96];
  mixent_train_summary summary;
  mixent_dataset *dataset = borrow(), *changed;
  assert_int_equal(train(dataset, "stopped", 7, run, &summary), MIXENT_ERROR_INTERRUPTED);
  assert_int_equal(steps, 7);
  mixent_train_options options = {0};
  assert_int_equal(mixent_train_resume(run, &options, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "'memory:bars' were arrays of a program"));
  test_pixels[5] ^= 1;
  changed = borrow();
  options.dataset = changed;
  assert_int_not_equal(mixent_train_resume(run, &options, &summary), MIXENT_OK);
  assert_non_null(strstr(mixent_last_error(), "the data changed since it was saved"));
  test_pixels[5] ^= 1;
  options.dataset = dataset;
  assert_ok(mixent_train_resume(run, &options, &summary));
  mixent_train_summary_free(&summary);
  assert_ok(train(dataset, "whole", 0, whole, &summary));
  mixent_model *a = open_best(run), *b = open_best(whole);
  assert_same_arrays(a, b);
  mixent_train_summary_free(&summary);
  mixent_model_free(a);
  mixent_model_free(b);
  mixent_dataset_free(changed);
  mixent_dataset_free(dataset);
}

static void test_a_saved_model_is_read_again(void **state) {
  (void)state;
  char run[96], path[128];
  mixent_train_summary summary;
  mixent_dataset *dataset = borrow();
  assert_ok(train(dataset, "saved", 0, run, &summary));
  mixent_model *model = open_best(run), *again;
  model->fitted_temperature = 1.25, model->temperature = 3;
  snprintf(path, sizeof path, "%s/kept.safetensors", directory);
  assert_ok(mixent_model_save(model, path));
  assert_ok(mixent_model_open(path, &again));
  assert_same_arrays(model, again);
  assert_true(again->fitted_temperature == 1.25 && again->temperature == 1 && again->epoch == model->epoch);
  assert_true(again->fingerprint == model->fingerprint && again->fit == model->fit);
  assert_memory_equal(&again->loss, &model->loss, sizeof model->loss);
  assert_string_equal(again->recipe, model->recipe);
  assert_string_equal(mixent_graph_text(again->graph), mixent_graph_text(model->graph));
  for (int k = 0; k < CLASSES; k++) assert_string_equal(again->class_names[k], class_names[k]);
  float *weight = &model->parameters[3], kept = *weight;
  *weight = NAN;
  assert_int_equal(mixent_model_save(model, path), MIXENT_ERROR_NUMERIC);
  *weight = kept;
  mixent_model_free(again);
  assert_ok(mixent_model_open(path, &again)); /* the old file is whole */
  mixent_train_summary_free(&summary);
  mixent_model_free(again);
  mixent_model_free(model);
  mixent_dataset_free(dataset);
}

static void test_rows_of_features(void **state) {
  (void)state;
  enum { FEATURES = 3, ROWS = 60 };
  static float features[ROWS * FEATURES];
  static int32_t labels[ROWS];
  static const char *const names[FEATURES] = {"length", "width", "weight"};
  for (int i = 0; i < ROWS * FEATURES; i++)
    labels[i / FEATURES] = i / FEATURES % 2,
               features[i] = (float)(labels[i / FEATURES] ? 2 : -2) + 0.01F * (float)(i % 7);
  const mixent_images rows = {
      .count = ROWS, .side = 1, .channels = FEATURES, .labels = labels, .features = features};
  const mixent_dataset_arrays arrays = {
      .train = rows, .test = rows, .validation_count = 10, .classes = 2, .feature_names = names};
  const mixent_setting own[] = {{"epochs", "2"}, {"batch", "10"}};
  char run[96];
  mixent_dataset *dataset;
  mixent_train_summary summary;
  snprintf(run, sizeof run, "%s/rows", directory);
  assert_ok(mixent_dataset_borrow(&arrays, &dataset));
  assert_string_equal(dataset->name, "arrays");
  assert_string_equal(dataset->class_names[1], "1");
  const mixent_train_options options = {
      .recipe = "tabular", .settings = own, .setting_count = 2, .dataset = dataset, .run = run};
  assert_ok(mixent_train(&options, &summary));
  assert_int_equal(summary.validation.images, 10);
  mixent_model *model = open_best(run);
  assert_string_equal(model->feature_names[2], "weight");
  mixent_model_free(model);
  mixent_train_summary_free(&summary);
  mixent_dataset_free(dataset);
}

static void refuse(const mixent_dataset_arrays *arrays, const char *words) {
  mixent_dataset *dataset = (mixent_dataset *)1;
  assert_int_equal(mixent_dataset_borrow(arrays, &dataset), MIXENT_ERROR_ARGUMENT);
  assert_null(dataset);
  if (!strstr(mixent_last_error(), words)) fail_msg("expected '%s', got '%s'", words, mixent_last_error());
}

#define REFUSES(change, words)                                                                               \
  do {                                                                                                       \
    mixent_dataset_arrays arrays = make_arrays();                                                            \
    change;                                                                                                  \
    refuse(&arrays, words);                                                                                  \
  } while (0)

static void test_arrays_that_cannot_be(void **state) {
  (void)state;
  static float features[TRAIN] = {1, 2, INFINITY};
  static int32_t labels[TRAIN];
  REFUSES(arrays.name = "", "got ''");
  REFUSES(arrays.name = "a/b", "got 'a/b'");
  REFUSES(arrays.classes = 1, "expected 2 to");
  REFUSES(arrays.classes = 1 << 30, "expected 2 to");
  REFUSES(arrays.classes = 3, "train: label 3 is 3; expected 0 to 2");
  REFUSES(arrays.classes = 5; arrays.class_names = NULL, "no image or row has the label 4");
  REFUSES(arrays.train.pixels = NULL, "train: images: expected either pixels or features, got neither");
  REFUSES(arrays.train.labels = NULL, "labels is NULL");
  REFUSES(arrays.test.count = 0, "test: expected 1 to");
  REFUSES(arrays.train.count = (size_t)1 << 40, "train: expected 1 to");
  REFUSES(arrays.train.side = 15, "side 16 to 256, got 15");
  REFUSES(arrays.train.side = -1, "got -1");
  REFUSES(arrays.train.channels = 2, "1 or 3 channels, got 2");
  REFUSES(arrays.test.side = 17, "of one shape, got side 16 and 17");
  REFUSES(arrays.test.mapping = (void *)features, "expected NULL as mapping");
  REFUSES(arrays.validation_count = TRAIN, "fewer than the 66 of train");
  REFUSES(arrays.class_names = refused_names, "the name of the class 'c?'");
  REFUSES(arrays.class_names = (const char *const[CLASSES]){"a"}, "the name of class 1 is NULL");
  REFUSES(arrays.feature_names = (const char *const[1]){NULL}, "the name of feature 0 is NULL");
  const mixent_images rows = {
      .count = TRAIN, .side = 1, .channels = 1, .labels = labels, .features = features};
  labels[1] = 1;
  REFUSES(arrays.train = arrays.test = rows; arrays.classes = 2;
          arrays.class_names = NULL, "train: feature 0 of row 2 is inf");
  labels[9] = -1;
  REFUSES(arrays.train = arrays.test = rows; arrays.classes = 2, "train: label 9 is -1");
}

/* A data set's struct is open: what a caller has changed in it is looked at again. */
static void test_data_sets_changed_by_hand(void **state) {
  (void)state;
  static float features[TEST * PIXELS];
  mixent_dataset *dataset = borrow();
  mixent_train_summary summary;
  char run[96];
  const mixent_dataset kept = *dataset;
  dataset->validation_count = TRAIN;
  assert_int_equal(train(dataset, "changed", 0, run, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(
      strstr(mixent_last_error(), "validation_count: expected fewer than the 66 of train, got 66"));
  *dataset = kept;
  dataset->train.side = dataset->test.side = 1, dataset->test.pixels = NULL,
  dataset->test.features = features;
  assert_int_equal(train(dataset, "changed", 0, run, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(
      strstr(mixent_last_error(), "expected pixels or features in train and test, got one of each"));
  *dataset = kept;
  dataset->train.labels[7] = CLASSES;
  assert_int_equal(train(dataset, "changed", 0, run, &summary), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "image 7: its label 4 is not in 0..3"));
  assert_int_equal(access(run, F_OK), -1);
  mixent_dataset_free(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_arrays_train_as_files_do),
                                     cmocka_unit_test(test_a_stopped_run_wants_the_same_arrays),
                                     cmocka_unit_test(test_a_saved_model_is_read_again),
                                     cmocka_unit_test(test_rows_of_features),
                                     cmocka_unit_test(test_arrays_that_cannot_be),
                                     cmocka_unit_test(test_data_sets_changed_by_hand)};
  return cmocka_run_group_tests(tests, fill_arrays, remove_data);
}
