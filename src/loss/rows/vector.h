/* Vectors as the compiler knows them, as wide as the processor that a file is compiled for, of `real`: double
 * where MIXENT_DOUBLE is defined, else float. One source then serves every instruction set and both
 * precisions; the few operations that an instruction set does better than the compiler's vectors let one say
 * stand here. */
#ifndef MIXENT_LOSS_ROWS_VECTOR_H
#define MIXENT_LOSS_ROWS_VECTOR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined __AVX2__
#include <immintrin.h>
#endif

#if defined __AVX512F__
#define MIXENT_VECTOR_BYTES 64
#elif defined __AVX2__
#define MIXENT_VECTOR_BYTES 32
#else
#define MIXENT_VECTOR_BYTES 16
#endif

#ifdef MIXENT_DOUBLE
typedef double real;
typedef int64_t whole; /* an integer of real's size */
#else
typedef float real;
typedef int32_t whole;
#endif

enum { LANES = MIXENT_VECTOR_BYTES / sizeof(real) };
typedef real vector __attribute__((vector_size(MIXENT_VECTOR_BYTES)));
typedef whole mask __attribute__((vector_size(MIXENT_VECTOR_BYTES))); /* of a comparison: -1 true, 0 false */

static inline vector spread(real x) {
  return x - (vector){0};
}

/* a where m, else b. */
static inline vector choose(mask m, vector a, vector b) {
  return (vector)((m & (mask)a) | (~m & (mask)b));
}

/* v where m, else 0. */
static inline vector only(mask m, vector v) {
  return (vector)(m & (mask)v);
}

/* The first `count` lanes. */
static inline mask first_lanes(size_t count) {
  mask lane;
  for (int i = 0; i < LANES; i++) lane[i] = i;
  return lane < (whole)count;
}

/* b where b > a, else a: a NaN in b is passed over, one in a stays. */
static inline vector larger(vector a, vector b) {
#if defined __AVX512F__ && defined MIXENT_DOUBLE
  return (vector)_mm512_max_pd((__m512d)b, (__m512d)a);
#elif defined __AVX512F__
  return (vector)_mm512_max_ps((__m512)b, (__m512)a);
#elif defined __AVX2__ && defined MIXENT_DOUBLE
  return (vector)_mm256_max_pd((__m256d)b, (__m256d)a);
#elif defined __AVX2__
  return (vector)_mm256_max_ps((__m256)b, (__m256)a);
#else
  return choose(b > a, b, a);
#endif
}

/* x, but low where x < low; NaN stays NaN. */
static inline vector at_least(real low, vector x) {
  return larger(x, spread(low));
}

static inline real largest_of(vector v) {
  real largest = v[0];
  for (int lane = 1; lane < LANES; lane++) largest = v[lane] > largest ? v[lane] : largest;
  return largest;
}

/* Sums in double, lane by lane until the end. */
typedef double wide __attribute__((vector_size(MIXENT_VECTOR_BYTES)));
typedef struct long_sum {
  wide low, high; /* of the lower and upper lanes; `high` is not used for double */
} long_sum;

static inline void add_to(long_sum *sum, vector v) {
#ifdef MIXENT_DOUBLE
  sum->low += v;
#else
  typedef float half __attribute__((vector_size(MIXENT_VECTOR_BYTES / 2)));
  half part[2];
  memcpy(part, &v, sizeof v);
  sum->low += __builtin_convertvector(part[0], wide);
  sum->high += __builtin_convertvector(part[1], wide);
#endif
}

static inline double total_of(const long_sum *sum) {
  wide both = sum->low + sum->high;
  double total = both[0];
  for (int lane = 1; lane < (int)(sizeof(wide) / sizeof(double)); lane++) total += both[lane];
  return total;
}

/* exp and log: x = 2^n y with n whole, and a polynomial for y near 1. */
#ifdef MIXENT_DOUBLE
enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };
static const real exp_lowest = -709, round_to_whole = 0x1.8p52, log2_e = 0x1.71547652b82fep0,
                  ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45, smallest_normal = 0x1p-1022;
static const real exp_series[] = {
    1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
    1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       1.0 / 2,      1.0,         1.0};
static const real log_series[] = {2.0 / 25, 2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15,
                                  2.0 / 13, 2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
#else
enum { MANTISSA_BITS = 23, EXPONENT_BIAS = 127 };
static const real exp_lowest = -88, round_to_whole = 0x1.8p23f, log2_e = 0x1.715476p0f,
                  ln2_high = 0x1.62ep-1f, ln2_low = 0x1.0bfbe8p-15f, smallest_normal = 0x1p-126f;
static const real exp_series[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                                  1.0f / 6,    1.0f / 2,   1.0f,       1.0f};
static const real log_series[] = {2.0f / 11, 2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3};
#endif
enum {
  EXP_TERMS = sizeof exp_series / sizeof *exp_series,
  LOG_TERMS = sizeof log_series / sizeof *log_series
};

/* exp x for x <= 0, x held at exp_lowest or above beforehand: within 2 units in the last place, and exactly 0
 * where the result would be less than the smallest normal number. NaN stays NaN. x = n ln 2 + r with |r| <=
 * ln 2 / 2. */
static inline vector exp_bounded(vector x) {
  vector shifted = x * log2_e + round_to_whole; /* n in the low bits */
  vector n = shifted - round_to_whole;
  vector r = x - n * ln2_high; /* exact: n times the upper part of ln 2 has few bits */
  r = r - n * ln2_low;
  vector power = spread(exp_series[0]);
  for (int i = 1; i < EXP_TERMS; i++) power = power * r + exp_series[i];
  /* the number 2^n; of the lowest n all bits are 0, and so is the number */
  vector scale = (vector)(((mask)shifted << MANTISSA_BITS) + ((whole)EXPONENT_BIAS << MANTISSA_BITS));
  return power * scale;
}

static inline vector exp_nonpositive(vector x) {
  return exp_bounded(at_least(exp_lowest, x));
}

/* exp x - 1 for x <= 0, without cancellation near 0. */
static inline vector exp_less_one(vector x) {
  vector sum = spread(exp_series[0]);
  for (int i = 1; i < EXP_TERMS - 1; i++) sum = sum * x + exp_series[i];
  return choose(x > (real)-0.34, sum * x, exp_nonpositive(x) - 1);
}

/* ln x within 2 units in the last place: -inf of 0, NaN of what is negative. x = 2^n (1 + f) with 1 + f
 * between the roots of 1/2 and 2; with s = f / (2 + f): ln(1 + f) = f - (f^2/2 - s (f^2/2 + R)), R = 2/3 s^2
 * + 2/5 s^4 + … */
static inline vector natural_log(vector x) {
  const whole root_half = (whole)((EXPONENT_BIAS - 1) * ((whole)1 << MANTISSA_BITS) +
                                  (whole)(0.41421356237309515 * (double)((whole)1 << MANTISSA_BITS)));
  const real up = (real)((whole)1 << MANTISSA_BITS);
  mask tiny = x < smallest_normal;
  vector normal = choose(tiny, x * up, x);
  mask bits = (mask)normal - root_half;
  mask exponent = bits >> MANTISSA_BITS;
  vector f = (vector)((mask)normal - (exponent << MANTISSA_BITS)) - 1;
  vector n = (vector)(exponent + (mask)spread(round_to_whole)) - round_to_whole; /* as a number */
  n -= only(tiny, spread(MANTISSA_BITS));
  vector s = f / (f + 2), z = s * s, half_square = f * f * (real)0.5;
  vector series = spread(log_series[0]);
  for (int i = 1; i < LOG_TERMS; i++) series = series * z + log_series[i];
  vector result = n * ln2_high - ((half_square - (s * (half_square + series * z) + n * ln2_low)) - f);
  result = choose(x > 0, result, spread((real)NAN));
  result = choose(x == 0, spread((real)-INFINITY), result);
  return choose(x == (real)INFINITY, x, result);
}

#endif
