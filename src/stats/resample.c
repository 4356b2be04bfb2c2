/* Sorting and quantiles for the bootstraps. */
#include "stats/resample.h"
#include "core/status.h"

#include <stdlib.h>

enum { FEWEST_REPLICATES = 100 };

mixent_status mixent_replicates_check(size_t replicates) {
  if (replicates >= FEWEST_REPLICATES) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu replicates: at least %d are needed for an interval",
                     replicates, FEWEST_REPLICATES);
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

void mixent_values_sort(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare_doubles);
}

double mixent_sorted_quantile(const double *sorted, size_t count, double p) {
  double position = p * (double)(count - 1);
  size_t below = (size_t)position;
  if (below + 1 >= count) return sorted[count - 1];
  return sorted[below] + (position - (double)below) * (sorted[below + 1] - sorted[below]);
}
