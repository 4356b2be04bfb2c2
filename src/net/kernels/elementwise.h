/* ReLU, its gradient and sums over neighbouring elements; outputs may be one of the inputs. */
#ifndef MIXENT_NET_KERNELS_ELEMENTWISE_H
#define MIXENT_NET_KERNELS_ELEMENTWISE_H

#include "net/kernels/kernels.h"
#include "net/kernels/vector.h"

/* Elements of the vector at `i`: whole vectors, the last may be incomplete. */
ALWAYS_INLINE int lanes_at(size_t i, size_t count) {
  return count - i < LANES ? (int)(count - i) : LANES;
}

static void relu_values(size_t count, const void *from, void *to) {
  const value *x = from;
  value *y = to;
  for (size_t i = 0; i < count; i += LANES) {
    int lanes = lanes_at(i, count);
    store_values(y + i, lanes, at_least((vector){0}, load_values(x + i, lanes)));
  }
}

static void relu_gradients(size_t count, const void *after, const void *gradient, void *to) {
  const value *y = after, *dy = gradient;
  value *dx = to;
  for (size_t i = 0; i < count; i += LANES) {
    int lanes = lanes_at(i, count);
    bits open = (bits)(load_values(y + i, lanes) > 0);
    store_values(dx + i, lanes, (vector)(open & (bits)load_values(dy + i, lanes)));
  }
}

static void add_values(size_t count, const void *first, const void *second, void *to) {
  const value *a = first, *b = second;
  value *out = to;
  for (size_t i = 0; i < count; i += LANES) {
    int lanes = lanes_at(i, count);
    store_values(out + i, lanes, load_values(a + i, lanes) + load_values(b + i, lanes));
  }
}

static const mixent_elementwise_kernels elementwise = {
    .relu = relu_values, .relu_gradient = relu_gradients, .add = add_values};

#endif
