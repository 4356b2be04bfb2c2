/* Means, paired differences, Holm's correction and McNemar's test. */
#include "mixent/statistics.h"
#include "core/memory.h"
#include "core/status.h"
#include "stats/check.h"
#include "stats/distributions.h"

#include <math.h>
#include <stdlib.h>

mixent_status mixent_sample_describe(const double *values, size_t count, double confidence,
                                     mixent_sample *out) {
  MIXENT_NEED(values);
  MIXENT_NEED(out);
  if (count < 2)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu runs: at least 2 are needed to know how runs differ",
                       count);
  MIXENT_TRY(mixent_share_check("confidence", confidence));
  MIXENT_TRY(mixent_values_check("sample", values, count));
  double sum = 0, squares = 0, n = (double)count;
  for (size_t i = 0; i < count; i++) sum += values[i] - values[0]; /* equal values: a deviation of just 0 */
  double mean = values[0] + sum / n;
  for (size_t i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
  double deviation = sqrt(squares / (n - 1));
  double reach = -mixent_student_quantile((1 - confidence) / 2, n - 1) * deviation / sqrt(n);
  *out = (mixent_sample){count, mean, deviation, mean - reach, mean + reach};
  return MIXENT_OK;
}

mixent_status mixent_paired_compare(const double *a, const double *b, size_t count, double confidence,
                                    mixent_paired *out) {
  MIXENT_NEED(a);
  MIXENT_NEED(b);
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_values_check("first sample", a, count));
  MIXENT_TRY(mixent_values_check("second sample", b, count));
  double *differences;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &differences));
  for (size_t i = 0; i < count; i++) differences[i] = a[i] - b[i];
  mixent_paired result = {0};
  mixent_status status = mixent_sample_describe(differences, count, confidence, &result.difference);
  free(differences);
  if (status != MIXENT_OK) return status;
  double error = result.difference.deviation / sqrt((double)count);
  result.t = result.difference.mean == 0 ? 0 : result.difference.mean / error;
  result.p = fmin(1, 2 * mixent_student_cdf(-fabs(result.t), (double)count - 1));
  *out = result;
  return MIXENT_OK;
}

typedef struct ranked {
  double p;
  size_t index;
} ranked;

static int compare_ranked(const void *left, const void *right) {
  const ranked *a = left, *b = right;
  return (a->p > b->p) - (a->p < b->p);
}

mixent_status mixent_holm_adjust(const double *p, size_t count, double *adjusted) {
  if (count) MIXENT_NEED(p);
  if (count) MIXENT_NEED(adjusted);
  for (size_t i = 0; i < count; i++)
    if (!(p[i] >= 0) || !(p[i] <= 1))
      return mixent_fail(isnan(p[i]) ? MIXENT_ERROR_NUMERIC : MIXENT_ERROR_ARGUMENT,
                         "comparison %zu: its p is %g, not within 0 and 1", i, p[i]);
  ranked *order;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &order));
  for (size_t i = 0; i < count; i++) order[i] = (ranked){p[i], i};
  qsort(order, count, sizeof *order, compare_ranked);
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fmin(1, fmax(largest, (double)(count - i) * order[i].p));
    adjusted[order[i].index] = largest;
  }
  free(order);
  return MIXENT_OK;
}

mixent_status mixent_mcnemar_test(const uint8_t *right_a, const uint8_t *right_b, size_t images,
                                  mixent_mcnemar *out) {
  MIXENT_NEED(right_a);
  MIXENT_NEED(right_b);
  MIXENT_NEED(out);
  MIXENT_TRY(mixent_right_check("first model", right_a, images));
  MIXENT_TRY(mixent_right_check("second model", right_b, images));
  size_t only_a = 0, only_b = 0;
  for (size_t i = 0; i < images; i++) {
    only_a += right_a[i] && !right_b[i];
    only_b += right_b[i] && !right_a[i];
  }
  size_t fewer = only_a < only_b ? only_a : only_b;
  double p = fmin(1, 2 * mixent_binomial_lower_tail(fewer, only_a + only_b, 0.5));
  *out = (mixent_mcnemar){only_a, only_b, p};
  return MIXENT_OK;
}

mixent_status mixent_accuracy_compare(const uint8_t *right_a, const uint8_t *right_b, size_t images,
                                      mixent_accuracy_difference *out) {
  mixent_mcnemar counts = {0};
  MIXENT_TRY(mixent_mcnemar_test(right_a, right_b, images, &counts));
  MIXENT_NEED(out);
  if (images == 0) return mixent_fail(MIXENT_ERROR_ARGUMENT, "expected at least 1 image, got 0");
  double only_a = (double)counts.only_a, only_b = (double)counts.only_b, n = (double)images;
  double variance = only_a + only_b - (only_a - only_b) * (only_a - only_b) / n;
  *out =
      (mixent_accuracy_difference){counts.only_a, counts.only_b, (only_a - only_b) / n, sqrt(variance) / n};
  return MIXENT_OK;
}
