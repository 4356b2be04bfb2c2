/* Vectors of float as wide as the processor that a file is compiled for, values between layers (float, or bfloat16
 * where MIXENT_BF16 is defined), and the words that products multiply: one float, or two bfloat16 whose products
 * are added. */
#ifndef MIXENT_NET_KERNELS_VECTOR_H
#define MIXENT_NET_KERNELS_VECTOR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#if defined __AVX512F__
#define MIXENT_VECTOR_BYTES 64
#elif defined __AVX2__
#define MIXENT_VECTOR_BYTES 32
#else
#define MIXENT_VECTOR_BYTES 16
#endif

/* For functions that are templates: sizes are constants wherever they are called, loops over them unrolled. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define UNROLL        _Pragma("GCC unroll 16")

enum { LANES = MIXENT_VECTOR_BYTES / sizeof(float) };
typedef float vector __attribute__((vector_size(MIXENT_VECTOR_BYTES)));
typedef uint32_t bits __attribute__((vector_size(MIXENT_VECTOR_BYTES)));
typedef vector loose_vector __attribute__((aligned(4), may_alias));
typedef bits loose_bits __attribute__((aligned(4), may_alias));

ALWAYS_INLINE vector load(const float *from) {
  return *(const loose_vector *)from;
}
ALWAYS_INLINE void store(float *to, vector v) {
  *(loose_vector *)to = v;
}
ALWAYS_INLINE vector spread(float x) {
  return x - (vector){0};
}

/* The mask of the lanes below `count`: loads and stores by it touch no other memory. */
#if defined __AVX512F__
ALWAYS_INLINE __mmask16 first_lanes(int count) {
  return (__mmask16)((1U << count) - 1);
}
#elif defined __AVX2__
ALWAYS_INLINE __m256i first_lanes(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}
#endif

/* The first `count` floats, the other lanes 0; a whole vector from LANES on. */
ALWAYS_INLINE vector load_some(const float *from, int count) {
  if (count >= LANES) return load(from);
#if defined __AVX512F__
  return (vector)_mm512_maskz_loadu_ps(first_lanes(count), from);
#elif defined __AVX2__
  return (vector)_mm256_maskload_ps(from, first_lanes(count));
#else
  vector v = {0};
  memcpy(&v, from, (size_t)count * sizeof *from);
  return v;
#endif
}

ALWAYS_INLINE void store_some(float *to, int count, vector v) {
  if (count >= LANES)
    store(to, v);
  else
#if defined __AVX512F__
    _mm512_mask_storeu_ps(to, first_lanes(count), (__m512)v);
#elif defined __AVX2__
    _mm256_maskstore_ps(to, first_lanes(count), (__m256)v);
#else
    memcpy(to, &v, (size_t)count * sizeof *to);
#endif
}

/* a b + c, rounded once where the processor can. Said explicitly: GCC breaks up chains of these. */
ALWAYS_INLINE vector fused(vector a, vector b, vector c) {
#if defined __AVX512F__
  return (vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __AVX2__
  return (vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

/* a where the mask is set, else b. */
ALWAYS_INLINE vector pick(bits mask, vector a, vector b) {
#if defined __AVX512F__
  return (vector)_mm512_ternarylogic_epi32((__m512i)mask, (__m512i)a, (__m512i)b, 0xca);
#elif defined __AVX2__
  return (vector)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#else
  return (vector)((mask & (bits)a) | (~mask & (bits)b));
#endif
}

/* The larger of the two; a NaN in v stays. */
ALWAYS_INLINE vector at_least(vector least, vector v) {
#if defined __AVX512F__
  return (vector)_mm512_max_ps((__m512)least, (__m512)v);
#elif defined __AVX2__
  return (vector)_mm256_max_ps((__m256)least, (__m256)v);
#else
  return pick((bits)(v < least), least, v);
#endif
}

#ifdef MIXENT_BF16
typedef uint16_t value;
typedef uint16_t halves __attribute__((vector_size(MIXENT_VECTOR_BYTES / 2)));
typedef halves loose_halves __attribute__((aligned(2), may_alias));

/* Rounded to nearest even, in the upper half of each lane, the lower half 0; NaN stays NaN. */
ALWAYS_INLINE bits round_half(vector v) {
  bits b = (bits)v;
  bits rounded = b + 0x7fff + (b >> 16 & 1);
  bits nan = (bits)(v != v); // NOLINT(misc-redundant-expression)
  return ((nan & (b | 0x400000)) | (~nan & rounded)) & 0xffff0000;
}

ALWAYS_INLINE halves to_halves(vector v) {
#ifdef __AVX512BF16__
  return (halves)_mm512_cvtneps_pbh((__m512)v);
#else
  return __builtin_convertvector(round_half(v) >> 16, halves);
#endif
}

/* The values of some channels of one pixel; the lanes after `count` are 0. */
ALWAYS_INLINE vector load_values(const value *from, int count) {
  halves h = {0};
  if (count >= LANES)
    h = *(const loose_halves *)from;
  else
#ifdef __AVX512F__
    h = (halves)_mm256_maskz_loadu_epi16(first_lanes(count), from);
#else
    memcpy(&h, from, (size_t)count * sizeof *from);
#endif
  return (vector)(__builtin_convertvector(h, bits) << 16);
}

ALWAYS_INLINE void store_values(value *to, int count, vector v) {
  halves h = to_halves(v);
  if (count >= LANES)
    *(loose_halves *)to = h;
  else
#ifdef __AVX512F__
    _mm256_mask_storeu_epi16(to, first_lanes(count), (__m256i)h);
#else
    memcpy(to, &h, (size_t)count * sizeof *to);
#endif
}

/* A word is two neighbours in the direction that a product sums over. */
enum { VALUES_IN_WORD = 2 };
typedef uint32_t word;
typedef bits words;

ALWAYS_INLINE words join(vector first, vector second) {
#ifdef __AVX512BF16__
  /* `first` rounds into the lower 16 halves, `second` into the upper; then one of each in turn */
  const __m512i turns = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                         22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (words)_mm512_permutexvar_epi16(turns, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
#else
  return round_half(second) | round_half(first) >> 16;
#endif
}

ALWAYS_INLINE words spread_word(word w) {
  return w | (words){0};
}

ALWAYS_INLINE vector multiply_add(vector sum, words a, words b) {
#ifdef __AVX512BF16__
  return (vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
  sum = fused((vector)(a << 16), (vector)(b << 16), sum);
  return fused((vector)(a & 0xffff0000), (vector)(b & 0xffff0000), sum);
#endif
}

#else
typedef float value;

ALWAYS_INLINE vector load_values(const value *from, int count) {
  return load_some(from, count);
}

ALWAYS_INLINE void store_values(value *to, int count, vector v) {
  store_some(to, count, v);
}

enum { VALUES_IN_WORD = 1 };
typedef float word;
typedef vector words;

ALWAYS_INLINE words join(vector only, vector same) {
  (void)same;
  return only;
}
ALWAYS_INLINE words spread_word(word w) {
  return spread(w);
}
ALWAYS_INLINE vector multiply_add(vector sum, words a, words b) {
  return fused(a, b, sum);
}
#endif

typedef words loose_words __attribute__((aligned(4), may_alias));

ALWAYS_INLINE words load_words(const word *from) {
  return *(const loose_words *)from;
}
ALWAYS_INLINE void store_words(word *to, words w) {
  *(loose_words *)to = w;
}

/* Channels are taken LANES at a time; the last, incomplete vector is filled up with zeros. */
#define FOR_EACH_VECTOR(channels, c, count, ...)                                                             \
  do {                                                                                                       \
    int c = 0;                                                                                               \
    for (; c + LANES <= (channels); c += LANES) {                                                            \
      enum { count = LANES };                                                                                \
      __VA_ARGS__                                                                                            \
    }                                                                                                        \
    const int count = (channels)-c;                                                                          \
    if (count > 0) __VA_ARGS__                                                                               \
  } while (0)

#endif
