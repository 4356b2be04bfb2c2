/* The losses as their definitions read, in long double, one class at a time: what the library is held to.
 * Shares no code with it. */
#ifndef MIXENT_TESTS_LOSS_REFERENCE_H
#define MIXENT_TESTS_LOSS_REFERENCE_H

#include "mixent/loss.h"

/* One row: its logits, its targets p before smoothing, weights (NULL: 1 each). */
typedef struct reference_row {
  size_t classes;
  const double *logits, *targets, *class_weights;
  double smoothing;
} reference_row;

/* Every term of the row into `terms`, and, if given, gradient [MIXENT_TERMS, classes]: that of each term. NaN
 * for a row without a distribution. */
void reference_evaluate(const reference_row *row, const mixent_loss_rule *rule, double terms[MIXENT_TERMS],
                        double *gradient);

#endif
