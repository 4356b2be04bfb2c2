/* 16-bit floats, one at a time: bfloat16 (8 bits of exponent, 7 of fraction) and float16 (5 and 10), as the whole numbers that
 * their bits are. To them is rounded to nearest, ties to even; what is too large becomes an infinity, and NaN stays NaN. */
#ifndef MIXENT_CORE_HALF_H
#define MIXENT_CORE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float mixent_float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float mixent_bf16_to_float(uint16_t half) {
  return mixent_float_from_bits((uint32_t)half << 16);
}

static inline uint16_t mixent_bf16_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)((bits >> 16) | 0x40);
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static inline float mixent_f16_to_float(uint16_t half) {
  uint32_t size = half & 0x7fff;
  float value = mixent_float_from_bits(size << 13 | (size >= 0x7c00 ? 0x7f800000 : 0));
  if (size < 0x7c00) value *= 0x1p112f; /* from one bias of the exponent to the other */
  return half & 0x8000 ? -value : value;
}

static inline uint16_t mixent_f16_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
  if (size >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and more */
  if (size >= 0x38800000) return (uint16_t)(sign | (size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13);
  value = mixent_float_from_bits(size) + 0.5f; /* below 2^-14: whole steps of 2^-24, which are those of 0.5 */
  memcpy(&bits, &value, sizeof bits);
  return (uint16_t)(sign | (bits - 0x3f000000));
}

#endif
