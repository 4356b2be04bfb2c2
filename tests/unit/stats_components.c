/* Components of variance: published values, those of statsmodels and of matrices in NumPy (tests/golden/comparisons.h), that they are
 * unbiased, and what is refused. */
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

enum { RUNS = sizeof golden_runs / sizeof *golden_runs, FACTORS = 3, BATCHES = 6, IN_BATCH = 5 };

/* Yields of dyestuff, 6 batches of 5 (Davies 1947, Statistical Methods in Research and Production; in Box and Tiao 1973, Bayesian
 * Inference in Statistical Analysis, table 5.1.1), and the same layout with made-up values (their table 5.1.4), whose batches differ by
 * less than chance. */
static const double dyestuff[] = {1545, 1440, 1440, 1520, 1580, 1540, 1555, 1490, 1560, 1495,
                                  1595, 1550, 1605, 1510, 1560, 1445, 1440, 1595, 1465, 1545,
                                  1595, 1630, 1515, 1635, 1625, 1520, 1455, 1450, 1480, 1445};
static const double made_up[] = {7.298, 3.846,  2.434,  9.566, 7.990, 5.220, 6.556, 0.608, 11.788, -0.892,
                                 0.110, 10.386, 13.434, 5.510, 8.166, 2.212, 4.852, 7.092, 9.288,  4.980,
                                 0.282, 9.014,  4.458,  9.446, 7.198, 1.722, 4.782, 8.106, 0.758,  3.758};

static double normal(const mixent_random *random, uint64_t step, uint64_t element) {
  uint32_t word[4];
  mixent_random_block(random, step, element, word);
  return mixent_normal_quantile(mixent_uniform_double(word[0], word[1]) + 0x1p-54);
}

static void test_published(void **state) {
  (void)state;
  int64_t batch[BATCHES * IN_BATCH];
  const int64_t *const levels[] = {batch};
  mixent_component found[2];
  for (int i = 0; i < BATCHES * IN_BATCH; i++) batch[i] = 100 - i / IN_BATCH;
  assert_int_equal(mixent_components_measure(dyestuff, BATCHES * IN_BATCH, levels, 1, found), MIXENT_OK);
  assert_near(found[0].variance, 1764.05, 1e-10);
  assert_near(found[1].variance, 2451.25, 1e-10);
  assert_near(found[0].share, 1764.05 / (1764.05 + 2451.25), 1e-10);
  assert_true(found[0].levels == BATCHES && found[1].levels == BATCHES * IN_BATCH);
  assert_true(!found[0].negative && !found[1].negative);
  assert_int_equal(mixent_components_measure(made_up, BATCHES * IN_BATCH, levels, 1, found), MIXENT_OK);
  assert_true(fabs(found[0].variance + 1.3219) < 1e-4 && fabs(found[1].variance - 14.9459) < 1e-4);
  assert_true(found[0].negative && found[0].share < 0);
  assert_near(found[0].share + found[1].share, 1, 1e-12);
}

/* The golden runs that are wanted, with other names for their levels. */
static size_t take_runs(bool some, double *values, int64_t levels[FACTORS][RUNS]) {
  size_t count = 0;
  for (size_t i = 0; i < RUNS; i++) {
    if (some && golden_runs[i][4] == 0) continue;
    values[count] = golden_runs[i][0];
    for (size_t f = 0; f < FACTORS; f++) levels[f][count] = 7 - 3 * (int64_t)golden_runs[i][1 + f];
    count++;
  }
  return count;
}

static void test_golden_values(void **state) {
  (void)state;
  for (int some = 0; some < 2; some++) {
    double values[RUNS];
    int64_t of[FACTORS][RUNS];
    const int64_t *const levels[] = {of[0], of[1], of[2]};
    mixent_component found[FACTORS + 1];
    size_t count = take_runs(some, values, of);
    const double *golden = some ? golden_components_some[0] : golden_components[0];
    double total = golden[0] + golden[1] + golden[2] + golden[3];
    assert_int_equal(mixent_components_measure(values, count, levels, FACTORS, found), MIXENT_OK);
    for (size_t f = 0; f <= FACTORS; f++) {
      assert_true(fabs(found[f].variance - golden[f]) < 1e-9 * total);
      assert_true(fabs(found[f].share - golden[f] / total) < 1e-9);
      assert_true(found[f].negative == (golden[f] < 0));
    }
    assert_true(found[0].levels == 5 && found[1].levels == 4 && found[2].levels == 3);
  }
}

/* Each factor varied by itself, the others held, with some runs that share all: their mean over many studies is what is true. */
static void test_unbiased(void **state) {
  (void)state;
  enum { EACH = 6, SAME = 6, COUNT = 2 * EACH + SAME, STUDIES = 20000 };
  const double truth[] = {4, 1, 0.25};
  int64_t seed[COUNT] = {0}, split[COUNT] = {0};
  const int64_t *const levels[] = {seed, split};
  for (int i = 0; i < EACH; i++) seed[i] = i + 1, split[EACH + i] = i + 1;
  double sums[3] = {0}, squares[3] = {0};
  size_t negative = 0;
  for (uint64_t study = 0; study < STUDIES; study++) {
    mixent_random random = mixent_random_stream(study, "test", "components");
    double values[COUNT];
    mixent_component found[3];
    for (size_t i = 0; i < COUNT; i++)
      values[i] = 90 + sqrt(truth[0]) * normal(&random, 0, (uint64_t)seed[i]) +
                  sqrt(truth[1]) * normal(&random, 1, (uint64_t)split[i]) +
                  sqrt(truth[2]) * normal(&random, 2, i);
    assert_int_equal(mixent_components_measure(values, COUNT, levels, 2, found), MIXENT_OK);
    for (int f = 0; f < 3; f++)
      sums[f] += found[f].variance, squares[f] += found[f].variance * found[f].variance;
    negative += found[1].negative;
  }
  for (int f = 0; f < 3; f++) {
    double mean = sums[f] / STUDIES, error = sqrt((squares[f] / STUDIES - mean * mean) / STUDIES);
    print_message("component %d: %.3f, standard error %.3f\n", f, mean, error);
    assert_true(fabs(mean - truth[f]) < 3.5 * error && error < 0.2 * truth[f]);
  }
  assert_true(negative > 0);
}

static void test_no_variance(void **state) {
  (void)state;
  const double values[] = {0.1, 0.1, 0.1, 0.1};
  const int64_t seed[] = {1, 1, 2, 2}, *const levels[] = {seed};
  mixent_component found[2];
  assert_int_equal(mixent_components_measure(values, 4, levels, 1, found), MIXENT_OK);
  for (int f = 0; f < 2; f++)
    assert_true(found[f].variance == 0 && isnan(found[f].share) && !found[f].negative);
  const double by_seed[] = {0.1, 0.1, 0.7,
                            0.7}; /* the seed says all: the rest is 0 and not a rounding error below */
  assert_int_equal(mixent_components_measure(by_seed, 4, levels, 1, found), MIXENT_OK);
  assert_near(found[0].variance, 0.18, 1e-12);
  assert_true(found[1].variance == 0 && !found[1].negative && found[0].share == 1);
}

static void test_what_is_refused(void **state) {
  (void)state;
  const double values[6] = {1, 2, 4, 3, 5, 9}, bad[6] = {1, 2, NAN, 4, 5, 6};
  const int64_t seed[6] = {1, 1, 2, 2, 3, 3}, renamed[6] = {9, 9, 4, 4, -3, -3}, own[6] = {1, 2, 3, 4, 5, 6},
                one[6] = {0}, half[6] = {1, 1, 1, 2, 2, 2};
  const int64_t *const fine[] = {seed, half}, *const same[] = {half, seed, renamed}, *const alone[] = {own},
                       *const constant[] = {seed, one}, *const many[9] = {seed};
  mixent_component out[4];
  assert_int_equal(mixent_components_measure(values, 6, fine, 2, out), MIXENT_OK);
  assert_refused(mixent_components_measure(values, 6, same, 3, out), MIXENT_ERROR_ARGUMENT,
                 "factors 1 and 2 change together");
  assert_refused(mixent_components_measure(values, 6, alone, 1, out), MIXENT_ERROR_ARGUMENT,
                 "factor 0 has a level of its own");
  assert_refused(mixent_components_measure(values, 6, constant, 2, out), MIXENT_ERROR_ARGUMENT,
                 "factor 1 has one level");
  assert_refused(mixent_components_measure(bad, 6, fine, 2, out), MIXENT_ERROR_NUMERIC, "value 2");
  assert_refused(mixent_components_measure(values, 1, fine, 2, out), MIXENT_ERROR_ARGUMENT, "1 runs");
  assert_refused(mixent_components_measure(values, 10001, fine, 2, out), MIXENT_ERROR_ARGUMENT,
                 "at most 10000");
  assert_refused(mixent_components_measure(values, 6, fine, 0, out), MIXENT_ERROR_ARGUMENT, "1 to 8, got 0");
  assert_refused(mixent_components_measure(values, 6, many, 9, out), MIXENT_ERROR_ARGUMENT, "1 to 8, got 9");
  /* of three runs with two levels of each of three factors, no trace of one is not a sum of others' */
  const int64_t x[3] = {0, 0, 1}, y[3] = {0, 1, 0}, z[3] = {0, 1, 1}, *const open[] = {x, y, z};
  assert_refused(mixent_components_measure(values, 3, open, 3, out), MIXENT_ERROR_ARGUMENT,
                 "do not tell the factors apart");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_published), cmocka_unit_test(test_golden_values),
                                     cmocka_unit_test(test_unbiased), cmocka_unit_test(test_no_variance),
                                     cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
