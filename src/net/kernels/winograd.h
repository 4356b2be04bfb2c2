/* Winograd's transforms of one tile and the products of one point. */
#ifndef MIXENT_NET_KERNELS_WINOGRAD_H
#define MIXENT_NET_KERNELS_WINOGRAD_H

#include "net/kernels/kernels.h"
#include "net/kernels/transform.h"
#include "net/kernels/transpose.h"

/* A block of products keeps ROWS x PANEL sums in registers. */
#ifdef __AVX512F__
enum { ROWS = 8 };
#else
enum { ROWS = 6 };
#endif
enum { VECTORS = 2, PANEL = VECTORS * LANES };

/* d: height x width pixels of one vector of channels -> B^T d, the transform along columns. */
ALWAYS_INLINE void data_columns(const points *high, const points *wide, const value *const *pixels, int c,
                                int count, vector *columns) {
  const int height = points_count(high), width = points_count(wide);
  vector in[MOST_POINTS];
  for (int j = 0; j < width; j++) {
    UNROLL for (int i = 0; i < height; i++) in[i] = load_values(pixels[i * width + j] + c, count);
    transform_data(high, in, 1, columns + j, width);
  }
}

ALWAYS_INLINE void data_tile(const points *high, const points *wide, int channels, const value *const *pixels,
                             value *out, size_t point) {
  const int height = points_count(high), width = points_count(wide);
  vector columns[MOST_POINTS * MOST_POINTS], across[MOST_POINTS];
  FOR_EACH_VECTOR(channels, c, count, {
    data_columns(high, wide, pixels, c, count, columns);
    for (int i = 0; i < height; i++) {
      transform_data(wide, columns + i * width, 1, across, 1);
      UNROLL for (int j = 0; j < width; j++)
          store_values(out + (size_t)(i * width + j) * point + c, LANES, across[j]);
    }
  });
}

/* The tiles that share words, whose points are joined in registers. */
ALWAYS_INLINE void data_word_tiles(const points *high, const points *wide, int channels,
                                   const value *const *pixels, word *out, size_t point) {
  const int height = points_count(high), width = points_count(wide);
  vector columns[VALUES_IN_WORD][MOST_POINTS * MOST_POINTS], across[VALUES_IN_WORD][MOST_POINTS];
  FOR_EACH_VECTOR(channels, c, count, {
    for (int t = 0; t < VALUES_IN_WORD; t++)
      data_columns(high, wide, pixels + t * height * width, c, count, columns[t]);
    for (int i = 0; i < height; i++) {
      for (int t = 0; t < VALUES_IN_WORD; t++) transform_data(wide, columns[t] + i * width, 1, across[t], 1);
      UNROLL for (int j = 0; j < width; j++) store_words(out + (size_t)(i * width + j) * point + c,
                                                         join(across[0][j], across[VALUES_IN_WORD - 1][j]));
    }
  });
}

/* Channel c of a panelled array. */
ALWAYS_INLINE size_t in_panel(int c, size_t panel) {
  return (size_t)(c / PANEL) * panel + (size_t)(c % PANEL);
}

/* The gradient of a tile's outputs -> A dy, along columns; adds the outputs to `sum`. */
ALWAYS_INLINE vector gradient_columns(const points *high, const points *wide, const value *const *pixels,
                                      int c, int count, vector sum, vector *columns) {
  vector in[MOST_OUTPUTS];
  for (int j = 0; j < wide->outputs; j++) {
    UNROLL for (int i = 0; i < high->outputs; i++) {
      in[i] = load_values(pixels[i * wide->outputs + j] + c, count);
      sum += in[i];
    }
    transform_gradient(high, in, 1, columns + j, points_count(wide));
  }
  return sum;
}

ALWAYS_INLINE void gradient_tiles(const points *high, const points *wide, int channels,
                                  const value *const *pixels, word *out, mixent_winograd_planes planes,
                                  float *sums) {
  const int height = points_count(high), width = points_count(wide), tile = high->outputs * wide->outputs;
  vector columns[VALUES_IN_WORD][MOST_POINTS * MOST_POINTS], across[VALUES_IN_WORD][MOST_POINTS];
  FOR_EACH_VECTOR(channels, c, count, {
    vector sum = load(sums + c);
    for (int t = 0; t < VALUES_IN_WORD; t++)
      sum = gradient_columns(high, wide, pixels + t * tile, c, count, sum, columns[t]);
    store(sums + c, sum);
    word *to = out + in_panel(c, planes.panel);
    for (int i = 0; i < height; i++) {
      for (int t = 0; t < VALUES_IN_WORD; t++)
        transform_gradient(wide, columns[t] + i * width, 1, across[t], 1);
      UNROLL for (int j = 0; j < width; j++) store_words(to + (size_t)(i * width + j) * planes.point,
                                                         join(across[0][j], across[VALUES_IN_WORD - 1][j]));
    }
  });
}

ALWAYS_INLINE void output_vector(const points *high, const points *wide, const float *products, size_t point,
                                 vector bias, vector least, int c, int count, value *const *pixels) {
  const int height = points_count(high), width = points_count(wide);
  vector columns[MOST_OUTPUTS * MOST_POINTS], in[MOST_POINTS], across[MOST_OUTPUTS];
  for (int j = 0; j < width; j++) {
    UNROLL for (int i = 0; i < height; i++) in[i] = load(products + (size_t)(i * width + j) * point);
    transform_outputs(high, in, 1, columns + j, width);
  }
  for (int i = 0; i < high->outputs; i++) {
    transform_outputs(wide, columns + i * width, 1, across, 1);
    UNROLL for (int j = 0; j < wide->outputs; j++)
        store_values(pixels[i * wide->outputs + j] + c, count, at_least(least, across[j] + bias));
  }
}

ALWAYS_INLINE void output_tile(const points *high, const points *wide, int channels, const float *products,
                               mixent_winograd_planes planes, const float *bias, bool relu,
                               value *const *pixels) {
  const vector least = spread(relu ? 0 : -INFINITY);
  FOR_EACH_VECTOR(channels, c, count, {
    vector add = {0};
    if (bias) memcpy(&add, bias + c, (size_t)count * sizeof *bias);
    output_vector(high, wide, products + in_panel(c, planes.panel), planes.point, add, least, c, count,
                  pixels);
  });
}

enum { TAPS = 9 };

/* The nine taps of `rows` output channels, in memory one after the other, to one vector for each tap: squares are transposed. */
ALWAYS_INLINE void load_taps(const float *from, size_t out_stride, int rows, vector taps[TAPS]) {
  for (int t = 0; t < TAPS; t += LANES) {
    vector square[LANES];
    const int count = TAPS - t < LANES ? TAPS - t : LANES;
    UNROLL for (int l = 0; l < LANES; l++) square[l] =
        l < rows ? load_some(from + (size_t)l * out_stride + t, count) : (vector){0};
    transpose(square);
    UNROLL for (int i = 0; i < count; i++) taps[t + i] = square[i];
  }
}

/* And back; added to what is there? */
ALWAYS_INLINE void store_taps(float *to, size_t out_stride, int rows, bool add, const vector taps[TAPS]) {
  for (int t = 0; t < TAPS; t += LANES) {
    vector square[LANES];
    const int count = TAPS - t < LANES ? TAPS - t : LANES;
    UNROLL for (int i = 0; i < LANES; i++) square[i] = i < count ? taps[t + i] : (vector){0};
    transpose(square);
    for (int l = 0; l < LANES && l < rows; l++) {
      float *row = to + (size_t)l * out_stride + t;
      store_some(row, count, add ? load_some(row, count) + square[l] : square[l]);
    }
  }
}

ALWAYS_INLINE void filter_vector(const points *high, const points *wide, const mixent_winograd_filter *filter,
                                 const float *taps, int out, int in, vector *points) {
  const int height = points_count(high), width = points_count(wide);
  vector columns[3 * MOST_POINTS], all[TAPS], g[3];
  if (in >= filter->ins || out >= filter->outs) {
    memset(points, 0, (size_t)(height * width) * sizeof *points);
    return;
  }
  const float *from = taps + (size_t)out * filter->out_stride + (size_t)in * filter->in_stride;
  if (out + LANES <= filter->outs)
    load_taps(from, filter->out_stride, LANES, all);
  else
    load_taps(from, filter->out_stride, filter->outs - out, all);
  for (int j = 0; j < 3; j++) {
    UNROLL for (int i = 0; i < 3; i++) g[i] = all[filter->turned ? TAPS - 1 - (3 * i + j) : 3 * i + j];
    transform_filter(high, g, 1, columns + j, 3);
  }
  for (int i = 0; i < height; i++) transform_filter(wide, columns + 3 * i, 1, points + i * width, 1);
}

ALWAYS_INLINE void filter_tile(const points *high, const points *wide, const mixent_winograd_filter *filter,
                               const float *taps, int begin, int end, void *out,
                               mixent_winograd_planes planes) {
  const int count = points_count(high) * points_count(wide);
  vector parts[VALUES_IN_WORD][MOST_POINTS * MOST_POINTS];
  for (int k = 0; k < (filter->outs + PANEL - 1) / PANEL * PANEL; k += LANES)
    for (int c = begin; c < end; c++) {
      for (int part = 0; part < VALUES_IN_WORD; part++)
        filter_vector(high, wide, filter, taps, k, VALUES_IN_WORD * c + part, parts[part]);
      word *to = (word *)out + in_panel(k, planes.panel) + (size_t)c * PANEL;
      for (int p = 0; p < count; p++)
        store_words(to + (size_t)p * planes.point, join(parts[0][p], parts[VALUES_IN_WORD - 1][p]));
    }
}

ALWAYS_INLINE void filter_gradient_tile(const points *high, const points *wide,
                                        const mixent_winograd_filter *filter, const float *gradient,
                                        mixent_winograd_planes planes, bool add, int begin, int end,
                                        float *taps) {
  const int height = points_count(high), width = points_count(wide);
  vector columns[3 * MOST_POINTS], in[MOST_POINTS], out[TAPS];
  for (int c = begin; c < end; c++)
    for (int k = 0; k < filter->outs; k += LANES) {
      const float *from = gradient + in_panel(k, planes.panel) + (size_t)c * PANEL;
      for (int j = 0; j < width; j++) {
        UNROLL for (int i = 0; i < height; i++) in[i] = load(from + (size_t)(i * width + j) * planes.point);
        transform_filter_gradient(high, in, 1, columns + j, width);
      }
      for (int i = 0; i < 3; i++) transform_filter_gradient(wide, columns + i * width, 1, out + 3 * i, 1);
      float *to = taps + (size_t)k * filter->out_stride + (size_t)c * filter->in_stride;
      store_taps(to, filter->out_stride, filter->outs - k, add, out);
    }
}

/* out[r][PANEL] (+)= sum over d of a[r * row + d * step] b[d][PANEL], for `rows` rows. */
ALWAYS_INLINE void multiply_block(int rows, int depth, const word *a, size_t row, size_t step, const word *b,
                                  bool add, float *out) {
  vector sums[ROWS][VECTORS] = {0};
  if (add)
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < VECTORS; v++) sums[r][v] =
        load(out + r * PANEL + v * LANES);
  for (int d = 0; d < depth; d++) {
    words factors[VECTORS];
    UNROLL for (int v = 0; v < VECTORS; v++) factors[v] = load_words(b + v * LANES);
    UNROLL for (int r = 0; r < rows; r++) {
      words factor = spread_word(a[(size_t)r * row]);
      UNROLL for (int v = 0; v < VECTORS; v++) sums[r][v] = multiply_add(sums[r][v], factor, factors[v]);
    }
    a += step;
    b += PANEL;
  }
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < VECTORS; v++)
      store(out + r * PANEL + v * LANES, sums[r][v]);
}

/* The same for any number of rows. */
ALWAYS_INLINE void multiply_rows(int rows, int depth, const word *a, size_t row, size_t step, const word *b,
                                 bool add, float *out) {
  for (; rows >= ROWS; rows -= ROWS, a += ROWS * row, out += ROWS * PANEL)
    multiply_block(ROWS, depth, a, row, step, b, add, out);
  switch (rows) {
  case 1: multiply_block(1, depth, a, row, step, b, add, out); break;
  case 2: multiply_block(2, depth, a, row, step, b, add, out); break;
  case 3: multiply_block(3, depth, a, row, step, b, add, out); break;
  case 4: multiply_block(4, depth, a, row, step, b, add, out); break;
  case 5: multiply_block(5, depth, a, row, step, b, add, out); break;
#if defined __AVX512F__
  case 6: multiply_block(6, depth, a, row, step, b, add, out); break;
  case 7: multiply_block(7, depth, a, row, step, b, add, out); break;
#endif
  default: break;
  }
}

static void products(int tiles, int depth, int panels, const void *data, size_t pitch, const void *filter,
                     float *out) {
  for (int p = 0; p < panels; p++)
    multiply_rows(tiles, depth, data, pitch, 1, (const word *)filter + (size_t)p * (size_t)depth * PANEL,
                  false, out + (size_t)p * (size_t)tiles * PANEL);
}

static void weight_products(int depth, int channels, int begin, int end, const void *data, size_t pitch,
                            const void *gradient, size_t gradient_panel, bool add, float *out) {
  for (int p = begin; p < end; p++)
    multiply_rows(channels, depth, data, 1, pitch, (const word *)gradient + (size_t)p * gradient_panel, add,
                  out + (size_t)p * (size_t)channels * PANEL);
}

/* The functions of one kind of tile, m outputs high and w wide. */
#define DEFINE_TILE(m, w)                                                                                    \
  static void data_##m##_##w(int channels, const void *const *pixels, void *out, size_t point) {             \
    data_tile(&points_##m, &points_##w, channels, (const value *const *)pixels, out, point);                 \
  }                                                                                                          \
  static void data_words_##m##_##w(int channels, const void *const *pixels, void *out, size_t point) {       \
    data_word_tiles(&points_##m, &points_##w, channels, (const value *const *)pixels, out, point);           \
  }                                                                                                          \
  static void gradient_##m##_##w(int channels, const void *const *pixels, void *out,                         \
                                 mixent_winograd_planes planes, float *sums) {                               \
    gradient_tiles(&points_##m, &points_##w, channels, (const value *const *)pixels, out, planes, sums);     \
  }                                                                                                          \
  static void outputs_##m##_##w(int channels, const float *from, mixent_winograd_planes planes,              \
                                const float *bias, bool relu, void *const *pixels) {                         \
    output_tile(&points_##m, &points_##w, channels, from, planes, bias, relu, (value *const *)pixels);       \
  }                                                                                                          \
  static void filter_##m##_##w(const mixent_winograd_filter *filter, const float *taps, int begin, int end,  \
                               void *out, mixent_winograd_planes planes) {                                   \
    filter_tile(&points_##m, &points_##w, filter, taps, begin, end, out, planes);                            \
  }                                                                                                          \
  static void filter_gradient_##m##_##w(const mixent_winograd_filter *filter, const float *gradient,         \
                                        mixent_winograd_planes planes, bool add, int begin, int end,         \
                                        float *taps) {                                                       \
    filter_gradient_tile(&points_##m, &points_##w, filter, gradient, planes, add, begin, end, taps);         \
  }

#define TILE(m, w)                                                                                           \
  {                                                                                                          \
    data_##m##_##w, data_words_##m##_##w, gradient_##m##_##w, outputs_##m##_##w, filter_##m##_##w,           \
        filter_gradient_##m##_##w                                                                            \
  }

DEFINE_TILE(2, 2)
DEFINE_TILE(3, 3)
DEFINE_TILE(4, 4)
DEFINE_TILE(7, 7)
DEFINE_TILE(4, 3)
DEFINE_TILE(3, 4)

static const mixent_winograd_kernels winograd = {.panel = PANEL,
                                                 .tiles = {[MIXENT_TILE_2X2] = TILE(2, 2),
                                                           [MIXENT_TILE_3X3] = TILE(3, 3),
                                                           [MIXENT_TILE_4X4] = TILE(4, 4),
                                                           [MIXENT_TILE_7X7] = TILE(7, 7),
                                                           [MIXENT_TILE_4X3] = TILE(4, 3),
                                                           [MIXENT_TILE_3X4] = TILE(3, 4)},
                                                 .products = products,
                                                 .weight_products = weight_products};

#endif
