/* Convolution of few input channels (images): one row of outputs at a time, from an image in float with its padding. */
#ifndef MIXENT_NET_KERNELS_NARROW_H
#define MIXENT_NET_KERNELS_NARROW_H

#include "net/kernels/kernels.h"
#include "net/kernels/vector.h"

enum { NARROW_PIXELS = 4, NARROW_TAPS = 9 };

/* One row of outputs, or of the gradient that goes through their ReLU. */
typedef struct narrow_row {
  const float *weights, *bias;
  bool relu;
  const value *dy; /* NULL: the outputs */
  value *out;
} narrow_row;

/* `pixels` neighbouring outputs of two vectors of channels each, or of one at the end. */
ALWAYS_INLINE void narrow_block(const mixent_narrow *shape, int pixels, int vectors, const float *image,
                                const narrow_row *row, int c, int first) {
  vector sums[NARROW_PIXELS][2], least = spread(row->relu ? 0 : -INFINITY);
  UNROLL for (int v = 0; v < vectors; v++) {
    vector start = row->bias ? load(row->bias + c + v * LANES) : (vector){0};
    UNROLL for (int p = 0; p < pixels; p++) sums[p][v] = start;
  }
  int line = shape->kernel * shape->inputs, step = shape->stride * shape->inputs;
  const float *w = row->weights + c;
  for (int y = 0; y < shape->kernel; y++, image += shape->pitch)
    for (int x = 0; x < line; x++, w += shape->filled) {
      UNROLL for (int p = 0; p < pixels; p++) {
        vector pixel = spread(image[p * step + x]);
        UNROLL for (int v = 0; v < vectors; v++) sums[p][v] = fused(pixel, load(w + v * LANES), sums[p][v]);
      }
    }
  UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int v = 0; v < vectors; v++) {
    int count = shape->outputs - c - v * LANES, at = (first + p) * shape->outputs + c + v * LANES;
    vector out = row->dy ? (vector)((bits)(sums[p][v] > 0) & (bits)load_values(row->dy + at, count))
                         : at_least(least, sums[p][v]);
    store_values(row->out + at, count, out);
  }
}

ALWAYS_INLINE void narrow_pixels(const mixent_narrow *shape, int pixels, const float *image,
                                 const narrow_row *row, int first) {
  int c = 0;
  for (; c + LANES < shape->outputs; c += 2 * LANES) narrow_block(shape, pixels, 2, image, row, c, first);
  if (c < shape->outputs) narrow_block(shape, pixels, 1, image, row, c, first);
}

ALWAYS_INLINE void narrow_outputs(const mixent_narrow *shape, const float *image, const narrow_row *row) {
  int p = 0, step = shape->stride * shape->inputs;
  for (; p + NARROW_PIXELS <= shape->width; p += NARROW_PIXELS)
    narrow_pixels(shape, NARROW_PIXELS, image + p * step, row, p);
  for (; p < shape->width; p++) narrow_pixels(shape, 1, image + p * step, row, p);
}

static void narrow_forward(const mixent_narrow *shape, const float *image, const float *weights,
                           const float *bias, bool relu, void *out) {
  narrow_outputs(shape, image, &(narrow_row){weights, bias, relu, NULL, out});
}

static void narrow_through_relu(const mixent_narrow *shape, const float *image, const float *weights,
                                const float *bias, const void *dy, void *g) {
  narrow_outputs(shape, image, &(narrow_row){weights, bias, true, dy, g});
}

/* The sums of `taps` neighbours in a line of the image with one vector of gradients. */
ALWAYS_INLINE void narrow_taps(const mixent_narrow *shape, int taps, const float *image,
                               const value *gradient, int c, int count, float *sums) {
  vector sum[NARROW_TAPS];
  int step = shape->stride * shape->inputs;
  UNROLL for (int t = 0; t < taps; t++) sum[t] = load(sums + t * shape->filled);
  for (int p = 0; p < shape->width; p++, image += step) {
    vector g = load_values(gradient + p * shape->outputs + c, count);
    UNROLL for (int t = 0; t < taps; t++) sum[t] = fused(spread(image[t]), g, sum[t]);
  }
  UNROLL for (int t = 0; t < taps; t++) store(sums + t * shape->filled, sum[t]);
}

static void narrow_weights(const mixent_narrow *shape, const float *image, const void *from, float *sums,
                           float *bias_sums) {
  const value *gradient = from;
  int line = shape->kernel * shape->inputs;
  FOR_EACH_VECTOR(shape->outputs, c, count, {
    vector sum = load(bias_sums + c);
    for (int p = 0; p < shape->width; p++) sum += load_values(gradient + p * shape->outputs + c, count);
    store(bias_sums + c, sum);
    float *to = sums + c;
    for (int y = 0; y < shape->kernel; y++) {
      const float *pixels = image + (size_t)y * shape->pitch;
      int x = 0;
      for (; x + NARROW_TAPS <= line; x += NARROW_TAPS, to += NARROW_TAPS * shape->filled)
        narrow_taps(shape, NARROW_TAPS, pixels + x, gradient, c, count, to);
      for (; x + 3 <= line; x += 3, to += 3 * shape->filled)
        narrow_taps(shape, 3, pixels + x, gradient, c, count, to);
      for (; x < line; x++, to += shape->filled) narrow_taps(shape, 1, pixels + x, gradient, c, count, to);
    }
  });
}

static void narrow_moments(const mixent_narrow *shape, const float *image, float *window, float *sums) {
  int line = shape->kernel * shape->inputs, taps = shape->kernel * line;
  int across = (int)mixent_narrow_across((size_t)taps, LANES);
  memset(window, 0, (size_t)across * sizeof *window);
  window[taps] = 1;
  for (int p = 0; p < shape->width; p++, image += shape->stride * shape->inputs) {
    for (int y = 0; y < shape->kernel; y++)
      for (int x = 0; x < line; x++) window[y * line + x] = image[(size_t)y * shape->pitch + (size_t)x];
    for (int c = 0; c < across; c += LANES) {
      vector numbers = load(window + c);
      for (int t = 0; t <= taps; t++) {
        float *sum = sums + t * across + c;
        store(sum, fused(spread(window[t]), numbers, load(sum)));
      }
    }
  }
}

static const mixent_narrow_kernels narrow = {.forward = narrow_forward,
                                             .weights = narrow_weights,
                                             .through_relu = narrow_through_relu,
                                             .moments = narrow_moments};

#endif
