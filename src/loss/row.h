/* One row of a batch: every loss term of one example, and the gradient with respect to its logits. */
#ifndef MIXENT_LOSS_ROW_H
#define MIXENT_LOSS_ROW_H

#include "loss/row_kernels.h"
#include "mixent/loss.h"

/* What the gradient loop needs of the caller: d(sum_i c_i T_i)/dz, times `scale` (one over the rows counted).
 */
typedef struct mixent_row_rule {
  double ce1, h, ce2; /* coefficients; KL = CE2 - H is folded into the other two */
  double scale;
  double ln_eps;
  float eps;
  const mixent_row_kernels *kernels;
  bool stream; /* the gradient is larger than the caches: write past them */
} mixent_row_rule;

/* Adds the row's terms to `terms`; writes gradient [classes] unless NULL; it may be the logits themselves,
 * with hard labels. */
void mixent_row_hard(const mixent_row_rule *rule, size_t classes, const float *logits, size_t label,
                     double terms[MIXENT_TERMS], float *gradient);
void mixent_row_soft(const mixent_row_rule *rule, size_t classes, const float *logits, const float *targets,
                     double terms[MIXENT_TERMS], float *gradient);

#endif
