/* The crossed bootstrap: how sure a difference is when both the seeds and the test images are a sample. */
#ifndef MIXENT_STATS_BOOTSTRAP_H
#define MIXENT_STATS_BOOTSTRAP_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

/* Two methods that were trained with the same seeds. */
typedef struct mixent_crossed {
  const uint8_t *const *right_a,
      *const *right_b; /* [seeds] of [images], 1 where the image was classified rightly */
  size_t seeds;        /* 2 to 10,000 */
} mixent_crossed;

typedef struct mixent_bootstrap_options {
  size_t images;     /* that all looked at, 2 to 100,000,000 */
  uint64_t seed;     /* of the resampling, not of a run */
  size_t replicates; /* 100 or more; 10,000 for what is published */
  double confidence;
} mixent_bootstrap_options;

/* Accuracies of a minus b, as fractions. The plain percentile interval counts what seed and image do together
 * three times over and takes few seeds for many (Owen 2007, The pigeonhole bootstrap, Annals of Applied Statistics
 * 1; Hesterberg 2015, The American Statistician 69), so `low` and `high` are its ends drawn about the difference to
 * the width that the analysis of variance with two crossed random factors gives (Searle, Casella, McCulloch 1992,
 * Variance Components, ch. 4), with Student's quantile for Satterthwaite's degrees of freedom. That
 * variance is never under the one of the t interval over seeds, which takes these images for all there are. */
typedef struct mixent_bootstrap {
  double difference;
  double low, high;         /* the interval to use */
  double error, freedom, p; /* standard error and degrees of freedom of that; p of no difference */
  double percentile_low, percentile_high; /* of the replicates as they are */
  double deviation;                       /* of the replicates */
} mixent_bootstrap;

/* Of `count` comparisons, out [count]. Replicate r draws seeds and images with replacement, each for itself, from Philox
 * keyed by (seed, r): the same result on any number of threads, and for each comparison as if it were alone. */
mixent_status mixent_bootstrap_crossed(const mixent_crossed *runs, size_t count,
                                       const mixent_bootstrap_options *options, mixent_bootstrap *out);

#endif
