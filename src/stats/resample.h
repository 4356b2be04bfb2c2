/* What the bootstraps share: an index from random bits, sorting, and quantiles of the sorted. */
#ifndef MIXENT_STATS_RESAMPLE_H
#define MIXENT_STATS_RESAMPLE_H

#include "mixent/status.h"
#include <stddef.h>
#include <stdint.h>

/* One of `count` < 2^32 indices, from 32 random bits; biased by under count / 2^32. */
static inline uint32_t mixent_resample_index(uint32_t word, size_t count) {
  return (uint32_t)(((uint64_t)word * count) >> 32);
}

/* MIXENT_ERROR_ARGUMENT for too few to draw an interval from. */
mixent_status mixent_replicates_check(size_t replicates);

/* Sorts `values`, the smallest first. */
void mixent_values_sort(double *values, size_t count);

/* The quantile 0 <= p <= 1 of sorted values, between the two nearest in order, as NumPy does by default. */
double mixent_sorted_quantile(const double *sorted, size_t count, double p);

#endif
