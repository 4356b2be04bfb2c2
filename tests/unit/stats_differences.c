/* Unpaired runs, resampled splits and equivalence: SciPy's and statsmodels' values (tests/golden/comparisons.h), properties, how often
 * they are wrong, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "golden/comparisons.h"
#include "mixent/statistics.h"
#include "stats/distributions.h"
#include "unit/lab_near.h"

enum { FIRST = 10, FEW = 6 };

static double normal(const mixent_random *random, uint64_t step, uint64_t element) {
  uint32_t word[4];
  mixent_random_block(random, step, element, word);
  return mixent_normal_quantile(mixent_uniform_double(word[0], word[1]) + 0x1p-54);
}

/* golden: difference, error, interval, t, p. */
static void assert_difference(const mixent_difference *found, const double *golden) {
  assert_near(found->mean, golden[0], 1e-10);
  assert_near(found->error, golden[1], 1e-10);
  assert_near(found->low, golden[2], 1e-10);
  assert_near(found->high, golden[3], 1e-10);
  assert_near(found->t, golden[4], 1e-10);
  assert_near(found->p, golden[5], 1e-10);
}

static mixent_difference unpaired(const double *a, size_t count_a, const double *b, size_t count_b) {
  mixent_difference found;
  assert_int_equal(mixent_unpaired_compare(a, count_a, b, count_b, 0.95, &found), MIXENT_OK);
  return found;
}

static void test_unpaired(void **state) {
  (void)state;
  const double *first = golden_first[0], *few = golden_few[0];
  const mixent_difference found[] = {unpaired(first, FIRST, few, FEW), unpaired(few, FEW, first, FIRST),
                                     unpaired(first, 2, few, 3)};
  for (size_t i = 0; i < ROWS(golden_unpaired); i++) {
    const double *row = golden_unpaired[i],
                 without_freedom[] = {row[0], row[1], row[3], row[4], row[5], row[6]};
    assert_difference(&found[i], without_freedom);
    assert_near(found[i].freedom, row[2], 1e-10);
  }
}

static void test_unpaired_of_any_size(void **state) {
  (void)state;
  double a[FIRST], b[FEW];
  mixent_difference plain = unpaired(golden_first[0], FIRST, golden_few[0], FEW);
  for (int power = -140; power <= 140; power += 70) { /* the fourth powers of the last are 0 and infinite */
    double scale = pow(10, power);
    for (int i = 0; i < FIRST; i++) a[i] = scale * golden_first[0][i];
    for (int i = 0; i < FEW; i++) b[i] = scale * golden_few[0][i];
    mixent_difference found = unpaired(a, FIRST, b, FEW);
    assert_near(found.freedom, plain.freedom, 1e-9);
    assert_near(found.p, plain.p, 1e-9);
  }
}

static void test_unpaired_without_scatter(void **state) {
  (void)state;
  const double same[] = {3, 3, 3}, other[] = {2, 2}, varied[] = {2, 4, 9};
  mixent_difference found = unpaired(same, 3, other, 2);
  assert_true(found.error == 0 && found.freedom == 3 && found.low == 1 && found.high == 1);
  assert_true(found.t == INFINITY && found.p == 0);
  found = unpaired(same, 3, same, 2);
  assert_true(found.mean == 0 && found.t == 0 && found.p == 1);
  found = unpaired(same, 3, varied, 3); /* one sample alone scatters: its degrees of freedom */
  assert_near(found.freedom, 2, 1e-12);
}

static void test_resampled(void **state) {
  (void)state;
  mixent_difference found;
  for (size_t i = 0; i < ROWS(golden_resampled); i++) {
    assert_int_equal(mixent_resampled_compare(golden_first[0], golden_second[0], FIRST,
                                              golden_resampled[i][0], 0.95, &found),
                     MIXENT_OK);
    assert_difference(&found, golden_resampled[i] + 1);
    assert_true(found.freedom == FIRST - 1);
  }
  mixent_paired paired;
  assert_int_equal(mixent_paired_compare(golden_first[0], golden_second[0], FIRST, 0.95, &paired), MIXENT_OK);
  assert_int_equal(mixent_resampled_compare(golden_first[0], golden_second[0], FIRST, 0, 0.95, &found),
                   MIXENT_OK);
  assert_near(found.p, paired.p, 1e-12);
}

static void assert_equivalence(const mixent_equivalence *found, const double *golden) {
  assert_near(found->t_low, golden[1], 1e-10);
  assert_near(found->p_low, golden[2], 1e-9);
  assert_near(found->t_high, golden[3], 1e-9);
  assert_near(found->p_high, golden[4], 1e-9);
  assert_near(found->p, golden[5], 1e-9);
  assert_near(found->within, golden[6], 1e-10);
}

static void test_equivalence(void **state) {
  (void)state;
  mixent_paired paired;
  mixent_equivalence found;
  assert_int_equal(mixent_paired_compare(golden_first[0], golden_second[0], FIRST, 0.95, &paired), MIXENT_OK);
  const mixent_sample *difference = &paired.difference;
  const mixent_difference apart = unpaired(golden_first[0], FIRST, golden_few[0], FEW);
  for (size_t i = 0; i < ROWS(golden_equivalence_paired); i++) {
    assert_int_equal(mixent_equivalence_test(difference->mean, difference->deviation / sqrt(FIRST), FIRST - 1,
                                             golden_equivalence_paired[i][0], &found),
                     MIXENT_OK);
    assert_equivalence(&found, golden_equivalence_paired[i]);
    assert_int_equal(mixent_equivalence_test(apart.mean, apart.error, apart.freedom,
                                             golden_equivalence_unpaired[i][0], &found),
                     MIXENT_OK);
    assert_equivalence(&found, golden_equivalence_unpaired[i]);
  }
}

/* The three parts have all of the probability, a - b and b - a mirror one another, and p is below alpha just where the interval of
 * 1 - 2 alpha lies within the margin. */
static void test_equivalence_and_intervals_agree(void **state) {
  (void)state;
  mixent_random random = mixent_random_stream(1, "test", "equivalence");
  size_t equivalent = 0;
  for (uint64_t trial = 0; trial < 500; trial++) {
    double freedom = exp(6 * fabs(normal(&random, trial, 0))), error = exp(normal(&random, trial, 1));
    double mean = normal(&random, trial, 2), margin = 3 * exp(normal(&random, trial, 3)), alpha = 0.05;
    mixent_equivalence found, back;
    assert_int_equal(mixent_equivalence_test(mean, error, freedom, margin, &found), MIXENT_OK);
    assert_int_equal(mixent_equivalence_test(-mean, error, freedom, margin, &back), MIXENT_OK);
    assert_near(found.p_low + found.within + found.p_high, 1, 1e-12);
    assert_true(found.p == fmax(found.p_low, found.p_high) && found.within >= 0);
    assert_true(back.p_low == found.p_high && back.t_high == -found.t_low && back.within == found.within);
    double reach = -mixent_student_quantile(alpha, freedom) * error;
    assert_true((found.p < alpha) == (mean + reach < margin && mean - reach > -margin));
    equivalent += found.p < alpha;
  }
  assert_in_range(equivalent, 100, 400);
}

static void test_equivalence_far_off_and_without_scatter(void **state) {
  (void)state;
  mixent_equivalence found;
  assert_int_equal(mixent_equivalence_test(1e6, 1, 4, 1, &found), MIXENT_OK);
  /* 2 margins times the density of t with 4 degrees of freedom, 12 / |t|^5 far out */
  assert_near(found.within, 2 * 12e-30, 1e-5);
  static const double cases[][4] = {/* difference, p_low, p_high, within; the margin is 2 */
                                    {0, 0, 0, 1},      {-1, 0, 0, 1}, {2, 0, 0.5, 0.5},
                                    {-2, 0.5, 0, 0.5}, {3, 0, 1, 0},  {-3, 1, 0, 0}};
  for (size_t i = 0; i < ROWS(cases); i++) {
    assert_int_equal(mixent_equivalence_test(cases[i][0], 0, 4, 2, &found), MIXENT_OK);
    assert_true(found.p_low == cases[i][1] && found.p_high == cases[i][2] && found.within == cases[i][3]);
  }
}

/* A count that has less than 1 chance in 1,000 of coming up or going beyond, at the rates between these two, is refused. */
static void assert_rate(size_t found, size_t studies, double least, double most) {
  print_message("%zu of %zu, %.2f %%\n", found, studies, 100.0 * (double)found / (double)studies);
  assert_true(mixent_binomial_lower_tail(found, studies, least) > 0.001);
  assert_true(mixent_binomial_upper_tail(found, studies, most) > 0.001);
}

/* Without a difference Welch's test sees one in 5 % of the studies, at unequal spread and counts too; runs that differ by just the margin
 * are called equivalent in 5 %, where runs scatter little beside it. */
static void test_how_often_they_are_wrong(void **state) {
  (void)state;
  enum { STUDIES = 4000, A = 5, B = 10 };
  size_t alarms = 0, missed = 0, equivalent = 0;
  for (uint64_t study = 0; study < STUDIES; study++) {
    mixent_random random = mixent_random_stream(study, "test", "welch");
    double a[A], b[B];
    for (size_t i = 0; i < A; i++) a[i] = 3 * normal(&random, 0, i);
    for (size_t i = 0; i < B; i++) b[i] = normal(&random, 1, i);
    mixent_difference found = unpaired(a, A, b, B);
    alarms += found.p < 0.05;
    missed += found.low > 0 || found.high < 0;
    mixent_equivalence equivalence;
    assert_int_equal(mixent_equivalence_test(found.mean + 20, found.error, found.freedom, 20, &equivalence),
                     MIXENT_OK);
    equivalent += equivalence.p < 0.05;
  }
  assert_rate(alarms, STUDIES, 0.046, 0.054);
  assert_true(missed == alarms);
  assert_rate(equivalent, STUDIES, 0.046, 0.054);
}

static void test_what_is_refused(void **state) {
  (void)state;
  const double good[3] = {1, 2, 4}, bad[3] = {1, NAN, 2};
  mixent_difference out;
  mixent_equivalence equivalence;
  assert_refused(mixent_unpaired_compare(bad, 3, good, 3, 0.95, &out), MIXENT_ERROR_NUMERIC, "first sample");
  assert_refused(mixent_unpaired_compare(good, 3, bad, 3, 0.95, &out), MIXENT_ERROR_NUMERIC, "second sample");
  assert_refused(mixent_unpaired_compare(good, 3, good, 1, 0.95, &out), MIXENT_ERROR_ARGUMENT, "1 runs");
  assert_refused(mixent_unpaired_compare(good, 3, good, 3, 1, &out), MIXENT_ERROR_ARGUMENT, "confidence");
  assert_refused(mixent_resampled_compare(good, good, 3, -0.1, 0.95, &out), MIXENT_ERROR_ARGUMENT,
                 "test_to_train");
  assert_refused(mixent_resampled_compare(good, good, 3, NAN, 0.95, &out), MIXENT_ERROR_ARGUMENT,
                 "test_to_train");
  assert_refused(mixent_resampled_compare(good, bad, 3, 0.1, 0.95, &out), MIXENT_ERROR_NUMERIC,
                 "second sample");
  assert_refused(mixent_resampled_compare(good, good, 1, 0.1, 0.95, &out), MIXENT_ERROR_ARGUMENT, "1 runs");
  assert_refused(mixent_equivalence_test(NAN, 1, 3, 1, &equivalence), MIXENT_ERROR_NUMERIC, "difference");
  assert_refused(mixent_equivalence_test(0, -1, 3, 1, &equivalence), MIXENT_ERROR_ARGUMENT, "error");
  assert_refused(mixent_equivalence_test(0, NAN, 3, 1, &equivalence), MIXENT_ERROR_ARGUMENT, "error");
  assert_refused(mixent_equivalence_test(0, 1, 0, 1, &equivalence), MIXENT_ERROR_ARGUMENT, "freedom");
  assert_refused(mixent_equivalence_test(0, 1, INFINITY, 1, &equivalence), MIXENT_ERROR_ARGUMENT, "freedom");
  assert_refused(mixent_equivalence_test(0, 1, 3, 0, &equivalence), MIXENT_ERROR_ARGUMENT, "margin");
  assert_refused(mixent_equivalence_test(0, 1, 3, NAN, &equivalence), MIXENT_ERROR_ARGUMENT, "margin");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_unpaired),
                                     cmocka_unit_test(test_unpaired_of_any_size),
                                     cmocka_unit_test(test_unpaired_without_scatter),
                                     cmocka_unit_test(test_resampled),
                                     cmocka_unit_test(test_equivalence),
                                     cmocka_unit_test(test_equivalence_and_intervals_agree),
                                     cmocka_unit_test(test_equivalence_far_off_and_without_scatter),
                                     cmocka_unit_test(test_how_often_they_are_wrong),
                                     cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
