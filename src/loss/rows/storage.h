/* Rows in memory: loading and storing vectors of `real` from elements of the type that MIXENT_STORED_* names
 * (float32, float64, bfloat16 or float16). */
#ifndef MIXENT_LOSS_ROWS_STORAGE_H
#define MIXENT_LOSS_ROWS_STORAGE_H

#include "loss/rows/vector.h"

#if defined MIXENT_STORED_BFLOAT16 || defined MIXENT_STORED_FLOAT16
typedef uint16_t stored;
typedef uint16_t stored_vector __attribute__((vector_size(2 * LANES)));
typedef uint32_t bits __attribute__((vector_size(MIXENT_VECTOR_BYTES)));
#else
typedef real stored;
typedef vector stored_vector;
#endif

#if defined MIXENT_STORED_BFLOAT16
static inline vector unpack(stored_vector v) {
  return (vector)(__builtin_convertvector(v, bits) << 16);
}

/* To nearest even; NaN stays NaN. */
static inline stored_vector pack(vector v) {
  bits b = (bits)v, rounded = b + 0x7fff + ((b >> 16) & 1);
  mask is_nan = (mask)(b & 0x7fffffff) > 0x7f800000;
  rounded = (bits)choose(is_nan, (vector)(b | 0x400000), (vector)rounded);
  return __builtin_convertvector(rounded >> 16, stored_vector);
}
#elif defined MIXENT_STORED_FLOAT16
static inline vector unpack(stored_vector v) {
  bits b = __builtin_convertvector(v, bits), sign = (b & 0x8000) << 16, rest = (b & 0x7fff) << 13;
  bits special =
      (bits)((mask)rest >= (0x7c00 << 13)) & 0x7f800000; /* infinity and NaN keep the largest exponent */
  vector size = (vector)rest * 0x1p112f;                 /* from one bias of the exponent to the other */
  return (vector)((bits)size | sign | special);
}

/* To nearest even; what is too large becomes infinity, NaN stays NaN. */
static inline stored_vector pack(vector v) {
  bits b = (bits)v, sign = b >> 16 & 0x8000, size = b & 0x7fffffff;
  bits normal = (size - (112u << 23) + 0xfff + ((size >> 13) & 1)) >> 13;
  bits subnormal = (bits)((vector)size + 0.5f) - 0x3f000000; /* the addition rounds to units of 2^-24 */
  mask s = (mask)size;
  bits result = (bits)choose(s < 0x38800000, (vector)subnormal, (vector)normal);
  result = (bits)choose(s >= 0x477ff000, (vector)(0x7c00 + (bits){0}), (vector)result);
  result = (bits)choose(s > 0x7f800000, (vector)(0x7e00 + (bits){0}), (vector)result);
  return __builtin_convertvector(result | sign, stored_vector);
}
#else
static inline vector unpack(stored_vector v) {
  return v;
}
static inline stored_vector pack(vector v) {
  return v;
}
#endif

static inline vector load(const stored *from) {
  stored_vector v;
  memcpy(&v, from, sizeof v);
  return unpack(v);
}

static inline void store(stored *to, vector v) {
  stored_vector packed = pack(v);
  memcpy(to, &packed, sizeof packed);
}

/* The first `count` lanes, from 0 to LANES; `rest` in the others. */
static inline vector load_some(const stored *from, size_t count, real rest) {
#if defined __AVX512F__ && defined MIXENT_STORED_FLOAT32
  return (vector)_mm512_mask_loadu_ps((__m512)spread(rest), (__mmask16)((1u << count) - 1), from);
#elif defined __AVX2__ && !defined __AVX512F__ && defined MIXENT_STORED_FLOAT32
  mask first = first_lanes(count);
  return choose(first, (vector)_mm256_maskload_ps(from, (__m256i)first), spread(rest));
#else
  stored part[LANES] = {0};
  memcpy(part, from, count * sizeof *from);
  return choose(first_lanes(count), load(part), spread(rest));
#endif
}

static inline void store_some(stored *to, size_t count, vector v) {
#if defined __AVX512F__ && defined MIXENT_STORED_FLOAT32
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)v);
#elif defined __AVX2__ && !defined __AVX512F__ && defined MIXENT_STORED_FLOAT32
  _mm256_maskstore_ps(to, (__m256i)first_lanes(count), (__m256)v);
#else
  stored_vector packed = pack(v);
  memcpy(to, &packed, count * sizeof *to);
#endif
}

/* Past the caches, for results that are larger than they; `to` is aligned to the vector as stored. */
static inline void store_stream(stored *to, vector v) {
  stored_vector packed = pack(v);
#if defined __AVX512F__ && (defined MIXENT_STORED_BFLOAT16 || defined MIXENT_STORED_FLOAT16)
  _mm256_stream_si256((__m256i *)to, (__m256i)packed);
#elif defined __AVX512F__
  _mm512_stream_si512((__m512i *)to, (__m512i)packed);
#elif defined __AVX2__ && (defined MIXENT_STORED_BFLOAT16 || defined MIXENT_STORED_FLOAT16)
  _mm_stream_si128((__m128i *)to, (__m128i)packed);
#elif defined __AVX2__
  _mm256_stream_si256((__m256i *)to, (__m256i)packed);
#else
  memcpy(to, &packed, sizeof packed);
#endif
}

static inline void finish_stream(void) {
#if defined __AVX2__
  _mm_sfence();
#endif
}

#endif
