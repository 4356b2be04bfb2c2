/* Random networks that use every kind of layer, numbers to fill arrays with, and how far two arrays are
 * apart. Include after cmocka.h. */
#ifndef MIXENT_TESTS_RANDOM_NETWORK_H
#define MIXENT_TESTS_RANDOM_NETWORK_H

#include "core/memory.h"
#include "core/random.h"
#include <math.h>
#include <stdlib.h>

static inline uint32_t draw(uint64_t seed, uint64_t element, uint32_t below) {
  mixent_random random = mixent_random_stream(seed, "test", "");
  uint32_t words[4];
  mixent_random_block(&random, 0, element, words);
  return words[0] % below;
}

static inline void fill(float *out, size_t count, uint64_t seed) {
  mixent_random random = mixent_random_stream(seed, "fill", "");
  for (size_t i = 0; i < count; i++) {
    uint32_t words[4];
    mixent_random_block(&random, 0, i, words);
    out[i] = 2 * mixent_uniform_float(words[0]) - 1;
  }
}

/* A random network that uses every kind of layer; `seed` chooses sizes. */
static inline char *describe(uint64_t seed) {
  static const int widths[] = {3, 8, 16, 20, 32, 33};
  int a = widths[draw(seed, 1, 6)], b = 2 * widths[draw(seed, 2, 6)], kernel = 1 + 2 * (int)draw(seed, 3, 3);
  int stride = 1 + (int)draw(seed, 4, 2), hidden = widths[draw(seed, 5, 6)];
  mixent_text text = {0};
  mixent_text_append(&text, "name: random\nlayers:\n");
  mixent_text_append(
      &text, "  - conv2d: {name: c1, channels: %d, kernel: %d, padding: %d, stride: %d, bias: %s}\n", a,
      kernel, (int)draw(seed, 6, (uint32_t)kernel), stride, draw(seed, 7, 2) ? "true" : "false");
  mixent_text_append(&text, "  - batch_norm: {name: n1}\n  - relu: {name: r1}\n");
  mixent_text_append(&text, "  - conv2d: {name: c2, channels: %d, kernel: 3, padding: 1}\n", a + b);
  mixent_text_append(
      &text, "  - batch_norm: {name: n2}\n  - add: {name: a1, from: [n2, r1]}\n  - relu: {name: r2}\n");
  mixent_text_append(&text,
                     "  - max_pool: {name: p1, size: 2}\n  - max_pool: {name: p2, size: 1, stride: 2}\n");
  mixent_text_append(
      &text, "  - conv2d: {name: c3, channels: %d, kernel: 3, padding: 1}\n  - gelu: {name: e1}\n", b);
  mixent_text_append(&text, "  - global_pool: {name: g}\n  - flatten: {name: f}\n");
  mixent_text_append(&text, "  - split: {name: s1, from: f, begin: 0, end: %d}\n", (b + 1) / 2);
  mixent_text_append(&text, "  - split: {name: s2, from: f, begin: %d, end: %d}\n", b / 3, b);
  mixent_text_append(&text, "  - concat: {name: k, from: [s1, s2, f]}\n  - dropout: {name: d, rate: 0.3}\n");
  mixent_text_append(&text, "  - linear: {name: l1, features: %d}\n  - batch_norm: {name: n3}\n  - silu:\n",
                     hidden);
  mixent_text_append(&text, "  - linear: {name: l2, features: classes}\n");
  assert_int_equal(mixent_text_status(&text), MIXENT_OK);
  return text.data;
}

/* max |a - b| over max |b| */
static inline double difference(const float *a, const float *b, size_t count) {
  double worst = 0, scale = 1e-30;
  for (size_t i = 0; i < count; i++) {
    if (!(fabs(b[i]) <= scale)) scale = fabs(b[i]);
    if (!(fabs((double)a[i] - b[i]) <= worst)) worst = fabs((double)a[i] - b[i]);
  }
  return worst / scale;
}

#endif
