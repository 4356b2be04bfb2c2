/* The loops over one row, as one table per instruction set, and the choice among them. */
#ifndef MIXENT_LOSS_ROW_KERNELS_H
#define MIXENT_LOSS_ROW_KERNELS_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

/* Of a row z with m = max z, d_j = z_j - m, e_j = exp d_j. A row with NaN or +inf, or of -inf alone, has NaN
 * sums. */
typedef struct mixent_row_statistics {
  float maximum; /* m */
  double ties;   /* how many d_j are 0, so that S = sum e_j = ties + others: nothing is lost when one class is
                    sure */
  double others; /* sum of e_j over the other classes */
  double weighted; /* sum e_j d_j */
} mixent_row_statistics;

typedef struct mixent_row_kernels {
  const char *name;
  void (*statistics)(size_t classes, const float *logits, mixent_row_statistics *out);
  /* gradient_j = e_j (constant + slope d_j). `stream`: write past the caches. gradient may be the logits
   * themselves. */
  void (*gradient)(size_t classes, const float *logits, float maximum, float constant, float slope,
                   bool stream, float *gradient);
  /* out_j = exp x_j for x_j <= 0, as the others use it: for tests. */
  void (*exponentials)(size_t count, const float *x, float *out);
} mixent_row_kernels;

/* The fastest this processor runs, or the one that the environment variable MIXENT_CPU names (found once). */
mixent_status mixent_row_kernels_choose(const mixent_row_kernels **out);
/* Those that this processor runs, best first, NULL-terminated. */
const mixent_row_kernels *const *mixent_row_kernels_available(void);

#endif
