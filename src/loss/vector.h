/* Vectors of floats as the compiler knows them, as wide as the processor that a file is compiled for; one
 * source then serves every instruction set. */
#ifndef MIXENT_LOSS_VECTOR_H
#define MIXENT_LOSS_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined __AVX512F__
#define MIXENT_VECTOR_BYTES 64
#elif defined __AVX2__
#define MIXENT_VECTOR_BYTES 32
#else
#define MIXENT_VECTOR_BYTES 16
#endif

enum { LANES = MIXENT_VECTOR_BYTES / 4 };
typedef float vector __attribute__((vector_size(MIXENT_VECTOR_BYTES)));
typedef int32_t mask __attribute__((vector_size(MIXENT_VECTOR_BYTES)));

static inline vector spread(float x) {
  return x - (vector){0};
}

static inline vector load(const float *from) {
  vector v;
  memcpy(&v, from, sizeof v);
  return v;
}

static inline void store(float *to, vector v) {
  memcpy(to, &v, sizeof v);
}

/* Past the caches, for results that are larger than them; `to` is aligned to the vector. */
#if defined __AVX512F__
#include <immintrin.h>
static inline void store_stream(float *to, vector v) {
  _mm512_stream_ps(to, (__m512)v);
}
static inline void finish_stream(void) {
  _mm_sfence();
}
#elif defined __AVX2__
#include <immintrin.h>
static inline void store_stream(float *to, vector v) {
  _mm256_stream_ps(to, (__m256)v);
}
static inline void finish_stream(void) {
  _mm_sfence();
}
#else
static inline void store_stream(float *to, vector v) {
  store(to, v);
}
static inline void finish_stream(void) {}
#endif

/* The few operations that an instruction set does better than the compiler's vectors let one say:
 *   at_least(low, x)          x, but low where x < low; NaN stays NaN
 *   larger(a, b)              b where b > a, else a
 *   zero_below(low, x, v)     v, but 0 where x < low
 *   zero_where_zero(x, v)     v, but 0 where x is 0
 *   load_some, store_some     the first `count` lanes, from 1 to LANES; `rest` in the others
 *   add_zeros(counts, x)      counts of lanes of x that were 0; their sum by count_of(counts)
 *   sum_of(v), largest_of(v)  over the lanes, the sum in double */
#if defined __AVX512F__
static inline __mmask16 first_lanes(size_t count) {
  return (__mmask16)((1u << count) - 1);
}
static inline vector load_some(const float *from, size_t count, float rest) {
  return (vector)_mm512_mask_loadu_ps((__m512)spread(rest), first_lanes(count), from);
}
static inline void store_some(float *to, size_t count, vector v) {
  _mm512_mask_storeu_ps(to, first_lanes(count), (__m512)v);
}
static inline vector at_least(float low, vector x) {
  return (vector)_mm512_max_ps((__m512)spread(low), (__m512)x);
}
static inline vector larger(vector a, vector b) {
  return (vector)_mm512_max_ps((__m512)b, (__m512)a);
}
static inline vector zero_below(float low, vector x, vector v) {
  return (vector)_mm512_maskz_mov_ps(_mm512_cmp_ps_mask((__m512)x, (__m512)spread(low), _CMP_NLT_UQ),
                                     (__m512)v);
}
static inline vector zero_where_zero(vector x, vector v) {
  return (vector)_mm512_maskz_mov_ps(_mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_NEQ_UQ),
                                     (__m512)v);
}
typedef int zero_counts;
static inline zero_counts add_zeros(zero_counts counts, vector x) {
  return counts + __builtin_popcount(_mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_EQ_OQ));
}
static inline int count_of(zero_counts counts) {
  return counts;
}
static inline double sum_of(vector v) {
  __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
  __m512d high = _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd((__m512)v), 1)));
  return _mm512_reduce_add_pd(_mm512_add_pd(low, high));
}
static inline float largest_of(vector v) {
  return _mm512_reduce_max_ps((__m512)v);
}
#else
static inline vector load_some(const float *from, size_t count, float rest) {
  vector v = spread(rest);
  for (size_t lane = 0; lane < count; lane++) v[lane] = from[lane];
  return v;
}
static inline void store_some(float *to, size_t count, vector v) {
  for (size_t lane = 0; lane < count; lane++) to[lane] = v[lane];
}
static inline vector choose(mask m, vector a, vector b) {
  return (vector)((m & (mask)a) | (~m & (mask)b));
}
static inline vector at_least(float low, vector x) {
  return choose(x < low, spread(low), x);
}
static inline vector larger(vector a, vector b) {
  return choose(b > a, b, a);
}
static inline vector zero_below(float low, vector x, vector v) {
  return (vector)(~(x < low) & (mask)v);
}
static inline vector zero_where_zero(vector x, vector v) {
  return (vector)((x != 0.0f) & (mask)v);
}
typedef mask zero_counts;
static inline zero_counts add_zeros(zero_counts counts, vector x) {
  return counts - (x == 0.0f);
} /* true is -1 */
static inline int count_of(zero_counts counts) {
  int count = 0;
  for (int lane = 0; lane < LANES; lane++) count += counts[lane];
  return count;
}
static inline double sum_of(vector v) {
  double sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += (double)v[lane];
  return sum;
}
static inline float largest_of(vector v) {
  float largest = v[0];
  for (int lane = 1; lane < LANES; lane++) largest = v[lane] > largest ? v[lane] : largest;
  return largest;
}
#endif

/* exp(x) for x <= 0, within 2 units in the last place; exactly 0 below -87, where normal floats end; NaN
 * stays NaN. x = n ln 2 + r with n whole and |r| <= ln 2 / 2, so exp x = 2^n exp r. */
static inline vector exp_nonpositive(vector x) {
  const vector round = spread(0x1.8p23f); /* adding this leaves n in the low bits of the sum */
  vector shifted = x * 0x1.715476p0f + round, n = shifted - round;
  vector r = x - n * 0x1.62ep-1f; /* ln 2 in two parts; n times the first, of 12 bits, is exact */
  r = r - n * 0x1.0bfbe8p-15f;
  /* exp r by its series; the first term left out is under 6e-9 */
  vector power = spread(1.0f / 5040);
  power = power * r + 1.0f / 720;
  power = power * r + 1.0f / 120;
  power = power * r + 1.0f / 24;
  power = power * r + 1.0f / 6;
  power = power * r + 1.0f / 2;
  power = power * r + 1.0f;
  power = power * r + 1.0f;
  vector scale = (vector)(((mask)shifted << 23) + 0x3f800000); /* the float 2^n */
  return zero_below(-87.0f, x, power * scale);
}

#endif
