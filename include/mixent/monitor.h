/* Signs that a loss with learnable weights goes wrong, as named warnings with what to change.
 *
 * Show it every epoch; it answers with the warnings that are new. It keeps what it has seen in the caller's
 * struct, which may be copied and stored. */
#ifndef MIXENT_MONITOR_H
#define MIXENT_MONITOR_H

#include "mixent/weights.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mixent_warning {
  MIXENT_WARNING_WEIGHT_NEAR_ZERO, /* a learned weight under 1 % of where it started, in the first half of
                                      training */
  MIXENT_WARNING_BELOW_BASELINE,   /* validation accuracy on a plateau below that of cross entropy */
  MIXENT_WARNING_BASE_AT_BOUND,    /* a learned base at one of its bounds */
  MIXENT_WARNING_NOT_FINITE,       /* loss or gradient not finite */
  MIXENT_WARNING_COLLAPSE, /* mean entropy near 0 while validation accuracy falls: confidently wrong */
  MIXENT_WARNINGS
} mixent_warning;
extern const char *const mixent_warning_names[]; /* "weight-near-zero", "below-baseline", …, NULL */

/* What training shows after an epoch (or in the middle of one: NaN for what is not known). */
typedef struct mixent_observation {
  double epoch, epochs; /* done so far, and in all */
  double loss;          /* value of the training loss */
  bool gradient_finite;
  double validation_accuracy; /* 0 to 1 */
  size_t validation_rows;     /* for its standard error */
  double entropy;             /* mean entropy of the predictions on validation, in nats */
  double baseline_accuracy;   /* the best that cross entropy reached; NaN: not known */
} mixent_observation;

/* Start from {0}. */
typedef struct mixent_monitor {
  unsigned told;       /* bit (1 << warning): told already */
  double best, before; /* best validation accuracy; the same without the last three observations */
  double recent[3];    /* those, newest first */
  size_t observations;
} mixent_monitor;

/* Calls tell(context, warning, message) for each warning that is new; the message says what was seen and what
 * to change. */
void mixent_monitor_observe(mixent_monitor *monitor, const mixent_loss_options *options,
                            const mixent_loss_state *state, const mixent_observation *seen,
                            void (*tell)(void *context, mixent_warning warning, const char *message),
                            void *context);

#ifdef __cplusplus
}
#endif
#endif
