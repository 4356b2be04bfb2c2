/* Gradient clipping by norm, as torch.nn.utils.clip_grad_norm_ (Pascanu et al. 2013). */
#ifndef MIXENT_OPTIMIZE_CLIP_H
#define MIXENT_OPTIMIZE_CLIP_H

#include <stddef.h>

/* Scales the gradient [count] by most / (norm + 1e-6) if its Euclidean norm is so large that this is below 1. Returns the
 * norm before. What it computes does not depend on the number of threads. */
double mixent_gradient_clip(float *gradient, size_t count, double most);

#endif
