/* lab/result: made from predictions, it says what the logits say; read back, the same to the bit; what is damaged,
 * contradicts itself or is not there is refused with words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/locale.h"
#include "lab/result/parts.h"
#include "stats/metrics.h"
#include "unit/lab_near.h"
#include <jansson.h>
#include <stdlib.h>

enum { CLASSES = 7, TEST = 1003, VALIDATION = 307 };

static char directory[] = "/tmp/mixent-test-XXXXXX";
static float test_logits[TEST * CLASSES], validation_logits[VALIDATION * CLASSES];
static int32_t test_labels[TEST], validation_labels[VALIDATION];
static char *names[CLASSES] = {"a", "b", "c", "ä", "\"e\"", "f", "g"};
static const mixent_predictions test_part = {test_logits, test_labels, TEST, CLASSES};
static const mixent_predictions validation_part = {validation_logits, validation_labels, VALIDATION, CLASSES};
static mixent_run_predictions predictions = {
    .classes = CLASSES,
    .class_names = names,
    .test = {TEST, test_logits, test_labels},
    .validation = {VALIDATION, validation_logits, validation_labels}};

static void draw(float *logits, int32_t *labels, size_t images) {
  for (size_t i = 0; i < images; i++) {
    labels[i] = (int32_t)(i * 31 % CLASSES);
    for (size_t k = 0; k < CLASSES; k++)
      logits[i * CLASSES + k] = (float)((i * 7919 + k * 104729 + i * i * k * 13) % 1024) / 128;
    logits[i * CLASSES + (size_t)labels[i]] += 3.5f;
  }
}

static char *path_of(const char *name) {
  return mixent_path_join(directory, name);
}

static void write_file(const char *name, const char *text) {
  char *path = path_of(name);
  assert_int_equal(mixent_file_replace(path, text, strlen(text)), MIXENT_OK);
  free(path);
}

static void remove_file(const char *name) {
  char *path = path_of(name);
  remove(path);
  free(path);
}

static char *read_file(const char *name) {
  char *path = path_of(name), *text;
  assert_int_equal(mixent_file_read(path, 1 << 24, &text, NULL), MIXENT_OK);
  free(path);
  return text;
}

static mixent_metrics_values test_metrics(void) {
  mixent_metrics sums = {0};
  mixent_metrics_add(&sums, test_logits, test_labels, TEST, CLASSES);
  return mixent_metrics_result(&sums);
}

static double test_accuracy(void) {
  return test_metrics().accuracy;
}

/* `more` are members of "test" beside images and accuracy, ",\"nll\":1". */
static void write_summary_with(size_t images, double accuracy, const char *more) {
  char text[1024];
  mixent_print(text, sizeof text,
               "{\"recipe\":\"r\",\"data\":\"d\",\"net\":\"n\",\"loss\":\"ce\",\"seed\":3,\"epochs\":4,"
               "\"best_epoch\":2,\"test\":{\"images\":%zu,\"accuracy\":%.15g%s},\"seconds\":1.5,"
               "\"images_per_second\":null}",
               images, accuracy, more);
  write_file("summary.json", text);
}

static void write_summary(size_t images, double accuracy) {
  write_summary_with(images, accuracy, "");
}

/* A finished run's directory, anew. */
static void make_run(void) {
  char *path = path_of("predictions.safetensors");
  draw(test_logits, test_labels, TEST);
  draw(validation_logits, validation_labels, VALIDATION);
  remove_file("result.json");
  assert_int_equal(mixent_run_predictions_write(path, &predictions), MIXENT_OK);
  write_summary(TEST, test_accuracy());
  free(path);
}

static mixent_result *read_result(void) {
  mixent_result *result;
  if (mixent_result_read(directory, &result) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return result;
}

static void assert_same_calibration(const mixent_calibration *a, const mixent_calibration *b) {
  assert_memory_equal(a, b, sizeof *a); /* doubles alone; NaN as NaN */
}

static void assert_what_the_logits_say(const mixent_result *result) {
  mixent_temperature temperature;
  mixent_calibration wanted;
  static double risk[TEST];
  assert_int_equal(mixent_temperature_fit(&validation_part, &temperature), MIXENT_OK);
  assert_true(temperature.found && result->temperature.found);
  assert_true(temperature.temperature == result->temperature.temperature &&
              temperature.nll_before == result->temperature.nll_before &&
              temperature.nll_after == result->temperature.nll_after);
  assert_int_equal(mixent_calibration_measure(&test_part, 1, risk, &wanted), MIXENT_OK);
  assert_same_calibration(&result->test, &wanted);
  for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++)
    assert_true(result->risk[i] == risk[(i + 1) * TEST / MIXENT_COVERAGE_POINTS - 1]);
  assert_int_equal(mixent_calibration_measure(&test_part, temperature.temperature, NULL, &wanted), MIXENT_OK);
  assert_same_calibration(&result->test_calibrated, &wanted);
  assert_int_equal(mixent_calibration_measure(&validation_part, 1, NULL, &wanted), MIXENT_OK);
  assert_same_calibration(&result->validation, &wanted);
  assert_int_equal(mixent_calibration_measure(&validation_part, temperature.temperature, NULL, &wanted),
                   MIXENT_OK);
  assert_same_calibration(&result->validation_calibrated, &wanted);
}

/* The ECE is that of the reliability's bins. */
static void assert_reliability(const mixent_reliability_bin *bins, double ece) {
  double sum = 0;
  size_t count = 0;
  for (size_t b = 0; b < MIXENT_RELIABILITY_BINS; b++) {
    count += bins[b].count;
    sum += (double)bins[b].count / TEST * fabs(bins[b].accuracy - bins[b].confidence);
    if (bins[b].count)
      assert_true(bins[b].confidence > (double)b / 15 - 1e-9 &&
                  bins[b].confidence < (double)(b + 1) / 15 + 1e-9);
  }
  assert_int_equal(count, TEST);
  assert_near(sum, ece, 1e-10);
}

static void assert_counts(const mixent_result *result) {
  size_t right = 0, wrong = 0, confusion[CLASSES * CLASSES] = {0};
  for (size_t i = 0; i < TEST; i++) {
    const float *row = test_logits + i * CLASSES;
    size_t best = 0;
    for (size_t k = 1; k < CLASSES; k++)
      if (row[k] > row[best]) best = k;
    confusion[(size_t)test_labels[i] * CLASSES + best]++;
    assert_int_equal(result->right[i], best == (size_t)test_labels[i]);
    right += result->right[i];
  }
  for (size_t k = 0; k < CLASSES * CLASSES; k++) assert_int_equal(result->confusion[k], confusion[k]);
  assert_near((double)right / TEST, result->test.accuracy, 1e-12);
  for (size_t b = 0; b < MIXENT_ENTROPY_BINS; b++)
    right -= result->entropy_right[b], wrong += result->entropy_wrong[b];
  assert_int_equal(right, 0);
  assert_near((double)wrong / TEST, 1 - result->test.accuracy, 1e-10);
}

static double confidence_of(size_t image) {
  return mixent_metrics_row_of(test_logits + image * CLASSES, 0, CLASSES).confidence;
}

static void assert_confused(const mixent_result *result) {
  assert_int_equal(result->confused_count, MIXENT_CONFUSED_PAIRS);
  uint32_t least = UINT32_MAX, above = 0;
  for (size_t p = 0; p < MIXENT_CONFUSED_PAIRS; p++) {
    const mixent_confused *pair = &result->confused[p];
    uint32_t count = result->confusion[pair->label * CLASSES + pair->predicted];
    assert_int_equal(pair->count, count);
    assert_true(count <= least && pair->label != pair->predicted);
    assert_int_equal(pair->image_count, count < MIXENT_CONFUSED_IMAGES ? count : MIXENT_CONFUSED_IMAGES);
    for (size_t i = 0; i < pair->image_count; i++) {
      assert_int_equal(test_labels[pair->images[i]], pair->label);
      assert_false(result->right[pair->images[i]]);
      if (i) assert_true(confidence_of(pair->images[i]) <= confidence_of(pair->images[i - 1]));
    }
    least = count;
  }
  for (size_t k = 0; k < CLASSES * CLASSES; k++) /* no pair that is left out is more frequent */
    above += k / CLASSES != k % CLASSES && result->confusion[k] > least;
  assert_true(above < MIXENT_CONFUSED_PAIRS);
}

static void assert_all(const mixent_result *result) {
  assert_string_equal(result->loss, "ce");
  assert_int_equal(result->seed, 3);
  assert_int_equal(result->best_epoch, 2);
  assert_int_equal(result->classes, CLASSES);
  assert_int_equal(result->validation_images, VALIDATION);
  for (size_t k = 0; k < CLASSES; k++) assert_string_equal(result->class_names[k], names[k]);
  assert_what_the_logits_say(result);
  assert_reliability(result->reliability, result->test.ece);
  assert_reliability(result->reliability_calibrated, result->test_calibrated.ece);
  assert_counts(result);
  assert_confused(result);
}

static void test_made_and_read_back(void **state) {
  (void)state;
  make_run();
  mixent_result *result = read_result();
  assert_all(result);
  mixent_result_free(result);
  char *first = read_file("result.json");
  remove_file("predictions.safetensors"); /* as in a run that was copied without */
  result = read_result();
  assert_all(result);
  char *again;
  assert_int_equal(mixent_result_to_json(result, &again), MIXENT_OK);
  assert_string_equal(first, again);
  mixent_result_free(result);
  free(first);
  free(again);
}

static void test_nothing_held_out(void **state) {
  (void)state;
  predictions.validation.images = 0;
  make_run();
  for (int i = 0; i < 2; i++) {
    mixent_result *result = read_result();
    assert_int_equal(result->validation_images, 0);
    assert_true(result->temperature.temperature == 1 && !result->temperature.found);
    assert_true(isnan(result->temperature.nll_after));
    assert_same_calibration(&result->test, &result->test_calibrated);
    assert_true(result->validation.accuracy == 0);
    mixent_result_free(result);
  }
  predictions.validation.images = VALIDATION;
}

/* No error: no temperature is found, and some numbers are none. */
static void test_all_right(void **state) {
  (void)state;
  make_run();
  for (size_t i = 0; i < TEST; i++) test_logits[i * CLASSES + (size_t)test_labels[i]] = 30;
  for (size_t i = 0; i < VALIDATION; i++) validation_logits[i * CLASSES + (size_t)validation_labels[i]] = 30;
  char *path = path_of("predictions.safetensors");
  assert_int_equal(mixent_run_predictions_write(path, &predictions), MIXENT_OK);
  free(path);
  write_summary(TEST, 1);
  for (int i = 0; i < 2; i++) {
    mixent_result *result = read_result();
    assert_true(!result->temperature.found && result->temperature.temperature == 1);
    assert_true(isnan(result->test.auroc) && isnan(result->test.entropy_wrong));
    assert_int_equal(result->confused_count, 0);
    mixent_result_free(result);
  }
}

/* Few images, few classes, in every length of the last byte. */
static void test_small_sets(void **state) {
  (void)state;
  for (size_t images = 1; images < 20; images++) {
    mixent_run_predictions few = predictions;
    draw(test_logits, test_labels, images);
    few.test.images = images, few.validation.images = 0;
    mixent_result result = {0}, again = {0};
    assert_int_equal(mixent_result_compute(&few, &result), MIXENT_OK);
    char *text;
    assert_int_equal(mixent_result_to_json(&result, &text), MIXENT_OK);
    if (mixent_result_from_json(text, strlen(text), "few", &again) != MIXENT_OK)
      fail_msg("%s", mixent_last_error());
    assert_memory_equal(result.right, again.right, images);
    for (size_t k = 0; k < CLASSES; k++) free(result.class_names[k]), free(again.class_names[k]);
    free(result.class_names), free(again.class_names);
    free(result.right), free(again.right);
    free(result.confusion), free(again.confusion);
    free(text);
  }
}

static void assert_read_refused(mixent_status status, const char *words) {
  mixent_result *result;
  assert_refused(mixent_result_read(directory, &result), status, words);
  assert_null(result);
}

static void test_cut_short(void **state) {
  (void)state;
  make_run();
  mixent_result_free(read_result());
  char *text = read_file("result.json");
  size_t length = strlen(text);
  for (size_t cut = 0; cut < length; cut += 1 + length / 100) {
    char kept = text[cut];
    text[cut] = 0;
    write_file("result.json", text);
    text[cut] = kept;
    assert_read_refused(MIXENT_ERROR_FORMAT, "remove the file");
  }
  free(text);
}

/* Writes result.json with another value of one number of a part; takes the JSON over. */
static void lie_about(json_t *json, const char *part, const char *key, const char *value) {
  json_object_set_new(json_object_get(json, part), key, json_loads(value, JSON_DECODE_ANY, NULL));
  char *lie = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
  write_file("result.json", lie);
  free(lie);
  json_decref(json);
}

/* A number that cannot be is refused wherever it stands, and so is none where there must be one. */
static void test_impossible_scores(void **state) {
  (void)state;
  static const char *const parts[] = {"test", "test_calibrated", "validation", "validation_calibrated"};
  static const struct {
    const char *key, *values[3];
  } scores[] = {{"accuracy", {"null", "1.1", "-0.1"}},      {"nll", {"-0.1", "\"1\""}},
                {"brier", {"null", "2.1", "-0.1"}},         {"ece", {"null", "65536", "-0.1"}},
                {"ece_equal_mass", {"null", "65536"}},      {"entropy", {"null", "2.0", "-0.1"}},
                {"entropy_right", {"null", "2.0", "-0.1"}}, {"entropy_wrong", {"null", "2.0"}},
                {"auroc", {"null", "1.1", "-0.1"}},         {"aurc", {"null", "1.1", "-0.1"}}};
  static const char *const temperatures[][2] = {{"temperature", "0"},
                                                {"temperature", "null"},
                                                {"nll_before", "null"},
                                                {"nll_after", "null"},
                                                {"nll_after", "99"}};
  make_run();
  mixent_result_free(read_result());
  char *text = read_file("result.json");
  for (size_t p = 0; p < ROWS(parts); p++)
    for (size_t s = 0; s < ROWS(scores); s++)
      for (size_t v = 0; v < 3 && scores[s].values[v]; v++) {
        json_t *json = json_loads(text, 0, NULL);
        lie_about(json, parts[p], scores[s].key, scores[s].values[v]);
        assert_read_refused(MIXENT_ERROR_FORMAT, parts[p]);
      }
  for (size_t i = 0; i < ROWS(temperatures); i++)
    lie_about(json_loads(text, 0, NULL), "temperature", temperatures[i][0], temperatures[i][1]),
        assert_read_refused(MIXENT_ERROR_FORMAT, "temperature");
  /* possible, but not what the rest says */
  lie_about(json_loads(text, 0, NULL), "test", "ece", "0.987");
  assert_read_refused(MIXENT_ERROR_FORMAT, "reliability");
  for (int i = 0; i < 2; i++)
    lie_about(json_loads(text, 0, NULL), "test", "auroc", i ? "1" : "0"),
        assert_read_refused(MIXENT_ERROR_FORMAT, "auroc of the test part");
  lie_about(json_loads(text, 0, NULL), "test", "nll", "null");
  write_summary_with(TEST, test_accuracy(), ",\"nll\":0.5");
  assert_read_refused(MIXENT_ERROR_FORMAT, "its nll of the test part is nan");
  free(text);
}

/* Each lie about one key is found, and the key is named. */
static void test_lies(void **state) {
  (void)state;
  static const struct {
    const char *key, *value;
  } lies[] = {{"format", "0"},
              {"classes", "[\"a\",\"b\"]"},
              {"classes", "[]"},
              {"classes", "[1,2,3,4,5,6,7]"},
              {"temperature", "null"},
              {"temperature", "{\"temperature\":-1,\"nll_before\":1,\"nll_after\":1,\"found\":true}"},
              {"test", "null"},
              {"test", "{\"images\":1e3}"},
              {"test", "{\"images\":99999999999}"},
              {"test_calibrated", "null"},
              {"validation", "null"},
              {"validation_calibrated", "null"},
              {"right", "\"eNpjYGBgAAAABAAB\""},
              {"right", "\"====\""},
              {"right", "\"eNp\""},
              {"right", "7"},
              {"confusion", "[]"},
              {"confusion", "[[1,2],[3,4]]"},
              {"confusion", "[[-1,0,0,0,0,0,0],[],[],[],[],[],[]]"},
              {"reliability", "[[1,0.5,0.5]]"},
              {"reliability_calibrated", "{}"},
              {"entropy_right", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"},
              {"entropy_wrong", "null"},
              {"risk", "[0.5]"},
              {"confused", "null"},
              {"confused", "[{\"label\":99,\"predicted\":0,\"count\":1,\"images\":[]}]"},
              {"confused", "[{\"label\":0,\"predicted\":1,\"count\":100000,\"images\":[]}]"},
              {"confused", "[{}]"}};
  make_run();
  mixent_result_free(read_result());
  char *text = read_file("result.json");
  for (size_t i = 0; i < ROWS(lies); i++) {
    json_t *json = json_loads(text, 0, NULL);
    json_object_set_new(json, lies[i].key, json_loads(lies[i].value, JSON_DECODE_ANY, NULL));
    char *lie = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    write_file("result.json", lie);
    assert_read_refused(MIXENT_ERROR_FORMAT, "remove the file");
    json_object_del(json, lies[i].key);
    free(lie);
    lie = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    write_file("result.json", lie);
    assert_read_refused(MIXENT_ERROR_FORMAT, lies[i].key);
    free(lie);
    json_decref(json);
  }
  write_file("result.json", text);
  write_summary(TEST, 0.5);
  assert_read_refused(MIXENT_ERROR_FORMAT, "its accuracy of the test part is ");
  write_summary(TEST - 1, test_accuracy());
  assert_read_refused(MIXENT_ERROR_FORMAT, "not of one run");
  free(text);
  /* the other scores that both files have */
  const mixent_metrics_values values = test_metrics();
  const struct {
    const char *key;
    double value;
  } scores[] = {
      {"nll", values.nll}, {"ece", values.ece}, {"brier", values.brier}, {"entropy", values.entropy}};
  for (size_t i = 0; i < ROWS(scores); i++)
    for (int lying = 0; lying < 2; lying++) {
      char more[64], message[64];
      mixent_print(more, sizeof more, ",\"%s\":%.15g", scores[i].key, scores[i].value + 1e-6 * lying);
      snprintf(message, sizeof message, "its %s of the test part is ", scores[i].key);
      write_summary_with(TEST, test_accuracy(), more);
      if (lying)
        assert_read_refused(MIXENT_ERROR_FORMAT, message);
      else
        mixent_result_free(read_result());
    }
}

/* A run that diverged has a likelihood of many digits, of which summary.json keeps fifteen. */
static void test_a_large_nll(void **state) {
  (void)state;
  make_run();
  for (size_t i = 0; i < TEST * CLASSES; i++) test_logits[i] *= 1e8F;
  char *path = path_of("predictions.safetensors"), more[64];
  assert_int_equal(mixent_run_predictions_write(path, &predictions), MIXENT_OK);
  for (int lying = 0; lying < 2; lying++) {
    mixent_print(more, sizeof more, ",\"nll\":%.15g", test_metrics().nll * (1 + 1e-6 * lying));
    write_summary_with(TEST, test_accuracy(), more);
    if (lying)
      assert_read_refused(MIXENT_ERROR_FORMAT, "its nll of the test part is ");
    else
      mixent_result_free(read_result());
  }
  free(path);
}

/* What no scores can be is summary.json's fault, and so is a difference from predictions.safetensors; nothing is kept then. */
static void test_a_summary_that_lies(void **state) {
  (void)state;
  static const struct {
    const char *more, *message;
  } lies[] = {
      {",\"ece\":65536", "summary.json: ece of the test part: expected a number from 0 to 1, got 65536"},
      {",\"brier\":2.5", "brier of the test part: expected a number from 0 to 2, got 2.5"},
      {",\"nll\":-1", "nll of the test part: expected a number from 0 upwards, got -1"},
      {",\"entropy\":\"x\"", "entropy of the test part"},
      {",\"nll\":null", "remove summary.json, 'mixent train --resume'"}};
  make_run();
  for (size_t i = 0; i < ROWS(lies); i++) {
    write_summary_with(TEST, test_accuracy(), lies[i].more);
    assert_read_refused(MIXENT_ERROR_FORMAT, lies[i].message);
  }
  write_summary(TEST, 2);
  assert_read_refused(MIXENT_ERROR_FORMAT, "accuracy of the test part: expected a number from 0 to 1, got 2");
  char *kept = path_of("result.json");
  assert_false(mixent_is_file(kept));
  free(kept);
  write_summary(TEST, test_accuracy());
  mixent_result_free(read_result());
}

static void test_what_is_not_there(void **state) {
  (void)state;
  mixent_result *result;
  assert_refused(mixent_result_read("/nowhere/run", &result), MIXENT_ERROR_ARGUMENT, "no such run");
  make_run();
  remove_file("predictions.safetensors");
  assert_read_refused(MIXENT_ERROR_ARGUMENT, "mixent train --resume");
  remove_file("summary.json");
  assert_read_refused(MIXENT_ERROR_ARGUMENT, "not finished");
  write_file("summary.json", "[]");
  assert_read_refused(MIXENT_ERROR_FORMAT, "no summary of a run");
  make_run();
  write_file("predictions.safetensors", "12345678");
  assert_read_refused(MIXENT_ERROR_FORMAT, "predictions.safetensors");
  test_labels[5] = CLASSES;
  char *path = path_of("predictions.safetensors");
  assert_int_equal(mixent_run_predictions_write(path, &predictions), MIXENT_OK);
  free(path);
  assert_read_refused(MIXENT_ERROR_ARGUMENT, "label 7");
}

static int make_directory(void **state) {
  (void)state;
  return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
  (void)state;
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_made_and_read_back), cmocka_unit_test(test_nothing_held_out),
      cmocka_unit_test(test_all_right),          cmocka_unit_test(test_small_sets),
      cmocka_unit_test(test_cut_short),          cmocka_unit_test(test_lies),
      cmocka_unit_test(test_a_large_nll),        cmocka_unit_test(test_a_summary_that_lies),
      cmocka_unit_test(test_impossible_scores),  cmocka_unit_test(test_what_is_not_there)};
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
