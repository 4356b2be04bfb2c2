/* Power of the paired t test, and its inverses. */
#include "core/status.h"
#include "mixent/statistics.h"
#include "stats/check.h"
#include "stats/distributions.h"
#include "stats/root.h"

#include <math.h>

typedef struct test {
  double freedom, critical; /* of |t| */
  double power;             /* wanted */
} test;

static test test_of(double freedom, double alpha, double power) {
  return (test){freedom, -mixent_student_quantile(alpha / 2, freedom), power};
}

/* P(|T| > critical), shift >= 0. */
static double power_at(const test *test, double shift) {
  return mixent_noncentral_student_tail(test->critical, test->freedom, shift) +
         (1 - mixent_noncentral_student_tail(-test->critical, test->freedom, shift));
}

static mixent_status check_shares(double alpha, double power) {
  MIXENT_TRY(mixent_share_check("alpha", alpha));
  MIXENT_TRY(mixent_share_check("power", power));
  if (alpha < power) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "power %g is not above alpha %g, which chance alone gives", power,
                     alpha);
}

static mixent_status check(double deviation, double alpha, double power) {
  MIXENT_TRY(check_shares(alpha, power));
  if (deviation > 0 && isfinite(deviation)) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "deviation %g of the differences: it must be above 0", deviation);
}

static mixent_status check_seeds(size_t seeds) {
  if (seeds >= 2 && seeds <= MIXENT_MOST_SEEDS) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu seeds: from 2 to %d can be reckoned with", seeds,
                     MIXENT_MOST_SEEDS);
}

static double power_of(size_t seeds, double size, double alpha) {
  test test = test_of((double)seeds - 1, alpha, 0);
  double shift = size * sqrt((double)seeds);
  return shift > 1e4 + 10 * test.critical ? 1 : power_at(&test, shift); /* the sums grow with the shift */
}

mixent_status mixent_power_of_seeds(size_t seeds, double difference, double deviation, double alpha,
                                    double *out) {
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_values_check("difference", &difference, 1));
  MIXENT_TRY(mixent_share_check("alpha", alpha));
  MIXENT_TRY(check(deviation, alpha, (1 + alpha) / 2));
  MIXENT_TRY(check_seeds(seeds));
  *out = power_of(seeds, fabs(difference) / deviation, alpha);
  return MIXENT_OK;
}

mixent_status mixent_power_least_seeds(double difference, double deviation, double alpha, double power,
                                       size_t *out) {
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_values_check("difference", &difference, 1));
  MIXENT_TRY(check(deviation, alpha, power));
  double size = fabs(difference) / deviation;
  size_t enough = 2, few = 1;
  while (enough < MIXENT_MOST_SEEDS && power_of(enough, size, alpha) < power) {
    few = enough;
    enough = enough < MIXENT_MOST_SEEDS / 2 ? 2 * enough : MIXENT_MOST_SEEDS;
  }
  if (power_of(enough, size, alpha) < power)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "a difference of %g where single ones deviate by %g needs more than %d seeds",
                       difference, deviation, MIXENT_MOST_SEEDS);
  while (enough - few > 1) {
    size_t middle = few + (enough - few) / 2;
    if (power_of(middle, size, alpha) < power)
      few = middle;
    else
      enough = middle;
  }
  *out = enough;
  return MIXENT_OK;
}

static double power_miss(double shift, void *context) {
  const test *test = context;
  return power_at(test, shift) - test->power;
}

mixent_status mixent_power_least_shift(double freedom, double alpha, double power, double *out) {
  MIXENT_NEED(out);
  MIXENT_TRY(check_shares(alpha, power));
  if (!(freedom > 0))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%g degrees of freedom: they must be above 0", freedom);
  test test = test_of(freedom, alpha, power);
  double high = 1;
  while (power_miss(high, &test) < 0 && high < 1e6) high *= 2;
  if (high >= 1e6)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%g degrees of freedom can show nothing at level %g; take more seeds", freedom, alpha);
  *out = mixent_root_find(power_miss, &test, 0, high);
  return MIXENT_OK;
}

mixent_status mixent_power_least_difference(size_t seeds, double deviation, double alpha, double power,
                                            double *out) {
  MIXENT_NEED(out);
  MIXENT_TRY(check(deviation, alpha, power));
  MIXENT_TRY(check_seeds(seeds));
  double shift;
  MIXENT_TRY(mixent_power_least_shift((double)seeds - 1, alpha, power, &shift));
  *out = shift * deviation / sqrt((double)seeds);
  return MIXENT_OK;
}
