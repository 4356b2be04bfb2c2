/* lab/record: recorded runs are read with their predictions, sorted, and refused with the file and the reason where they are damaged or do
 * not fit one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/locale.h"
#include "lab/results/results.h"
#include "run/predictions.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ROWS = 6, CLASSES = 3 };

static char directory[] = "/tmp/mixent-test-XXXXXX";

static int set_up(void **state) {
  (void)state;
  return mkdtemp(directory) ? 0 : 1;
}

static int tear_down(void **state) {
  (void)state;
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : 1;
}

static int empty(void **state) {
  (void)state;
  return mixent_directory_empty(directory) == MIXENT_OK ? 0 : 1;
}

/* Writes DIRECTORY/place/record.json and, with `flip` from 0 on, predictions whose first `flip` rows are wrong. */
static void write_run(const char *place, const char *json, int flip) {
  char path[512], run[400];
  snprintf(run, sizeof run, "%s/%s", directory, place);
  assert_int_equal(mixent_directory_make(run), MIXENT_OK);
  snprintf(path, sizeof path, "%s/record.json", run);
  assert_int_equal(mixent_file_replace(path, json, strlen(json)), MIXENT_OK);
  if (flip < 0) return;
  float logits[ROWS * CLASSES] = {0};
  int32_t labels[ROWS];
  for (int i = 0; i < ROWS; i++) {
    labels[i] = i % CLASSES;
    logits[i * CLASSES + (labels[i] + (i < flip)) % CLASSES] = 2;
  }
  char *names[CLASSES] = {"a", "b", "c"};
  const mixent_run_predictions predictions = {
      .classes = CLASSES, .class_names = names, .test = {ROWS, logits, labels}};
  snprintf(path, sizeof path, "%s/predictions.safetensors", run);
  assert_int_equal(mixent_run_predictions_write(path, &predictions), MIXENT_OK);
}

static void remove_predictions(const char *place) {
  char path[512];
  static const char *const names[] = {"predictions.safetensors", "result.json"};
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s/%s", directory, place, names[i]);
    remove(path);
  }
}

static const char *json_of(const char *variant, int seed, const char *data) {
  static char text[512];
  mixent_print(text, sizeof text,
               "{\"kind\":\"mixent record\",\"format\":1,\"variant\":\"%s\",\"seed\":%d,\"data\":%s,"
               "\"metrics\":{\"f1\":0.5,\"auc\":null},\"class_names\":null}",
               variant, seed, data);
  return text;
}

static mixent_status read_all(mixent_records *out) {
  return mixent_records_read(directory, out);
}

static void test_runs_are_read_sorted_with_their_results(void **state) {
  (void)state;
  mixent_records records;
  write_run("z/b-0", json_of("b", 0, "\"z\""), 1);
  write_run("one", json_of("b", 10, "null"), 2);
  write_run("two", json_of("b", 9, "null"), -1);
  write_run("three", json_of("a", 10, "null"), 3);
  write_run(".hidden", "damaged", -1);
  assert_int_equal(read_all(&records), MIXENT_OK);
  assert_int_equal(records.count, 4);
  const char *const variants[] = {"a", "b", "b", "b"};
  const char *const seeds[] = {"10", "9", "10", "0"};
  const double accuracies[] = {0.5, -1, 4.0 / 6, 5.0 / 6};
  for (size_t i = 0; i < 4; i++) {
    const mixent_record *run = &records.items[i];
    assert_string_equal(run->variant, variants[i]);
    assert_string_equal(run->seed, seeds[i]);
    assert_string_equal(run->data, i == 3 ? "z" : "");
    assert_int_equal(run->metric_count, 2);
    assert_string_equal(run->metrics[0].name, "f1");
    assert_true(run->metrics[0].value == 0.5 && isnan(run->metrics[1].value));
    assert_int_equal(run->result == NULL, accuracies[i] < 0);
    if (run->result) assert_true(fabs(run->result->test.accuracy - accuracies[i]) < 1e-12);
    if (run->result) assert_string_equal(run->result->data, run->data);
  }
  mixent_records_free(&records);
}

/* result.json is made once; where the predictions change it is made anew. */
static void test_result_follows_predictions(void **state) {
  (void)state;
  char kept[512], predictions[512];
  snprintf(kept, sizeof kept, "%s/a/result.json", directory);
  snprintf(predictions, sizeof predictions, "%s/a/predictions.safetensors", directory);
  const struct timespec before[2] = {{1000, 0}, {1000, 0}};
  for (int flip = 0; flip < 2; flip++) {
    mixent_records records;
    write_run("a", json_of("a", 0, "null"), flip);
    for (int again = 0; again < 2; again++) {
      assert_int_equal(read_all(&records), MIXENT_OK);
      assert_true(fabs(records.items[0].result->test.accuracy - (6.0 - flip) / 6) < 1e-12);
      mixent_records_free(&records);
      assert_true(mixent_is_file(kept));
    }
    assert_int_equal(utimensat(AT_FDCWD, kept, before, 0), 0);
  }
  assert_int_equal(remove(predictions), 0); /* a copy without them is enough */
  mixent_records records;
  assert_int_equal(read_all(&records), MIXENT_OK);
  assert_non_null(records.items[0].result);
  mixent_records_free(&records);
}

static void expect_refusal(const char *part, const char *second) {
  mixent_records records;
  assert_int_not_equal(read_all(&records), MIXENT_OK);
  assert_null(records.items);
  if (!strstr(mixent_last_error(), part) || !strstr(mixent_last_error(), second))
    fail_msg("'%s' lacks '%s' or '%s'", mixent_last_error(), part, second);
}

static void test_damage_is_told_with_file_and_reason(void **state) {
  (void)state;
#define START "{\"kind\":\"mixent record\",\"format\":1,"
  static const char *const damaged[][2] = {
      {"", "record.json:1"},
      {"[]", "kind: expected \"mixent record\""},
      {"{\"kind\":\"mixent record\"}", "format: expected a whole number"},
      {"{\"kind\":\"mixent record\",\"format\":2}", "a recorded run"},
      {START "\"variant\":\"a\"}", "seed: expected a whole number from 0 on"},
      {START "\"seed\":-1}", "seed: expected"},
      {START "\"seed\":1.5}", "seed: expected"},
      {START "\"seed\":1,\"seed\":2}", "record.json:1"},
      {START "\"seed\":1}", "variant: expected a name"},
      {START "\"seed\":1,\"variant\":\" \"}", "variant: expected a name"},
      {START "\"seed\":1,\"variant\":\"a\"}", "data: expected a name"},
      {START "\"seed\":1,\"variant\":\"a\",\"data\":\"\"}", "data: expected a name"},
      {START "\"seed\":1,\"variant\":\"a\",\"data\":null}", "class_names: expected null or texts"},
      {START "\"seed\":1,\"variant\":\"a\",\"data\":null,\"class_names\":[1]}",
       "class_names: expected null or texts"},
      {START "\"seed\":1,\"variant\":\"a\",\"data\":null,\"class_names\":null}",
       "metrics: expected an object"},
      {START "\"seed\":1,\"variant\":\"a\",\"data\":null,\"class_names\":null,\"metrics\":{\"f1\":\"x\"}}",
       "metrics: expected numbers, or null"},
      {START "\"seed\":1,\"variant\":\"a\",\"data\":null,\"class_names\":null,\"metrics\":{\"\":1}}",
       "metrics: expected a name"},
      {START "\"seed\":1,\"variant\":\"a\",\"data\":null,\"class_names\":null,\"metrics\":{}}",
       "expected predictions.safetensors beside it, or metrics in it"}};
#undef START
  for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
    write_run("a", damaged[i][0], -1);
    expect_refusal("/a/record.json", damaged[i][1]);
  }
}

static void test_damaged_predictions(void **state) {
  (void)state;
  char path[512];
  write_run("a", json_of("a", 0, "null"), 0);
  snprintf(path, sizeof path, "%s/a/predictions.safetensors", directory);
  assert_int_equal(mixent_file_replace(path, "12345678", 8), MIXENT_OK);
  expect_refusal("/a/predictions.safetensors", "");
}

/* The table of results holds runs against one another. */
static void expect_misfit(const char *first, const char *second) {
  mixent_results results = {0};
  assert_int_not_equal(mixent_results_read_records(directory, &results), MIXENT_OK);
  mixent_results_free(&results);
  if (!strstr(mixent_last_error(), first) || !strstr(mixent_last_error(), second))
    fail_msg("'%s' lacks '%s' or '%s'", mixent_last_error(), first, second);
}

static void test_runs_that_do_not_fit(void **state) {
  (void)state;
  write_run("a", json_of("same", 0, "null"), 0);
  write_run("b", json_of("same", 0, "null"), 0);
  expect_misfit("/a and ", "/b: expected runs of different variants, seeds or data sets");
  write_run("b", json_of("same", 0, "null"), -1);
  remove_predictions("b");
  expect_misfit("one value of 'f1' for this run (variant 'same', seed 0), got a second one; the first is in ",
                "/a:1");
  write_run("b", json_of("other", 0, "null"), 0);
  char path[512];
  snprintf(path, sizeof path, "%s/b/predictions.safetensors", directory);
  float logits[2 * CLASSES] = {1};
  int32_t labels[2] = {0, 1};
  char *names[CLASSES] = {"a", "b", "c"};
  const mixent_run_predictions predictions = {
      .classes = CLASSES, .class_names = names, .test = {2, logits, labels}};
  assert_int_equal(mixent_run_predictions_write(path, &predictions), MIXENT_OK);
  expect_misfit("/b and ", "/a: expected the same test labels");
  write_run("b", json_of("other", 0, "\"another set\""), 0); /* each data set for itself */
  mixent_results results = {0};
  assert_int_equal(mixent_results_read_records(directory, &results), MIXENT_OK);
  assert_int_equal(results.keys.count, 2);
  assert_int_equal(results.data.count, 2);
  assert_non_null(mixent_results_right(&results.runs[0]));
  mixent_results_free(&results);
}

static void test_what_a_directory_is(void **state) {
  (void)state;
  char run[512], nothing[512];
  bool found;
  snprintf(run, sizeof run, "%s/data/a", directory);
  snprintf(nothing, sizeof nothing, "%s/nothing", directory);
  assert_int_equal(mixent_records_look(directory, &found), MIXENT_OK);
  assert_false(found);
  assert_int_equal(mixent_records_look(nothing, &found), MIXENT_OK);
  assert_false(found);
  expect_refusal(directory, "expected recorded runs (record.json), got none");
  write_run("data/a", json_of("a", 0, "\"data\""), -1);
  assert_int_equal(mixent_records_look(directory, &found), MIXENT_OK);
  assert_true(found);
  assert_int_equal(mixent_records_look(run, &found), MIXENT_OK);
  assert_true(found);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_runs_are_read_sorted_with_their_results, empty),
      cmocka_unit_test_teardown(test_result_follows_predictions, empty),
      cmocka_unit_test_teardown(test_damage_is_told_with_file_and_reason, empty),
      cmocka_unit_test_teardown(test_damaged_predictions, empty),
      cmocka_unit_test_teardown(test_runs_that_do_not_fit, empty),
      cmocka_unit_test_teardown(test_what_a_directory_is, empty)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
