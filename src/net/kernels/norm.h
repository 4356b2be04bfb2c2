/* Batch norm with the ReLU and the 2x2 maximum after it, over rows of pixels. Backward computes the values between
 * again instead of keeping them. */
#ifndef MIXENT_NET_KERNELS_NORM_H
#define MIXENT_NET_KERNELS_NORM_H

#include "net/kernels/kernels.h"
#include "net/kernels/vector.h"

ALWAYS_INLINE void add_to(float *sums, vector v) {
  store(sums, load(sums) + v);
}

/* Of `vectors` neighbouring vectors of channels, whose sums do not wait for one another. A sum of many large values keeps
 * few digits: distances from the first are added up, and what that leaves between the mean and the values is taken
 * out of both (Chan, Golub and LeVeque's corrected two-pass algorithm). */
ALWAYS_INLINE void statistics_of(int vectors, int channels, int count, size_t pixels, const value *x,
                                 float *mean, float *squares) {
  const vector share = spread(1 / (float)pixels);
  vector first[4] = {0}, sum[4] = {0}, left[4] = {0}, square[4] = {0};
  UNROLL for (int v = 0; v < vectors; v++) first[v] = load_values(x + v * LANES, count);
  for (size_t p = 0; p < pixels; p++, x += channels) {
    UNROLL for (int v = 0; v < vectors; v++) sum[v] += load_values(x + v * LANES, count) - first[v];
  }
  UNROLL for (int v = 0; v < vectors; v++) sum[v] = fused(sum[v], share, first[v]);
  x -= pixels * (size_t)channels;
  for (size_t p = 0; p < pixels; p++, x += channels) {
    UNROLL for (int v = 0; v < vectors; v++) {
      vector d = load_values(x + v * LANES, count) - sum[v];
      left[v] += d;
      square[v] = fused(d, d, square[v]);
    }
  }
  UNROLL for (int v = 0; v < vectors; v++) {
    store(mean + v * LANES, fused(left[v], share, sum[v]));
    store(squares + v * LANES, at_least((vector){0}, square[v] - left[v] * left[v] * share));
  }
}

static void norm_statistics(int channels, size_t pixels, const void *from, float *mean, float *squares) {
  const value *x = from;
  int c = 0;
  for (; c + 4 * LANES <= channels; c += 4 * LANES)
    statistics_of(4, channels, LANES, pixels, x + c, mean + c, squares + c);
  for (; c + LANES <= channels; c += LANES)
    statistics_of(1, channels, LANES, pixels, x + c, mean + c, squares + c);
  if (c < channels) statistics_of(1, channels, channels - c, pixels, x + c, mean + c, squares + c);
}

/* The line's value, and the least that comes out. */
ALWAYS_INLINE vector line_at(const mixent_norm_line *line, int c, vector distance) {
  return fused(load(line->scale + c), distance, load(line->shift + c));
}

ALWAYS_INLINE vector least_of(const mixent_norm_line *line) {
  return spread(line->relu ? 0 : -INFINITY);
}

static void norm_apply(const mixent_norm_line *line, size_t pixels, const void *from, void *to) {
  const value *x = from;
  value *y = to;
  const vector least = least_of(line);
  for (size_t p = 0; p < pixels; p++, x += line->channels, y += line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      vector v = line_at(line, c, load_values(x + c, count) - load(line->mean + c));
      store_values(y + c, count, at_least(least, v));
    });
}

/* A window's four distances from the mean, row by row. */
ALWAYS_INLINE void load_window(const mixent_norm_line *line, const value *x, const value *below, int c,
                               int count, vector distances[4]) {
  vector mean = load(line->mean + c);
  distances[0] = load_values(x + c, count) - mean;
  distances[1] = load_values(x + line->channels + c, count) - mean;
  distances[2] = load_values(below + c, count) - mean;
  distances[3] = load_values(below + line->channels + c, count) - mean;
}

/* Lanes in which v comes after `best` as the maximum: the first of equals stays, a NaN wins. */
ALWAYS_INLINE bits beats(vector v, vector best) {
  return (bits)(v > best) | (bits)(v != v); // NOLINT(misc-redundant-expression)
}

static void norm_apply_pool(const mixent_norm_line *line, size_t pixels, const void *from,
                            const void *from_below, void *to) {
  const value *x = from, *below = from_below;
  value *y = to;
  const vector least = least_of(line);
  const int window = 2 * line->channels;
  for (size_t p = 0; p < pixels; p++, x += window, below += window, y += line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      vector distances[4];
      load_window(line, x, below, c, count, distances);
      vector best = line_at(line, c, distances[0]);
      UNROLL for (int i = 1; i < 4; i++) {
        vector v = line_at(line, c, distances[i]);
        best = pick(beats(v, best), v, best);
      }
      store_values(y + c, count, at_least(least, best));
    });
}

/* Lanes in which the gradient of what the ReLU made of v is that of v: where it is above 0, or where there is no ReLU. */
ALWAYS_INLINE bits passes(const mixent_norm_line *line, vector v) {
  return (bits)(v > (vector){0}) | ((bits){0} - !line->relu);
}

ALWAYS_INLINE vector through_relu(const mixent_norm_line *line, int c, vector distance, vector dy) {
  return (vector)(passes(line, line_at(line, c, distance)) & (bits)dy);
}

/* Into which of a window's four the gradient goes: a share for each. */
ALWAYS_INLINE void through_window(const mixent_norm_line *line, int c, const vector distances[4], vector dy,
                                  vector shares[4]) {
  bits taken[4] = {~(bits){0}};
  vector best = line_at(line, c, distances[0]);
  UNROLL for (int i = 1; i < 4; i++) {
    vector v = line_at(line, c, distances[i]);
    taken[i] = beats(v, best);
    best = pick(taken[i], v, best);
  }
  bits open = passes(line, best); /* that no later one has taken */
  for (int i = 3; i >= 0; i--) {
    shares[i] = (vector)(open & taken[i] & (bits)dy);
    open &= ~taken[i];
  }
}

static void norm_sums(const mixent_norm_line *line, size_t pixels, const void *from, const void *gradient,
                      float *const sums[2]) {
  const value *x = from, *dy = gradient;
  for (size_t p = 0; p < pixels; p++, x += line->channels, dy += line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      vector distance = load_values(x + c, count) - load(line->mean + c);
      vector g = through_relu(line, c, distance, load_values(dy + c, count));
      add_to(sums[0] + c, g);
      add_to(sums[1] + c, g * distance);
    });
}

static void norm_sums_pool(const mixent_norm_line *line, size_t pixels, const void *from,
                           const void *from_below, const void *gradient, float *const sums[2]) {
  const value *x = from, *below = from_below, *dy = gradient;
  const int window = 2 * line->channels;
  for (size_t p = 0; p < pixels; p++, x += window, below += window, dy += line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      vector distances[4], shares[4], sum = {0}, product = {0};
      load_window(line, x, below, c, count, distances);
      through_window(line, c, distances, load_values(dy + c, count), shares);
      UNROLL for (int i = 0; i < 4; i++) {
        sum += shares[i];
        product = fused(shares[i], distances[i], product);
      }
      add_to(sums[0] + c, sum);
      add_to(sums[1] + c, product);
    });
}

static void norm_apply_add(const mixent_norm_line *line, size_t pixels, const void *from, const void *other,
                           void *to) {
  const value *x = from, *skip = other;
  value *y = to;
  for (size_t p = 0; p < pixels; p++, x += line->channels, skip += line->channels, y += line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      vector v = line_at(line, c, load_values(x + c, count) - load(line->mean + c));
      store_values(y + c, count, at_least((vector){0}, v + load_values(skip + c, count)));
    });
}

ALWAYS_INLINE void sums_of_paths(const mixent_norm_line *line, size_t pixels, const value *x, const value *y,
                                 const value *dy, const value *more, value *out, float *const sums[2]) {
  for (size_t p = 0, at = 0; p < pixels; p++, at += (size_t)line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      size_t i = at + (size_t)c;
      vector gradient = load_values(dy + i, count);
      if (more) gradient += load_values(more + i, count);
      vector g = (vector)((bits)(load_values(y + i, count) > (vector){0}) & (bits)gradient);
      store_values(out + i, count, g);
      add_to(sums[0] + c, g);
      add_to(sums[1] + c, g * (load_values(x + i, count) - load(line->mean + c)));
    });
}

static void norm_sums_add(const mixent_norm_line *line, size_t pixels, const void *x, const void *y,
                          const void *dy, const void *more, void *g, float *const sums[2]) {
  if (more)
    sums_of_paths(line, pixels, x, y, dy, more, g, sums);
  else
    sums_of_paths(line, pixels, x, y, dy, NULL, g, sums);
}

ALWAYS_INLINE vector gradient_at(const mixent_norm_line *line, const float *slope, const float *offset, int c,
                                 vector g, vector distance) {
  return fused(load(line->scale + c), g, fused(load(slope + c), distance, load(offset + c)));
}

static void norm_gradient(const mixent_norm_line *line, const float *slope, const float *offset,
                          size_t pixels, const void *from, const void *gradient, void *to) {
  const value *x = from, *dy = gradient;
  value *dx = to;
  for (size_t p = 0; p < pixels; p++, x += line->channels, dy += line->channels, dx += line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      vector distance = load_values(x + c, count) - load(line->mean + c);
      vector g = through_relu(line, c, distance, load_values(dy + c, count));
      store_values(dx + c, count, gradient_at(line, slope, offset, c, g, distance));
    });
}

static void norm_gradient_pool(const mixent_norm_line *line, const float *slope, const float *offset,
                               size_t pixels, const void *from, const void *from_below, const void *gradient,
                               void *to, void *to_below) {
  const value *x = from, *below = from_below, *dy = gradient;
  value *dx = to, *dx_below = to_below;
  const int channels = line->channels, window = 2 * channels;
  for (size_t p = 0; p < pixels;
       p++, x += window, below += window, dy += channels, dx += window, dx_below += window)
    FOR_EACH_VECTOR(channels, c, count, {
      vector distances[4], shares[4];
      load_window(line, x, below, c, count, distances);
      through_window(line, c, distances, load_values(dy + c, count), shares);
      value *const out[] = {dx, dx + channels, dx_below, dx_below + channels};
      UNROLL for (int i = 0; i < 4; i++)
          store_values(out[i] + c, count, gradient_at(line, slope, offset, c, shares[i], distances[i]));
    });
}

static void norm_gradient_outside(const mixent_norm_line *line, const float *slope, const float *offset,
                                  size_t pixels, const void *from, void *to) {
  const value *x = from;
  value *dx = to;
  for (size_t p = 0; p < pixels; p++, x += line->channels, dx += line->channels)
    FOR_EACH_VECTOR(line->channels, c, count, {
      vector distance = load_values(x + c, count) - load(line->mean + c);
      store_values(dx + c, count, gradient_at(line, slope, offset, c, (vector){0}, distance));
    });
}

static const mixent_norm_kernels norm = {.statistics = norm_statistics,
                                         .apply = norm_apply,
                                         .apply_pool = norm_apply_pool,
                                         .apply_add = norm_apply_add,
                                         .sums = norm_sums,
                                         .sums_pool = norm_sums_pool,
                                         .sums_add = norm_sums_add,
                                         .gradient = norm_gradient,
                                         .gradient_pool = norm_gradient_pool,
                                         .gradient_outside = norm_gradient_outside};

#endif
