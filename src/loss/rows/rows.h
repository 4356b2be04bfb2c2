/* The loops over one row of logits, as one table per instruction set and type of element, and the choice
 * among them. */
#ifndef MIXENT_LOSS_ROWS_H
#define MIXENT_LOSS_ROWS_H

#include "mixent/loss.h"

/* Elements of a row whose exponentials are kept between its passes; of longer rows they are computed again.
 */
enum { MIXENT_ROW_SCRATCH = 4096 };

/* One row and where its gradient goes. */
typedef struct mixent_row {
  size_t classes, label;
  const void *logits,
      *next;      /* next: the row that will be asked for after this one (brought near in time), or NULL */
  void *gradient; /* or NULL; may be the logits */
  void *scratch;  /* [MIXENT_ROW_SCRATCH] of float or double */
  bool stream;    /* the gradient is larger than the caches: write past them */
} mixent_row;

/* Of a row z with m = max z, d_j = z_j - m, e_j = exp d_j. A row with NaN or +inf, or of -inf alone, has NaN
 * among its sums. */
typedef struct mixent_row_statistics {
  double maximum; /* m */
  double ties;   /* how many d_j are 0, so that S = sum e_j = ties + others: nothing is lost when one class is
                    sure */
  double others; /* sum of e_j over the other classes */
  double weighted;                            /* sum e_j d_j */
  double squares;                             /* sum of e_j^2 over the other classes, if asked for */
  double label_difference, label_exponential; /* d and e of the label; d is -inf where its logit is */
} mixent_row_statistics;

/* gradient_j = e_j (constant + difference d_j + exponential e_j), but gradient_label at the label. */
typedef struct mixent_row_slopes {
  double constant, difference, exponential, label;
} mixent_row_slopes;

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
  void (*statistics)(const mixent_row *row, bool squares, mixent_row_statistics *out);
  void (*gradient)(const mixent_row *row, const mixent_row_statistics *statistics,
                   const mixent_row_slopes *slopes);
  /* A row with any targets: every term of `rule` that counts (its bit in `counts`) into `terms`, and scale *
   * sum_i c_i dT_i/dz into the gradient. `statistics` are the row's. */
  void (*general)(const mixent_row *row, const mixent_row_targets *targets,
                  const mixent_row_statistics *statistics, const mixent_loss_rule *rule, unsigned counts,
                  double scale, double terms[MIXENT_TERMS]);
  void (*fill)(size_t classes, double value, void *gradient);
  /* For tests: out_j = exp x_j for x_j <= 0, ln x_j; of float (of double in the table for float64). */
  void (*exponentials)(size_t count, const void *x, void *out);
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
