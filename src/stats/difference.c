/* Differences between unpaired runs and between resampled splits, and whether a difference is too small to matter. */
#include "core/status.h"
#include "mixent/statistics.h"
#include "stats/check.h"
#include "stats/distributions.h"

#include <math.h>

/* 0 where nothing is to be divided, so that 0 / 0 is 0, and x / 0 is infinite. */
static double in_errors(double distance, double error) {
  return distance == 0 ? 0 : distance / error;
}

static mixent_difference describe(double mean, double error, double freedom, double confidence) {
  double t = in_errors(mean, error);
  double reach = -mixent_student_quantile((1 - confidence) / 2, freedom) * error;
  return (mixent_difference){.mean = mean,
                             .error = error,
                             .freedom = freedom,
                             .low = mean - reach,
                             .high = mean + reach,
                             .t = t,
                             .p = fmin(1, 2 * mixent_student_cdf(-fabs(t), freedom))};
}

mixent_status mixent_unpaired_compare(const double *a, size_t count_a, const double *b, size_t count_b,
                                      double confidence, mixent_difference *out) {
  MIXENT_NEED(a);
  MIXENT_NEED(b);
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_values_check("first sample", a, count_a));
  MIXENT_TRY(mixent_values_check("second sample", b, count_b));
  mixent_sample of_a = {0}, of_b = {0};
  MIXENT_TRY(mixent_sample_describe(a, count_a, confidence, &of_a));
  MIXENT_TRY(mixent_sample_describe(b, count_b, confidence, &of_b));
  double error_a = of_a.deviation / sqrt((double)count_a), error_b = of_b.deviation / sqrt((double)count_b);
  double error = hypot(error_a, error_b), freedom_a = (double)count_a - 1, freedom_b = (double)count_b - 1;
  /* freedom = (v_a + v_b)^2 / (v_a^2 / freedom_a + v_b^2 / freedom_b), with v the squared errors, as shares of their sum */
  double share_a = pow(error_a / error, 2), share_b = pow(error_b / error, 2);
  double freedom =
      error > 0 ? 1 / (share_a * share_a / freedom_a + share_b * share_b / freedom_b) : freedom_a + freedom_b;
  *out = describe(of_a.mean - of_b.mean, error, freedom, confidence);
  return MIXENT_OK;
}

mixent_status mixent_resampled_compare(const double *a, const double *b, size_t count, double test_to_train,
                                       double confidence, mixent_difference *out) {
  MIXENT_NEED(out);
  if (!(test_to_train >= 0) || isinf(test_to_train))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "test_to_train: expected a number >= 0, got %g", test_to_train);
  mixent_paired paired = {0};
  MIXENT_TRY(mixent_paired_compare(a, b, count, confidence, &paired));
  double error = paired.difference.deviation * sqrt(1 / (double)count + test_to_train);
  *out = describe(paired.difference.mean, error, (double)count - 1, confidence);
  return MIXENT_OK;
}

mixent_status mixent_equivalence_test(double difference, double error, double freedom, double margin,
                                      mixent_equivalence *out) {
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_values_check("difference", &difference, 1));
  if (!(error >= 0) || isinf(error))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "error: expected a standard error >= 0, got %g", error);
  if (!(freedom > 0) || isinf(freedom))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "freedom: expected degrees of freedom > 0, got %g", freedom);
  if (!(margin > 0) || isinf(margin))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "margin: expected a difference > 0, got %g", margin);
  double t_low = in_errors(difference + margin, error), t_high = in_errors(difference - margin, error);
  double p_low = mixent_student_cdf(-t_low, freedom), p_high = mixent_student_cdf(t_high, freedom);
  /* P(below the upper margin) - P(below the lower one); as the lower tails, which stay exact where both are small */
  double upper = in_errors(margin - fabs(difference), error),
         lower = in_errors(-margin - fabs(difference), error);
  *out =
      (mixent_equivalence){.t_low = t_low,
                           .p_low = p_low,
                           .t_high = t_high,
                           .p_high = p_high,
                           .p = fmax(p_low, p_high),
                           .within = mixent_student_cdf(upper, freedom) - mixent_student_cdf(lower, freedom)};
  return MIXENT_OK;
}
