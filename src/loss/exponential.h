/* exp in float for numbers up to 0, written so that a loop over it becomes vector instructions on any
 * processor. */
#ifndef MIXENT_LOSS_EXPONENTIAL_H
#define MIXENT_LOSS_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

/* exp(x) for x <= 0, within 2 units in the last place; exactly 0 below -87, where normal floats end; NaN
 * stays NaN. x = n ln 2 + r with n whole and |r| <= ln 2 / 2, so exp x = 2^n exp r. */
static inline float mixent_exp_nonpositive(float x) {
  const float round = 0x1.8p23f; /* adding this leaves n in the low bits of the sum */
  float shifted = x * 0x1.715476p0f + round, n = shifted - round;
  float r = x - n * 0x1.62ep-1f; /* ln 2 in two parts; n times the first, of 12 bits, is exact */
  r = r - n * 0x1.0bfbe8p-15f;
  /* exp r by its series; the first term left out is under 6e-9 */
  float power = 1.0f / 5040;
  power = power * r + 1.0f / 720;
  power = power * r + 1.0f / 120;
  power = power * r + 1.0f / 24;
  power = power * r + 1.0f / 6;
  power = power * r + 1.0f / 2;
  power = power * r + 1.0f;
  power = power * r + 1.0f;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3f800000u; /* the float 2^n */
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  float value = power * scale;
  return x < -87.0f ? 0.0f : value;
}

#endif
