/* One row of a batch: every loss term of one example, and the gradient with respect to its logits. */
#ifndef MIXENT_LOSS_ROW_H
#define MIXENT_LOSS_ROW_H

#include "loss/rows/rows.h"

/* What is the same for all rows. */
typedef struct mixent_row_rule {
  const mixent_loss_rule *rule;
  const mixent_row_kernels *kernels;
  unsigned counts;            /* bits of the terms that count */
  mixent_row_targets targets; /* apart from the row's own pointer */
  struct {
    double constant, log, square; /* of each term where p is 0: terms/element.h */
  } elsewhere[MIXENT_TERMS];
} mixent_row_rule;

/* Fills in `elsewhere`. */
void mixent_row_rule_prepare(mixent_row_rule *rule);

/* The row's terms, each multiplied by `weight`, into `terms` (0 for those that do not count), and scale *
 * weight * the gradient, which may be written later: `writing` holds the row that is still to be written,
 * from one row to the next. Returns false for a row without a distribution: its terms and gradient are NaN.
 */
bool mixent_row_evaluate(const mixent_row_rule *rule, const mixent_row *row, const void *targets,
                         double weight, double scale, double terms[MIXENT_TERMS],
                         mixent_row_writing *writing);
/* After the last row, and before a row's scratch is used again: writes what is still to be written. */
void mixent_row_finish(const mixent_row_rule *rule, mixent_row_writing *writing);

#endif
