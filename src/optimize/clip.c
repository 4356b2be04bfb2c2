/* The norm of a gradient in fixed lanes, so that the compiler may use vectors and the order of the sum is one. */
#include "optimize/clip.h"

#include <math.h>

enum { LANES = 8 };

static double norm_of(const float *values, size_t count) {
  double sums[LANES] = {0}, sum = 0;
  size_t whole = count / LANES * LANES;
  for (size_t i = 0; i < whole; i += LANES)
    for (size_t k = 0; k < LANES; k++) sums[k] += (double)values[i + k] * values[i + k];
  for (size_t i = whole; i < count; i++) sum += (double)values[i] * values[i];
  for (size_t k = 0; k < LANES; k++) sum += sums[k];
  return sqrt(sum);
}

double mixent_gradient_clip(float *gradient, size_t count, double most) {
  double norm = norm_of(gradient, count), scale = most / (norm + 1e-6);
  for (size_t i = 0; i < count && scale < 1; i++) gradient[i] = (float)(gradient[i] * scale);
  return norm;
}
