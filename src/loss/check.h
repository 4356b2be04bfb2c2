/* What both kernels ask of a batch before they read its logits. */
#ifndef MIXENT_LOSS_CHECK_H
#define MIXENT_LOSS_CHECK_H

#include "mixent/loss.h"

/* Checks shape, eps and labels; *counted: the rows that are not ignored. */
mixent_status mixent_loss_check_batch(size_t rows, size_t classes, const int32_t *labels, bool has_targets,
                                      int32_t ignore_label, double eps, size_t *counted);

#endif
