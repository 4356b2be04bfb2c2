/* Arrays for the tests of the kernels: at any address that their values may have, with what lies around them watched;
 * numbers on a grid on which float computes exactly, and such that are not finite or barely there. */
#ifndef MIXENT_TESTS_KERNEL_ARRAYS_H
#define MIXENT_TESTS_KERNEL_ARRAYS_H

#include "core/memory.h"
#include "core/random.h"
#include "net/graph/layer.h"
#include "unit/kernel_tables.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A stream of numbers for one test. */
typedef struct numbers {
  mixent_random random;
  uint64_t next;
} numbers;

static inline numbers numbers_from(uint64_t seed) {
  return (numbers){mixent_random_stream(seed, "test", "kernels"), 0};
}

static inline int draw(numbers *numbers, int low, int high) {
  uint32_t words[4];
  mixent_random_block(&numbers->random, 0, numbers->next++, words);
  return low + (int)(words[0] % (uint32_t)(high - low + 1));
}

/* After an array; an address sanitizer watches for itself, and reads as well, if nothing is there. */
#ifdef __SANITIZE_ADDRESS__
enum { GUARD = 0 };
#else
enum { GUARD = 64 };
#endif
enum { MOST_SHIFT = 17, GUARD_BYTE = 0xa5 };

typedef struct array {
  mixent_typed_array values;
  size_t count, before; /* bytes in front */
  unsigned char *memory;
} array;

/* All bits of it set, which is NaN. */
static inline array make_array(mixent_data_type type, size_t count, numbers *numbers) {
  size_t size = mixent_data_type_size(type), before = (size_t)draw(numbers, 1, MOST_SHIFT) * size;
  array a = {.count = count, .before = before, .memory = malloc(before + count * size + GUARD)};
  assert_true(a.memory != NULL);
  memset(a.memory, GUARD_BYTE, before);
  memset(a.memory + before, 0xff, count * size);
  memset(a.memory + before + count * size, GUARD_BYTE, GUARD);
  a.values = (mixent_typed_array){a.memory + before, type};
  return a;
}

/* Nothing was written around it. */
static inline void free_array(array *a) {
  size_t after = a->before + a->count * mixent_data_type_size(a->values.type);
  for (size_t i = 0; i < a->before; i++) assert_int_equal(a->memory[i], GUARD_BYTE);
  for (size_t i = after; i < after + GUARD; i++) assert_int_equal(a->memory[i], GUARD_BYTE);
  free(a->memory);
}

/* What the numbers of an array look like. */
typedef enum kind {
  GRID,    /* multiples of 1/8 up to 4 in size, every number often: sums of products are exact */
  SPECIAL, /* the same, with infinities and NaN among them */
  TINY,    /* multiples of the smallest number of the type */
  REAL,    /* anything between -1 and 1 */
  KINDS
} kind;

static inline double draw_value(kind kind, mixent_data_type type, numbers *numbers) {
  int at = draw(numbers, -32, 32);
  if (kind == TINY) return ldexp(at, type == MIXENT_TYPE_BF16 ? -133 : -149);
  if (kind == REAL) return (double)draw(numbers, -1000000, 1000000) / 1000000;
  if (kind == SPECIAL && draw(numbers, 0, 15) == 0) {
    static const double special[] = {INFINITY, -INFINITY, NAN, -0.0};
    return special[draw(numbers, 0, 3)];
  }
  return (double)at / 8;
}

static inline array draw_array(kind kind, mixent_data_type type, size_t count, numbers *numbers) {
  array a = make_array(type, count, numbers);
  for (size_t i = 0; i < count; i++) mixent_put(a.values, i, draw_value(kind, type, numbers));
  return a;
}

/* Whether a kernel wrote what it should: the same number, rounded to the type, within `tolerance` of 1 and of its size.
 * AVX-512's own conversion to bfloat16 writes 0 for what is below the smallest normal number. */
static inline bool is_as_wanted(const mixent_kernels *kernels, mixent_typed_array got, size_t i,
                                double wanted, double tolerance) {
  uint64_t space;
  mixent_typed_array one = {&space, got.type};
  mixent_put(one, 0, wanted);
  double a = mixent_get(got, i), b = mixent_get(one, 0);
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
  if (a == b) return true;
  if (strcmp(kernels->name, "avx512-bf16") == 0 && fabs(b) < 0x1p-126) return a == 0;
  if (tolerance > 0 && got.type == MIXENT_TYPE_BF16) tolerance += 0x1p-7;
  return fabs(a - b) <= tolerance * (1 + fabs(b));
}

#endif
