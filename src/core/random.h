/* Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a number depends only on (seed, stream,
 * name, step, element), never on what was drawn before or on the number of threads. Streams in use: "init"
 * (per parameter name), "split", "part", "noise", "order", "balance", "augment", "elastic", "erase", "mix", "prune", "dropout" (per layer name), "schedule",
 * "held-out", "near", "bootstrap" ("seeds", "images", "scores a", "scores b"). */
#ifndef MIXENT_CORE_RANDOM_H
#define MIXENT_CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct mixent_random {
  uint32_t key[2];
} mixent_random;

/* The generator of one stream; `name` tells parameters or layers apart and may be "". */
mixent_random mixent_random_stream(uint64_t seed, const char *stream, const char *name);

/* Four words of 32 random bits for (step, element). */
void mixent_random_block(const mixent_random *random, uint64_t step, uint64_t element, uint32_t out[4]);

/* Uniform in [0, 1), 24 bits. */
static inline float mixent_uniform_float(uint32_t word) {
  return (float)(word >> 8) * 0x1p-24f;
}

/* Uniform in [0, 1), 53 bits. */
static inline double mixent_uniform_double(uint32_t high, uint32_t low) {
  return (double)((((uint64_t)high << 32) | low) >> 11) * 0x1p-53;
}

/* Uniform in [low, high), 32 bits. */
static inline double mixent_uniform_between(uint32_t word, double low, double high) {
  return low + (high - low) * (word * 0x1p-32);
}

/* Uniform in 0 .. count - 1. */
static inline int mixent_uniform_below(uint32_t word, int count) {
  return (int)((uint64_t)word * (uint64_t)count >> 32);
}

/* out[i] = a permutation of 0..count-1 drawn for (random, step) (Fisher-Yates). */
void mixent_random_permutation(const mixent_random *random, uint64_t step, uint32_t *out, size_t count);

#endif
