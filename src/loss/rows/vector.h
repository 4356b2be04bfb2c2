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
#elif defined __ARM_NEON
#include <arm_neon.h>
#endif

#if defined __AVX512F__
#define MIXENT_VECTOR_BYTES 64
#elif defined __AVX2__
#define MIXENT_VECTOR_BYTES 32
#else
#define MIXENT_VECTOR_BYTES 16
#endif

/* For functions that are templates: their flags are constants wherever they are called. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

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

/* Vectors in arrays of `real`, at any address. */
typedef vector loose_vector __attribute__((aligned(sizeof(real)), may_alias));
static inline vector vector_at(const real *from) {
  return *(const loose_vector *)from;
}
static inline void put_vector(real *to, vector v) {
  *(loose_vector *)to = v;
}

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

/* b where b > a (or b < a), else a: a NaN in b is passed over, one in a stays. */
#if defined __AVX512F__ && defined MIXENT_DOUBLE
#define OF_TWO(compared, operation) (vector) _mm512_##operation##_pd((__m512d)b, (__m512d)a)
#elif defined __AVX512F__
#define OF_TWO(compared, operation) (vector) _mm512_##operation##_ps((__m512)b, (__m512)a)
#elif defined __AVX2__ && defined MIXENT_DOUBLE
#define OF_TWO(compared, operation) (vector) _mm256_##operation##_pd((__m256d)b, (__m256d)a)
#elif defined __AVX2__
#define OF_TWO(compared, operation) (vector) _mm256_##operation##_ps((__m256)b, (__m256)a)
#else
#define OF_TWO(compared, operation) choose(b compared a, b, a)
#endif
static inline vector larger(vector a, vector b) {
  return OF_TWO(>, max);
}
static inline vector smaller(vector a, vector b) {
  return OF_TWO(<, min);
}

/* a b + c, rounded once where the processor does so: said outright, for the compiler fuses now here, now
 * there, and a result must not depend on which of two loops computed it. */
static inline vector multiply_add(vector a, vector b, vector c) {
#if defined __AVX512F__ && defined MIXENT_DOUBLE
  return (vector)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined __AVX512F__
  return (vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __AVX2__ && defined MIXENT_DOUBLE
  return (vector)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined __AVX2__
  return (vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __ARM_NEON && defined MIXENT_DOUBLE
  return (vector)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#elif defined __ARM_NEON
  return (vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

/* x, but low where x < low; NaN stays NaN. */
static inline vector at_least(real low, vector x) {
  return larger(x, spread(low));
}

/* The largest lane; there is no NaN. In pairs, for each comparison waits for the one before. */
static inline real largest_of(vector v) {
#if defined __AVX512F__ && defined MIXENT_DOUBLE
  return _mm512_reduce_max_pd((__m512d)v);
#elif defined __AVX512F__
  return _mm512_reduce_max_ps((__m512)v);
#else
  for (int width = LANES / 2; width; width /= 2)
    for (int lane = 0; lane < width; lane++) v[lane] = v[lane + width] > v[lane] ? v[lane + width] : v[lane];
  return v[0];
#endif
}

/* Sums in double. */
typedef double wide __attribute__((vector_size(MIXENT_VECTOR_BYTES)));

/* The lower and the upper lanes, added. */
static inline wide widen(vector v) {
#if defined MIXENT_DOUBLE
  return v;
#elif defined __AVX512F__
  __m512d bits = (__m512d)v;
  return (wide)_mm512_add_pd(_mm512_cvtps_pd((__m256)_mm512_extractf64x4_pd(bits, 0)),
                             _mm512_cvtps_pd((__m256)_mm512_extractf64x4_pd(bits, 1)));
#elif defined __AVX2__
  return (wide)_mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v)),
                             _mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1)));
#else
  return (wide){(double)v[0] + v[2], (double)v[1] + v[3]};
#endif
}

static inline double total_of(wide sum) {
  double total = sum[0];
  for (int lane = 1; lane < (int)(sizeof sum / sizeof(double)); lane++) total += sum[lane];
  return total;
}

/* exp and log: x = 2^n y with n whole, and a polynomial for y near 1. */
#ifdef MIXENT_DOUBLE
enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };
static const real exp_lowest = -709, round_to_whole = 0x1.8p52, log2_e = 0x1.71547652b82fep0,
                  ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45, smallest_normal = 0x1p-1022;
static const real log_series[] = {2.0 / 25, 2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15,
                                  2.0 / 13, 2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
#else
enum { MANTISSA_BITS = 23, EXPONENT_BIAS = 127 };
static const real exp_lowest = -88, round_to_whole = 0x1.8p23f, log2_e = 0x1.715476p0f,
                  ln2_high = 0x1.62ep-1f, ln2_low = 0x1.0bfbe8p-15f, smallest_normal = 0x1p-126f;
static const real log_series[] = {2.0f / 11, 2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3};
#endif
enum { LOG_TERMS = sizeof log_series / sizeof *log_series };

/* (exp r - 1 - r) / r^2 for |r| <= ln 2 / 2, `square` being r^2: the series, or for float the polynomial that
 * lets exp have the smallest relative error (0.04 units in the last place, by Lawson's iteration), in pairs
 * so that less waits on less. */
static inline vector exp_tail(vector r, vector square) {
#ifdef MIXENT_DOUBLE
  static const real series[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
  vector sum = spread(series[0]);
  for (int i = 1; i < (int)(sizeof series / sizeof *series); i++) sum = sum * r + series[i];
  (void)square;
  return sum;
#else
  vector low = r * 0x1.555490p-3f + 0x1.fffffcp-2f, high = r * 0x1.123a6cp-7f + 0x1.5558f4p-5f;
  return (square * 0x1.6a2352p-10f + high) * square + low;
#endif
}

/* exp x for x <= 0, held at exp_lowest or above beforehand: within 2 units in the last place, and exactly 0
 * where the result would be less than the smallest normal number. NaN stays NaN. x = n ln 2 + r with |r| <=
 * ln 2 / 2. */
static inline vector exp_bounded(vector x) {
  const real shift = round_to_whole + EXPONENT_BIAS;
  vector shifted = x * log2_e + shift, n = shifted - shift; /* n and the bias in the low bits */
  vector r = x - n * ln2_high;                              /* exact: the upper part of ln 2 has few bits */
  r -= n * ln2_low;
  vector square = r * r, power = exp_tail(r, square) * square + (r + 1);
  /* the number 2^n; of the lowest n all bits are 0, and so is the number */
  return power * (vector)((mask)shifted << MANTISSA_BITS);
}

static inline vector exp_nonpositive(vector x) {
  return exp_bounded(at_least(exp_lowest, x));
}

/* exp x for near <= x <= 0, NaN staying NaN: what no class of an ordinary row lies below. Where a vector of numbers can be looked up
 * in, x = (n + k / FRACTIONS) ln 2 + r, with 2^(k / FRACTIONS) from a table and a shorter polynomial for the smaller r; within 2 units
 * in the last place, too. 2^n stands in the exponent's bits, and the table holds what is to be added to them: the mantissa of its
 * entry, less k where `shifted` has it. */
static const real near = -87;
#if defined __AVX2__ && !defined MIXENT_DOUBLE
#ifdef __AVX512F__
enum { FRACTION_BITS = 4 };
static const mask fractions = {0,        -0x2553d, -0x46a3e, -0x63c2d, -0x7c810, -0x90ace,
                               -0xa0129, -0xaa7c1, -0xafb0d, -0xaf75c, -0xa98d6, -0x9db74,
                               -0x8bb03, -0x73321, -0x53f39, -0x2da83};
#else
enum { FRACTION_BITS = 3 };
static const mask fractions = {0, -0x46a3e, -0x7c810, -0xa0129, -0xafb0d, -0xa98d6, -0x8bb03, -0x53f39};
#endif

static inline vector exp_near(vector x) {
  enum { FRACTIONS = 1 << FRACTION_BITS };
  const real shift = round_to_whole + FRACTIONS * EXPONENT_BIAS;
  vector shifted = x * (0x1.715476p0f * FRACTIONS) + shift, n = shifted - shift;
  vector r = x - n * (0x1.62e43p-1f / FRACTIONS) - n * (-0x1.05c61p-29f / FRACTIONS);
#ifdef __AVX512F__
  mask fraction = (mask)_mm512_permutexvar_epi32((__m512i)shifted, (__m512i)fractions);
  vector low = r * 0x1.55559ap-3f + 0x1.00021ep-1f;
#else
  mask fraction = (mask)_mm256_permutevar8x32_epi32((__m256i)fractions, (__m256i)shifted);
  vector low = r * 0x1.555656p-3f + 0x1.000876p-1f;
#endif
  mask scale = ((mask)shifted << (MANTISSA_BITS - FRACTION_BITS)) + fraction;
  vector less_one = low * (r * r) + r; /* exp r - 1, which loses less than exp r */
  return (vector)scale * less_one + (vector)scale;
}
#else
static inline vector exp_near(vector x) {
  return exp_bounded(x);
}
#endif

/* exp x - 1 for x <= 0, without cancellation near 0. */
static inline vector exp_less_one(vector x) {
  return choose(x > (real)-0.34, exp_tail(x, x * x) * (x * x) + x, exp_nonpositive(x) - 1);
}

/* ln x within 2 units in the last place: -inf of 0, NaN of what is negative. x = 2^n (1 + f) with 1 + f
 * between the roots of 1/2 and 2; with s = f / (2 + f): ln(1 + f) = f - (f^2/2 - s (f^2/2 + R)), R = 2/3 s^2
 * + 2/5 s^4 + … */
static inline vector natural_log(vector x) {
  const whole root_half = (whole)((EXPONENT_BIAS - 1) * ((whole)1 << MANTISSA_BITS) +
                                  (whole)(0.41421356237309515 * (double)((whole)1 << MANTISSA_BITS)));
  const real up = (real)((whole)1 << MANTISSA_BITS);
  mask tiny = x < smallest_normal;
  vector normal = at_least(smallest_normal, choose(tiny, x * up, x)); /* positive; NaN stays */
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
