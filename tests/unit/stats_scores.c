/* Scores on several data sets: SciPy's values (tests/golden/comparisons.h), the bootstrap written out, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "core/threads.h"
#include "golden/comparisons.h"
#include "mixent/statistics.h"
#include "unit/lab_near.h"
#include <stdlib.h>

enum { SETS = 4, RUNS = 16, THRESHOLDS = sizeof golden_profile / sizeof *golden_profile };

static const size_t counts[SETS] = {3, 6, 2, 5};
static const mixent_score_table table_a = {golden_scores_a[0], counts, SETS},
                                table_b = {golden_scores_b[0], counts, SETS};
static const mixent_resampling many = {1, 20000, 0.95}, quick = {7, 500, 0.9};

/* The golden ends are those of another 20,000 replicates: they agree but for chance. */
static void assert_estimate(const mixent_estimate *found, const double *golden) {
  assert_near(found->value, golden[0], 1e-12);
  assert_true(fabs(found->low - golden[1]) < 0.01 && fabs(found->high - golden[2]) < 0.01);
}

static mixent_estimate improvement(const mixent_score_table *a, const mixent_score_table *b,
                                   const mixent_resampling *resampling) {
  mixent_estimate found;
  assert_int_equal(mixent_improvement_measure(a, b, resampling, &found), MIXENT_OK);
  return found;
}

static mixent_estimate interquartile(const mixent_score_table *scores, const mixent_resampling *resampling) {
  mixent_estimate found;
  assert_int_equal(mixent_interquartile_measure(scores, resampling, &found), MIXENT_OK);
  return found;
}

static void profile(const mixent_score_table *scores, const mixent_resampling *resampling,
                    mixent_estimate *found) {
  double thresholds[THRESHOLDS];
  for (size_t k = 0; k < THRESHOLDS; k++) thresholds[k] = golden_profile[k][0];
  assert_int_equal(mixent_profile_measure(scores, thresholds, THRESHOLDS, resampling, found), MIXENT_OK);
}

static void test_golden_values(void **state) {
  (void)state;
  for (size_t set = 0; set < SETS; set++) assert_true(golden_counts[0][set] == (double)counts[set]);
  mixent_estimate found = improvement(&table_a, &table_b, &many), shares[THRESHOLDS];
  assert_estimate(&found, golden_improvement[0]);
  found = interquartile(&table_a, &many);
  assert_estimate(&found, golden_interquartile[0]);
  double two_each[2 * SETS];
  for (size_t set = 0, first = 0; set < SETS; first += counts[set++])
    for (size_t i = 0; i < 2; i++) two_each[2 * set + i] = golden_scores_a[0][first + i];
  const mixent_score_table equal = {two_each, (size_t[]){2, 2, 2, 2}, SETS};
  found = interquartile(&equal, &many);
  assert_estimate(&found, golden_interquartile_equal[0]);
  profile(&table_a, &many, shares);
  for (size_t k = 0; k < THRESHOLDS; k++) assert_estimate(&shares[k], golden_profile[k] + 1);
}

static void test_threads_leave_no_trace(void **state) {
  (void)state;
  const mixent_resampling other = {8, 500, 0.9};
  mixent_estimate shares[2][THRESHOLDS], found[2][2];
  int threads = mixent_threads();
  for (int run = 0; run < 2; run++) {
    mixent_threads_set(run ? 3 : 1);
    found[run][0] = improvement(&table_a, &table_b, &quick), found[run][1] = interquartile(&table_a, &quick);
    profile(&table_a, &quick, shares[run]);
  }
  mixent_threads_set(threads);
  assert_memory_equal(found[0], found[1], sizeof found[0]);
  assert_memory_equal(shares[0], shares[1], sizeof shares[0]);
  mixent_estimate drawn = improvement(&table_a, &table_b, &other);
  assert_true(drawn.value == found[0][0].value &&
              (drawn.low != found[0][0].low || drawn.high != found[0][0].high));
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Replicates written out: runs of a data set are drawn among those of that data set alone. The 500 give quantiles 5 % and 95 %
 * between the 25th and 26th, and the 475th and 476th, in order. */
static void test_the_draws(void **state) {
  (void)state;
  enum { REPLICATES = 500 };
  double shares[REPLICATES];
  mixent_random random = mixent_random_stream(quick.seed, "bootstrap", "scores a");
  for (uint64_t r = 0; r < REPLICATES; r++) {
    shares[r] = 0;
    for (size_t set = 0, first = 0; set < SETS; first += counts[set++])
      for (size_t i = first; i < first + counts[set]; i++) {
        uint32_t word[4];
        mixent_random_block(&random, r, i / 4, word);
        size_t picked = first + (((uint64_t)word[i % 4] * counts[set]) >> 32);
        shares[r] += (golden_scores_a[0][picked] > 0.5) / (double)(SETS * counts[set]);
      }
  }
  qsort(shares, REPLICATES, sizeof *shares, compare_doubles);
  mixent_estimate found;
  assert_int_equal(mixent_profile_measure(&table_a, &(double){0.5}, 1, &quick, &found), MIXENT_OK);
  assert_near(found.low, shares[24] + 0.95 * (shares[25] - shares[24]), 1e-12);
  assert_near(found.high, shares[474] + 0.05 * (shares[475] - shares[474]), 1e-12);
}

static void test_neither_is_better(void **state) {
  (void)state;
  mixent_estimate one = improvement(&table_a, &table_b, &quick),
                  back = improvement(&table_b, &table_a, &quick);
  assert_near(one.value + back.value, 1, 1e-12);
  assert_true(improvement(&table_a, &table_a, &quick).value == 0.5);
  const double same[] = {1, 1, 1, 1}, above[] = {2, 3, 2, 3};
  const mixent_score_table equal = {same, (size_t[]){2, 2}, 2}, better = {above, (size_t[]){2, 2}, 2};
  one = improvement(&equal, &equal, &quick);
  assert_true(one.value == 0.5 && one.low == 0.5 && one.high == 0.5);
  one = improvement(&better, &equal, &quick);
  assert_true(one.value == 1 && one.low == 1 && one.high == 1);
  one = interquartile(&equal, &quick);
  assert_true(one.value == 1 && one.low == 1 && one.high == 1);
}

static void test_other_counts(void **state) {
  (void)state;
  const double few[] = {0.2, 0.9, 0.5,
                        0.5}; /* against 0.1, 0.2, 0.3: 1.5 + 3 of 6; against 0.5, 0.6: twice a half of 4 */
  const double more[] = {0.1, 0.2, 0.3, 0.5, 0.6};
  const mixent_score_table a = {few, (size_t[]){2, 2}, 2}, b = {more, (size_t[]){3, 2}, 2};
  assert_near(improvement(&a, &b, &quick).value, ((1.5 + 3) / 6 + 1.0 / 4) / 2, 1e-12);
}

static void test_what_is_refused(void **state) {
  (void)state;
  const double values[] = {1, 2, NAN, 4}, good[] = {1, 2, 3, 4};
  const size_t two[] = {2, 2}, one[] = {3, 1};
  const mixent_score_table damaged = {values, two, 2}, single = {good, one, 2}, none = {good, two, 0},
                           fine = {good, two, 2}, half = {good, two, 1};
  const mixent_resampling few = {1, 99, 0.95}, wide = {1, 100, NAN}, endless = {1, SIZE_MAX, 0.95};
  mixent_estimate out;
  assert_refused(mixent_interquartile_measure(&damaged, &quick, &out), MIXENT_ERROR_NUMERIC,
                 "value 2 is nan");
  assert_refused(mixent_interquartile_measure(&single, &quick, &out), MIXENT_ERROR_ARGUMENT, "data set 1");
  assert_refused(mixent_interquartile_measure(&none, &quick, &out), MIXENT_ERROR_ARGUMENT, "data_sets");
  assert_refused(mixent_interquartile_measure(&fine, &few, &out), MIXENT_ERROR_ARGUMENT, "99 replicates");
  assert_refused(mixent_interquartile_measure(&fine, &wide, &out), MIXENT_ERROR_ARGUMENT, "confidence");
  assert_refused(mixent_interquartile_measure(&fine, &endless, &out), MIXENT_ERROR_ARGUMENT, "replicates");
  assert_refused(mixent_improvement_measure(&fine, &half, &quick, &out), MIXENT_ERROR_ARGUMENT,
                 "as many of b");
  assert_refused(mixent_improvement_measure(&fine, &single, &quick, &out), MIXENT_ERROR_ARGUMENT,
                 "data set 1");
  assert_refused(mixent_profile_measure(&fine, good, 0, &quick, &out), MIXENT_ERROR_ARGUMENT, "thresholds");
  assert_refused(mixent_profile_measure(&fine, &(double){NAN}, 1, &quick, &out), MIXENT_ERROR_NUMERIC,
                 "thresholds");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden_values), cmocka_unit_test(test_threads_leave_no_trace),
      cmocka_unit_test(test_the_draws),     cmocka_unit_test(test_neither_is_better),
      cmocka_unit_test(test_other_counts),  cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
