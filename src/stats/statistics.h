/* What may be concluded from several runs: means with intervals, paired differences, corrections for many
 * comparisons, McNemar's test. All refuse NaN and infinities (MIXENT_ERROR_NUMERIC) and too few values
 * (MIXENT_ERROR_ARGUMENT). Intervals and tests are two-sided; `confidence` is between 0 and 1, say 0.95. */
#ifndef MIXENT_STATS_STATISTICS_H
#define MIXENT_STATS_STATISTICS_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct mixent_sample {
  size_t count;
  double mean;
  double deviation; /* standard deviation, divided by count - 1 */
  double low, high; /* t interval of the mean */
} mixent_sample;

/* values [count], count >= 2. */
mixent_status mixent_sample_describe(const double *values, size_t count, double confidence,
                                     mixent_sample *out);

typedef struct mixent_paired {
  mixent_sample difference; /* of a - b */
  double t, p;              /* p of no difference, count - 1 degrees of freedom */
} mixent_paired;

/* Paired t test of a [count] against b [count], where a[i] and b[i] share a seed. Differences that are all equal
 * give t = +-inf and p = 0, or t = 0 and p = 1 where all are 0. */
mixent_status mixent_paired_compare(const double *a, const double *b, size_t count, double confidence,
                                    mixent_paired *out);

/* adjusted[i]: the p value p[i] after Holm's step-down correction over all `count` comparisons (Holm 1979,
 * Scandinavian Journal of Statistics 6); below a level, the difference is one at that level for the whole family.
 * p [count] within 0 and 1; `adjusted` may be `p`. */
mixent_status mixent_holm_adjust(const double *p, size_t count, double *adjusted);

typedef struct mixent_mcnemar {
  size_t only_a, only_b; /* images that only a, only b has right */
  double p;              /* of both being right equally often */
} mixent_mcnemar;

/* McNemar's exact test of two single models on the same images: right_a, right_b [images], 0 or 1. It speaks of these
 * two models, not of how they were trained. */
mixent_status mixent_mcnemar_test(const uint8_t *right_a, const uint8_t *right_b, size_t images,
                                  mixent_mcnemar *out);

/* MIXENT_ERROR_NUMERIC, naming the first value that is not finite. */
mixent_status mixent_values_check(const char *name, const double *values, size_t count);
/* MIXENT_ERROR_ARGUMENT unless 0 < share < 1. */
mixent_status mixent_share_check(const char *name, double share);
/* MIXENT_ERROR_ARGUMENT unless all are 0 or 1. */
mixent_status mixent_right_check(const char *name, const uint8_t *right, size_t count);

#endif
