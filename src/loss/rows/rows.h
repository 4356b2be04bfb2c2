/* The loops over one row of logits, as one table per instruction set and type of element, and the choice
 * among them. */
#ifndef MIXENT_LOSS_ROWS_H
#define MIXENT_LOSS_ROWS_H

#include "mixent/loss.h"

/* One row and where its gradient goes. */
typedef struct mixent_row {
  size_t classes, label;
  const void *logits,
      *next;      /* next: the row that will be asked for after this one (brought near in time), or NULL */
  void *gradient; /* or NULL; may be the logits */
  void *scratch;  /* [scratch_size] of float or double: rows that fit (with a vector to spare) keep their
                     exponentials  between the passes; of longer ones they are computed again */
  size_t scratch_size;
  bool stream; /* the gradient is larger than the caches: write past them */
} mixent_row;

/* Of a row z with m = max z, d_j = z_j - m, e_j = exp d_j, S = sum e_j. A row with NaN or +inf, or of -inf
 * alone, has NaN among its sums. */
typedef struct mixent_row_statistics {
  double maximum;        /* m */
  double beyond;         /* S - 1, with all its digits also where one class is nearly sure */
  double weighted;       /* sum e_j d_j */
  double squares_beyond; /* sum e_j^2 - 1 likewise, if asked for */
  double label_difference, label_exponential; /* d and e of the label; d is -inf where its logit is */
} mixent_row_statistics;

/* A row whose gradient is to be written: e_j (constant + difference d_j + exponential e_j), but `label` at
 * the label. */
typedef struct mixent_row_writing {
  mixent_row row; /* gradient NULL: there is none */
  double maximum, constant, difference, exponential, label;
  size_t done; /* elements written so far */
} mixent_row_writing;

/* A row of which p is not one-hot: soft targets or smoothing. */
typedef struct mixent_row_targets {
  const void *targets; /* [classes] of `type`; NULL: one-hot at the row's label */
  mixent_type type;
  double smoothing;
  const void *class_weights; /* [classes] of `class_weight_type`, or NULL */
  mixent_type class_weight_type;
} mixent_row_targets;

typedef struct mixent_row_kernels {
  const char *name; /* of the instruction set */
  /* A row's sums. If `before` is given, the gradient of that row, as long as this one, is written meanwhile,
   * up to its last few elements. */
  void (*statistics)(const mixent_row *row, bool squares, mixent_row_writing *before,
                     mixent_row_statistics *out);
  /* Writes what is left. */
  void (*finish)(mixent_row_writing *row);
  /* After the last row: other threads see what was written past the caches. */
  void (*finish_stores)(void);
  /* A row with any targets: every term of `rule` that counts (its bit in `counts`) into `terms`, and scale *
   * sum_i c_i dT_i/dz into the gradient. `statistics` are the row's. */
  void (*general)(const mixent_row *row, const mixent_row_targets *targets,
                  const mixent_row_statistics *statistics, const mixent_loss_rule *rule, unsigned counts,
                  double scale, double terms[MIXENT_TERMS]);
  void (*fill)(size_t classes, double value, void *gradient);
  /* For tests: out_j = exp x_j for x_j <= 0, ln x_j; of float (of double in the table for float64). */
  void (*exponentials)(size_t count, const void *x, void *out);
  void (*near_exponentials)(size_t count, const void *x, void *out); /* -87 <= x_j <= 0 */
  void (*logarithms)(size_t count, const void *x, void *out);
} mixent_row_kernels;

/* In the order of mixent_type. */
enum { MIXENT_FLOATING_TYPES = MIXENT_FLOAT16 + 1 };

/* Those of the fastest instruction set this processor has, or of the one that the environment variable
 * MIXENT_CPU names (found once): an array with an entry for each floating type. */
mixent_status mixent_row_kernels_choose(const mixent_row_kernels *const **out);
/* Those that this processor runs, best first, NULL-terminated. */
const mixent_row_kernels *const *const *mixent_row_kernels_available(void);

#endif
