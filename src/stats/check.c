/* What the statistics refuse. */
#include "stats/check.h"
#include "core/status.h"

#include <math.h>

mixent_status mixent_values_check(const char *name, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return mixent_fail(MIXENT_ERROR_NUMERIC, "%s: value %zu is %g; leave out runs that failed", name, i,
                         values[i]);
  return MIXENT_OK;
}

mixent_status mixent_share_check(const char *name, double share) {
  if (share > 0 && share < 1) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %g is not between 0 and 1", name, share);
}

mixent_status mixent_right_check(const char *name, const uint8_t *right, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (right[i] > 1)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: entry %zu is %d; 0 or 1 says whether an image was right",
                         name, i, right[i]);
  return MIXENT_OK;
}
