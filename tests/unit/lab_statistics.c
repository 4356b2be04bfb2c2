/* statistics and power: SciPy's and statsmodels' values (tests/golden/statistics.h), properties, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "golden/statistics.h"
#include "mixent/statistics.h"
#include "unit/lab_near.h"

static void test_paired(void **state) {
  (void)state;
  mixent_paired paired;
  assert_int_equal(mixent_paired_compare(golden_a[0], golden_b[0], 10, 0.95, &paired), MIXENT_OK);
  const double *wanted = golden_paired[0];
  assert_near(paired.difference.mean, wanted[0], 1e-10);
  assert_near(paired.difference.deviation, wanted[1], 1e-10);
  assert_near(paired.difference.low, wanted[2], 1e-10);
  assert_near(paired.difference.high, wanted[3], 1e-10);
  assert_near(paired.t, wanted[4], 1e-10);
  assert_near(paired.p, wanted[5], 1e-10);
  mixent_paired back;
  assert_int_equal(mixent_paired_compare(golden_b[0], golden_a[0], 10, 0.95, &back), MIXENT_OK);
  assert_true(back.p == paired.p && back.t == -paired.t && back.difference.low == -paired.difference.high);
}

static void test_differences_that_are_equal(void **state) {
  (void)state;
  const double a[3] = {3, 5, 9}, b[3] = {2, 4, 8};
  mixent_paired paired;
  assert_int_equal(mixent_paired_compare(a, a, 3, 0.95, &paired), MIXENT_OK);
  assert_true(paired.t == 0 && paired.p == 1 && paired.difference.low == 0 && paired.difference.high == 0);
  assert_int_equal(mixent_paired_compare(a, b, 3, 0.95, &paired), MIXENT_OK);
  assert_true(paired.t == INFINITY && paired.p == 0 && paired.difference.low == 1);
}

static void test_holm(void **state) {
  (void)state;
  double adjusted[7];
  assert_int_equal(mixent_holm_adjust(golden_p[0], 7, adjusted), MIXENT_OK);
  for (int i = 0; i < 7; i++) assert_near(adjusted[i], golden_holm[0][i], 1e-12);
  mixent_random random = mixent_random_stream(1, "test", "holm");
  for (uint64_t trial = 0; trial < 500;
       trial++) { /* at least the p value, at most Bonferroni's, in its order */
    double p[9], holm[9];
    size_t count = 1 + trial % 9;
    for (size_t i = 0; i < count; i++) {
      uint32_t word[4];
      mixent_random_block(&random, trial, i, word);
      p[i] = pow(mixent_uniform_double(word[0], word[1]), 3);
    }
    assert_int_equal(mixent_holm_adjust(p, count, holm), MIXENT_OK);
    for (size_t i = 0; i < count; i++) {
      assert_true(holm[i] >= p[i] && holm[i] <= fmin(1, (double)count * p[i]));
      for (size_t k = 0; k < count; k++) assert_true(p[i] > p[k] || holm[i] <= holm[k]);
    }
  }
  assert_int_equal(mixent_holm_adjust(NULL, 0, NULL), MIXENT_OK);
}

static void test_accuracies_of_two_models(void **state) {
  (void)state;
  uint8_t a[200] = {0}, b[200] = {0};
  for (int i = 0; i < 200; i++)
    a[i] = i < 150, b[i] = i >= 10 && i < 154; /* 10 right with a alone, 4 with b alone */
  mixent_accuracy_difference found;
  assert_int_equal(mixent_accuracy_compare(a, b, 200, &found), MIXENT_OK);
  assert_true(found.only_a == 10 && found.only_b == 4);
  assert_near(found.difference, 0.03, 1e-12);
  double squares = 0; /* the standard error of a mean of 200 values 1, 0, -1 */
  for (int i = 0; i < 200; i++) squares += (a[i] - b[i] - 0.03) * (a[i] - b[i] - 0.03);
  assert_near(found.error, sqrt(squares) / 200, 1e-12);
  assert_int_equal(mixent_accuracy_compare(a, a, 200, &found), MIXENT_OK);
  assert_true(found.difference == 0 && found.error == 0);
}

static void test_mcnemar(void **state) {
  (void)state;
  for (size_t row = 0; row < ROWS(golden_mcnemar); row++) {
    size_t only_a = (size_t)golden_mcnemar[row][0], only_b = (size_t)golden_mcnemar[row][1];
    uint8_t a[250] = {0}, b[250] = {0};
    for (size_t i = 0; i < only_a; i++) a[i] = 1;
    for (size_t i = 0; i < only_b; i++) b[only_a + i] = 1;
    for (size_t i = only_a + only_b; i < 200; i++) a[i] = b[i] = 1;
    mixent_mcnemar test, back;
    assert_int_equal(mixent_mcnemar_test(a, b, 250, &test), MIXENT_OK);
    assert_int_equal(mixent_mcnemar_test(b, a, 250, &back), MIXENT_OK);
    assert_true(test.only_a == only_a && test.only_b == only_b && back.only_a == only_b);
    assert_near(test.p, golden_mcnemar[row][2], 1e-10);
    assert_true(test.p == back.p);
  }
}

static void test_power(void **state) {
  (void)state;
  double value;
  for (size_t i = 0; i < ROWS(golden_power); i++) {
    const double *row = golden_power[i];
    assert_int_equal(mixent_power_of_seeds((size_t)row[0], -row[1] * 0.3, 0.3, row[2], &value), MIXENT_OK);
    assert_near(value, row[3], 1e-9);
  }
  for (size_t i = 0; i < ROWS(golden_seeds); i++) {
    const double *row = golden_seeds[i];
    size_t seeds;
    assert_int_equal(mixent_power_least_seeds(row[0], 1, row[1], row[2], &seeds), MIXENT_OK);
    assert_int_equal(seeds, (size_t)row[3]);
  }
  for (size_t i = 0; i < ROWS(golden_least); i++) {
    const double *row = golden_least[i];
    assert_int_equal(mixent_power_least_difference((size_t)row[0], 2, row[1], row[2], &value), MIXENT_OK);
    assert_near(value, 2 * row[3], 1e-9);
  }
  for (size_t i = 0; i < ROWS(golden_shift); i++) {
    const double *row = golden_shift[i];
    assert_int_equal(mixent_power_least_shift(row[0], row[1], row[2], &value), MIXENT_OK);
    assert_near(value, row[3], 1e-9);
  }
}

static void test_power_and_its_inverses_agree(void **state) {
  (void)state;
  for (size_t seeds = 2; seeds < 3000; seeds += 1 + seeds / 2)
    for (double alpha = 0.05; alpha > 1e-4; alpha /= 7) {
      double difference, power;
      assert_int_equal(mixent_power_least_difference(seeds, 0.01, alpha, 0.8, &difference), MIXENT_OK);
      assert_int_equal(mixent_power_of_seeds(seeds, difference, 0.01, alpha, &power), MIXENT_OK);
      assert_near(power, 0.8, 1e-9);
      size_t needed;
      assert_int_equal(mixent_power_least_seeds(difference * 1.000001, 0.01, alpha, 0.8, &needed), MIXENT_OK);
      assert_int_equal(needed, seeds);
    }
  double none;
  assert_int_equal(mixent_power_of_seeds(10, 0, 1, 0.05, &none), MIXENT_OK);
  assert_near(none, 0.05, 1e-9);
}

static void test_what_is_refused(void **state) {
  (void)state;
  const double good[3] = {1, 2, 4}, bad[3] = {1, NAN, 2}, endless[3] = {1, 2, INFINITY};
  mixent_sample sample;
  mixent_paired paired;
  double out[3];
  size_t seeds;
  assert_refused(mixent_sample_describe(bad, 3, 0.95, &sample), MIXENT_ERROR_NUMERIC, "value 1 is");
  assert_refused(mixent_sample_describe(good, 1, 0.95, &sample), MIXENT_ERROR_ARGUMENT, "at least 2");
  assert_refused(mixent_sample_describe(good, 3, 1, &sample), MIXENT_ERROR_ARGUMENT, "confidence");
  assert_refused(mixent_sample_describe(good, 3, NAN, &sample), MIXENT_ERROR_ARGUMENT, "confidence");
  assert_refused(mixent_paired_compare(good, endless, 3, 0.95, &paired), MIXENT_ERROR_NUMERIC,
                 "second sample");
  assert_refused(mixent_paired_compare(good, good, 0, 0.95, &paired), MIXENT_ERROR_ARGUMENT, "at least 2");
  assert_refused(mixent_holm_adjust((double[]){0.1, NAN}, 2, out), MIXENT_ERROR_NUMERIC, "comparison 1");
  assert_refused(mixent_holm_adjust((double[]){1.1}, 1, out), MIXENT_ERROR_ARGUMENT, "comparison 0");
  mixent_mcnemar test;
  assert_refused(mixent_mcnemar_test((uint8_t[]){1, 2}, (uint8_t[]){0, 0}, 2, &test), MIXENT_ERROR_ARGUMENT,
                 "entry 1");
  assert_refused(mixent_power_of_seeds(10, NAN, 1, 0.05, out), MIXENT_ERROR_NUMERIC, "difference");
  assert_refused(mixent_power_of_seeds(1, 1, 1, 0.05, out), MIXENT_ERROR_ARGUMENT, "1 seeds");
  assert_refused(mixent_power_least_shift(NAN, 0.05, 0.8, out), MIXENT_ERROR_ARGUMENT, "degrees of freedom");
  assert_refused(mixent_power_of_seeds(5, 1, NAN, 0.05, out), MIXENT_ERROR_ARGUMENT, "deviation");
  assert_refused(mixent_power_least_seeds(0, 1, 0.05, 0.8, &seeds), MIXENT_ERROR_ARGUMENT, "more than");
  assert_refused(mixent_power_least_seeds(1, 1, 0.05, 0.04, &seeds), MIXENT_ERROR_ARGUMENT,
                 "not above alpha");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_paired),
                                     cmocka_unit_test(test_differences_that_are_equal),
                                     cmocka_unit_test(test_holm),
                                     cmocka_unit_test(test_accuracies_of_two_models),
                                     cmocka_unit_test(test_mcnemar),
                                     cmocka_unit_test(test_power),
                                     cmocka_unit_test(test_power_and_its_inverses_agree),
                                     cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
