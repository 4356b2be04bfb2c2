/* 16-bit floats, one at a time. */
#ifndef MIXENT_LOSS_HALF_H
#define MIXENT_LOSS_HALF_H

#include "mixent/loss.h"
#include <string.h>

/* Of type MIXENT_BFLOAT16 or MIXENT_FLOAT16. */
static inline float mixent_widen(uint16_t half, mixent_type type) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, size = half & 0x7fff, bits;
  float value;
  if (type == MIXENT_BFLOAT16)
    bits = size << 16;
  else
    bits = size >= 0x7c00 ? size << 13 | 0x7f800000 : size << 13;
  memcpy(&value, &bits, sizeof value);
  if (type == MIXENT_FLOAT16 && size < 0x7c00)
    value *= 0x1p112f; /* from one bias of the exponent to the other */
  return sign ? -value : value;
}

#endif
