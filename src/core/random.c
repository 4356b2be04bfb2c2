/* Philox4x32-10, keyed by seed, stream and name. */
#include "core/random.h"

__extension__ typedef unsigned __int128 wide;

/* FNV-1a, continued from `hash`; a zero byte ends each part so that ("ab", "c") and ("a", "bc") differ. */
static uint64_t hash_text(uint64_t hash, const char *text) {
  do hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
  while (*text++);
  return hash;
}

/* The finaliser of splitmix64: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

mixent_random mixent_random_stream(uint64_t seed, const char *stream, const char *name) {
  uint64_t key =
      mix(mix(seed + 0x9e3779b97f4a7c15u) ^ hash_text(hash_text(0xcbf29ce484222325u, stream), name));
  return (mixent_random){{(uint32_t)key, (uint32_t)(key >> 32)}};
}

/* A round multiplies two words of the counter by constants, and mixes the halves of both products with the other words and the key; the
 * key then moves on by odd constants, of the golden ratio and of the root of 3 (Salmon et al. 2011, SC11, section 3.3). */
void mixent_random_block(const mixent_random *random, uint64_t step, uint64_t element, uint32_t out[4]) {
  enum { ROUNDS = 10 };
  uint32_t x0 = (uint32_t)element, x1 = (uint32_t)(element >> 32), x2 = (uint32_t)step,
           x3 = (uint32_t)(step >> 32), key0 = random->key[0], key1 = random->key[1];
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t first = 0xd2511f53ull * x0, second = 0xcd9e8d57ull * x2;
    x0 = (uint32_t)(second >> 32) ^ x1 ^ key0;
    x2 = (uint32_t)(first >> 32) ^ x3 ^ key1;
    x1 = (uint32_t)second;
    x3 = (uint32_t)first;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

void mixent_random_permutation(const mixent_random *random, uint64_t step, uint32_t *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (uint32_t)i;
  for (size_t i = count; i > 1; i--) {
    uint32_t word[4];
    mixent_random_block(random, step, i, word);
    /* 64 bits times i, shifted down: the bias is under 2^-32 */
    size_t j = (size_t)(((wide)(((uint64_t)word[0] << 32) | word[1]) * i) >> 64);
    uint32_t swap = out[i - 1];
    out[i - 1] = out[j];
    out[j] = swap;
  }
}
