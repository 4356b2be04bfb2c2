/* 16-bit floats of either type, one at a time. */
#ifndef MIXENT_LOSS_HALF_H
#define MIXENT_LOSS_HALF_H

#include "core/half.h"
#include "mixent/loss.h"

/* Of type MIXENT_BFLOAT16 or MIXENT_FLOAT16. */
static inline float mixent_widen(uint16_t half, mixent_type type) {
  return type == MIXENT_BFLOAT16 ? mixent_bf16_to_float(half) : mixent_f16_to_float(half);
}

#endif
