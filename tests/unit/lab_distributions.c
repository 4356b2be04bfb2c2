/* distributions: SciPy's values (tests/golden/statistics.h), the inverses, and the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden/statistics.h"
#include "stats/distributions.h"
#include "unit/lab_near.h"

static void test_beta_and_normal(void **state) {
  (void)state;
  for (size_t i = 0; i < ROWS(golden_beta); i++) {
    const double *row = golden_beta[i];
    assert_near(mixent_incomplete_beta(row[0], row[1], row[2]), row[3], 1e-10);
    assert_near(mixent_incomplete_beta(row[1], row[0], 1 - row[2]), 1 - row[3], 1e-8 / (1 - row[3]) * 1e-2);
  }
  for (size_t i = 0; i < ROWS(golden_normal); i++)
    assert_near(mixent_normal_cdf(golden_normal[i][0]), golden_normal[i][1], 1e-12);
  for (size_t i = 0; i < ROWS(golden_normal_quantile); i++)
    assert_near(mixent_normal_quantile(golden_normal_quantile[i][0]), golden_normal_quantile[i][1], 1e-12);
}

static void test_student(void **state) {
  (void)state;
  for (size_t i = 0; i < ROWS(golden_student); i++)
    assert_near(mixent_student_cdf(golden_student[i][0], golden_student[i][1]), golden_student[i][2], 1e-10);
  for (size_t i = 0; i < ROWS(golden_student_quantile); i++)
    assert_near(mixent_student_quantile(golden_student_quantile[i][0], golden_student_quantile[i][1]),
                golden_student_quantile[i][2], 1e-10);
}

static void test_quantiles_are_inverses(void **state) {
  (void)state;
  for (double freedom = 1; freedom < 1e5; freedom *= 3)
    for (double p = 1e-12; p < 0.5; p *= 1.7) {
      assert_near(mixent_student_cdf(mixent_student_quantile(p, freedom), freedom), p, 1e-11);
      assert_near(mixent_normal_cdf(mixent_normal_quantile(p)), p, 1e-12);
      assert_true(mixent_student_quantile(1 - p, freedom) == -mixent_student_quantile(1 - (1 - p), freedom));
    }
  for (double p = 1e-3; p < 0.5; p *= 1.7) /* one degree of freedom is Cauchy's distribution */
    assert_near(mixent_student_quantile(p, 1), -1 / tan(M_PI * p), 1e-12);
}

static void test_noncentral_student(void **state) {
  (void)state;
  for (size_t i = 0; i < ROWS(golden_noncentral); i++) {
    const double *row = golden_noncentral[i];
    assert_near(mixent_noncentral_student_tail(row[0], row[1], row[2]), row[3], 1e-10);
  }
  for (double shift = 1; shift < 2000; shift *= 3) { /* the limit of many degrees of freedom */
    assert_near(mixent_noncentral_student_tail(shift, 1e9, shift), 0.5, 1e-4);
    assert_near(mixent_noncentral_student_tail(0, 7, shift), mixent_normal_cdf(shift), 1e-12);
  }
}

static void test_binomial(void **state) {
  (void)state;
  for (size_t i = 0; i < ROWS(golden_binomial); i++) {
    const double *row = golden_binomial[i];
    assert_near(mixent_binomial_lower_tail((uint64_t)row[0], (uint64_t)row[1], row[2]), row[3], 1e-10);
    assert_near(mixent_binomial_upper_tail((uint64_t)row[0], (uint64_t)row[1], row[2]), row[4], 1e-10);
  }
  assert_true(mixent_binomial_lower_tail(0, 0, 0.5) == 1 && mixent_binomial_upper_tail(3, 2, 0.5) == 0);
}

static void test_edges(void **state) {
  (void)state;
  assert_true(isnan(mixent_incomplete_beta(0, 1, 0.5)) && isnan(mixent_incomplete_beta(1, 1, NAN)));
  assert_true(isnan(mixent_student_cdf(NAN, 3)) && isnan(mixent_student_cdf(1, 0)));
  assert_true(isnan(mixent_student_quantile(NAN, 3)) && isnan(mixent_student_quantile(1.5, 3)));
  assert_true(isnan(mixent_normal_quantile(NAN)) && isnan(mixent_binomial_lower_tail(1, 2, NAN)));
  assert_true(isnan(mixent_noncentral_student_tail(NAN, 3, 1)));
  assert_true(mixent_normal_quantile(0) == -INFINITY && mixent_student_quantile(1, 2) == INFINITY);
  assert_true(mixent_student_cdf(-INFINITY, 3) == 0 && mixent_student_cdf(INFINITY, 3) == 1);
  assert_true(mixent_student_cdf(0, 3) == 0.5 && mixent_student_quantile(0.5, 3) == 0);
  assert_true(mixent_student_cdf(1e-200, 3) == 0.5 && mixent_student_cdf(-1e200, 3) == 0);
  assert_true(mixent_incomplete_beta(2, 3, 0) == 0 && mixent_incomplete_beta(2, 3, 1) == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_beta_and_normal),
                                     cmocka_unit_test(test_student),
                                     cmocka_unit_test(test_quantiles_are_inverses),
                                     cmocka_unit_test(test_noncentral_student),
                                     cmocka_unit_test(test_binomial),
                                     cmocka_unit_test(test_edges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
