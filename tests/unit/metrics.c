/* metrics: against the definitions written out naively, and at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "stats/metrics.h"
#include <math.h>
#include <string.h>

enum { MOST_ROWS = 300, MOST_CLASSES = 30 };

static void assert_near(double value, double wanted) {
  if (!(fabs(value - wanted) <= 1e-12 * (1 + fabs(wanted)))) fail_msg("%.17g is not %.17g", value, wanted);
}

/* Every metric by its definition, one after another, from a whole table of probabilities. */
static mixent_metrics_values naive(const float *logits, const int32_t *labels, size_t rows, size_t classes) {
  static double q[MOST_ROWS][MOST_CLASSES];
  mixent_metrics_values result = {.count = rows};
  for (size_t i = 0; i < rows; i++) {
    double sum = 0;
    for (size_t k = 0; k < classes; k++) sum += exp((double)logits[i * classes + k]);
    for (size_t k = 0; k < classes; k++) q[i][k] = exp((double)logits[i * classes + k]) / sum;
  }
  double n = (double)rows;
  for (int bin = 0; bin < 15; bin++) {
    double members = 0, confidences = 0, hits = 0;
    for (size_t i = 0; i < rows; i++) {
      size_t best = 0;
      for (size_t k = 0; k < classes; k++)
        if (q[i][k] > q[i][best]) best = k;
      if (!(q[i][best] > bin / 15.0 && q[i][best] <= (bin + 1) / 15.0)) continue;
      members++, confidences += q[i][best], hits += best == (size_t)labels[i];
    }
    result.correct += (size_t)hits;
    if (members > 0) result.ece += members / n * fabs(hits / members - confidences / members);
  }
  result.accuracy = (double)result.correct / n;
  for (size_t i = 0; i < rows; i++) {
    result.nll -= log(q[i][labels[i]]) / n;
    for (size_t k = 0; k < classes; k++) {
      double difference = q[i][k] - (k == (size_t)labels[i]);
      result.brier += difference * difference / n;
      result.entropy -= q[i][k] * log(q[i][k]) / n;
    }
  }
  return result;
}

static float logits[MOST_ROWS * MOST_CLASSES];
static int32_t labels[MOST_ROWS];

static void draw(uint64_t seed, size_t rows, size_t classes, double scale) {
  mixent_random random = mixent_random_stream(seed, "test", "metrics");
  for (size_t i = 0; i < rows; i++) {
    for (size_t k = 0; k < classes; k++) {
      uint32_t word[4];
      mixent_random_block(&random, i, k, word);
      logits[i * classes + k] = (float)scale * (mixent_uniform_float(word[0]) - 0.5f);
      labels[i] = (int32_t)(word[1] % classes);
    }
    logits[i * classes + (size_t)labels[i]] += (float)scale * 0.3f; /* better than chance */
  }
}

static void test_against_the_definitions(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 60; seed++) {
    size_t rows = 1 + seed * 5, classes = 1 + seed % MOST_CLASSES;
    draw(seed, rows, classes, 1 + (double)(seed % 7) * 4);
    mixent_metrics_values wanted = naive(logits, labels, rows, classes);
    mixent_metrics metrics = {0};
    for (size_t begin = 0; begin < rows; begin += 7) { /* batches of 7 and a last one */
      size_t count = rows - begin < 7 ? rows - begin : 7;
      mixent_metrics_add(&metrics, logits + begin * classes, labels + begin, count, classes);
    }
    mixent_metrics_values values = mixent_metrics_result(&metrics);
    assert_int_equal(values.count, rows);
    assert_int_equal(values.correct, wanted.correct);
    assert_near(values.accuracy, wanted.accuracy);
    assert_near(values.nll, wanted.nll);
    assert_near(values.ece, wanted.ece);
    assert_near(values.brier, wanted.brier);
    assert_near(values.entropy, wanted.entropy);
    mixent_metrics whole = {0}; /* the cut into batches leaves no trace */
    mixent_metrics_add(&whole, logits, labels, rows, classes);
    assert_memory_equal(&whole, &metrics, sizeof whole);
  }
}

static mixent_metrics_values one_row(const float *row, int32_t label, size_t classes) {
  mixent_metrics metrics = {0};
  mixent_metrics_add(&metrics, row, &label, 1, classes);
  return mixent_metrics_result(&metrics);
}

static void test_extreme_rows(void **state) {
  (void)state;
  mixent_metrics_values right = one_row((float[]){1e4f, -1e4f, -INFINITY}, 0, 3);
  assert_true(right.accuracy == 1 && right.nll == 0 && right.ece == 0 && right.brier == 0 &&
              right.entropy == 0);
  mixent_metrics_values wrong = one_row((float[]){1e4f, -1e4f, -INFINITY}, 1, 3);
  assert_true(wrong.accuracy == 0 && wrong.nll == 2e4 && wrong.ece == 1 && wrong.brier == 2 &&
              wrong.entropy == 0);
  assert_true(isinf(one_row((float[]){1e4f, -1e4f, -INFINITY}, 2, 3).nll));
  mixent_metrics_values even = one_row((float[]){-1e4f, -1e4f}, 1, 2); /* ties go to the lowest index */
  assert_true(even.correct == 0 && even.ece == 0.5);
  assert_near(even.nll, log(2));
  assert_near(even.entropy, log(2));
  assert_near(even.brier, 0.5);
  assert_int_equal(one_row((float[]){-1e4f, -1e4f}, 0, 2).correct, 1);
  assert_true(one_row((float[]){3}, 0, 1).accuracy == 1);
}

/* Confidence on a bin's upper edge belongs to that bin: 1/3 = 5/15 to bin 4. */
static void test_bins_hold_their_upper_edge(void **state) {
  (void)state;
  mixent_metrics metrics = {0};
  mixent_metrics_add(&metrics, (float[]){0, 0, 0}, (int32_t[]){0}, 1, 3);
  assert_int_equal(metrics.bin_count[4], 1);
  mixent_metrics_add(&metrics, (float[]){0.01f, 0, 0}, (int32_t[]){0}, 1, 3);
  assert_int_equal(metrics.bin_count[5], 1);
  mixent_metrics_add(&metrics, (float[]){100, 0, 0}, (int32_t[]){0}, 1, 3);
  assert_int_equal(metrics.bin_count[14], 1);
}

static void test_rows_without_a_distribution(void **state) {
  (void)state;
  const float rows[4][2] = {{NAN, 0}, {0, NAN}, {INFINITY, 0}, {-INFINITY, -INFINITY}};
  for (int i = 0; i < 4; i++) {
    mixent_metrics_values values = one_row(rows[i], 0, 2);
    assert_true(values.count == 1 && values.correct == 0);
    assert_true(isnan(values.nll) && isnan(values.ece) && isnan(values.brier) && isnan(values.entropy));
  }
}

static void test_rows_left_out_and_none(void **state) {
  (void)state;
  mixent_metrics metrics = {0}, nothing = {0};
  mixent_metrics_add(&metrics, (float[]){NAN, 0}, (int32_t[]){-1}, 1, 2);
  assert_memory_equal(&metrics, &nothing, sizeof metrics);
  mixent_metrics_values values = mixent_metrics_result(&metrics), zero;
  memset(&zero, 0, sizeof zero);
  assert_memory_equal(&values, &zero, sizeof zero);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_the_definitions),    cmocka_unit_test(test_extreme_rows),
      cmocka_unit_test(test_bins_hold_their_upper_edge), cmocka_unit_test(test_rows_without_a_distribution),
      cmocka_unit_test(test_rows_left_out_and_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
