/* What is asked of a call before a logit is read, and reading single elements of any type. */
#ifndef MIXENT_LOSS_CHECK_H
#define MIXENT_LOSS_CHECK_H

#include "mixent/loss.h"

/* Shapes, types and options. */
mixent_status mixent_loss_check_call(const mixent_loss_batch *batch, const mixent_loss_rule *rule,
                                     const mixent_loss_result *result);

/* Checks the labels; *counted: the rows that are not ignored; *divisor: what a mean divides by (1 if that
 * would be 0). */
mixent_status mixent_loss_count(const mixent_loss_batch *batch, size_t *counted, double *divisor);

mixent_status mixent_loss_check_rule(const mixent_loss_rule *rule);

int64_t mixent_label_at(const mixent_array *labels, size_t index);
double mixent_number_at(const mixent_array *numbers, size_t index);

#endif
