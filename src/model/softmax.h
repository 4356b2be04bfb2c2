/* Probabilities of one row of logits. */
#ifndef MIXENT_MODEL_SOFTMAX_H
#define MIXENT_MODEL_SOFTMAX_H

#include <math.h>
#include <stddef.h>

static inline void mixent_softmax(const float *logits, size_t classes, float *out) {
  float largest = logits[0];
  double sum = 0;
  for (size_t k = 1; k < classes; k++) largest = fmaxf(largest, logits[k]);
  for (size_t k = 0; k < classes; k++) sum += exp((double)logits[k] - largest);
  for (size_t k = 0; k < classes; k++) out[k] = (float)(exp((double)logits[k] - largest) / sum);
}

#endif
