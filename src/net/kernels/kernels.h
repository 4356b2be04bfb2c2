/* The loops over values that are compiled for each instruction set and type of value (float, bfloat16): tables of
 * functions. kernels.c is compiled once for each; dispatch.c picks one. Values are [pixels][channels]. */
#ifndef MIXENT_NET_KERNELS_KERNELS_H
#define MIXENT_NET_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* Winograd's convolution: the transforms of one tile and the products of one point.
 *
 * A word is what a product multiplies at a time: a float, or two bfloat16 that are neighbours in the direction summed
 * over. Shapes, for T tiles, C channels that are summed over and K that come out (K in panels of `panel` channels, the
 * last filled up with zeros):
 *
 *   data      [points][T][C]              words along C     (products; one row a tile)
 *   data      [points][T][C]              words along T     (weight products)
 *   gradient  [points][panels][T][panel]  words along T
 *   filter    [points][panels][C][panel]  words along C
 *   products  [points][panels][T][panel]  float
 *   filter gradient [points][panels][C][panel]  float
 */

/* Outputs of a tile, vertically and horizontally. */
typedef enum mixent_winograd_tile {
  MIXENT_TILE_2X2,
  MIXENT_TILE_3X3,
  MIXENT_TILE_4X4,
  MIXENT_TILE_7X7,
  MIXENT_TILE_4X3,
  MIXENT_TILE_3X4,
  MIXENT_TILES
} mixent_winograd_tile;

extern const int mixent_winograd_tile_heights[MIXENT_TILES], mixent_winograd_tile_widths[MIXENT_TILES];

/* Where the transformed tiles are; strides count words (float in `products`). */
typedef struct mixent_winograd_planes {
  size_t point; /* from one point to the next */
  size_t panel; /* from one panel to the next */
} mixent_winograd_planes;

/* Where the filter's taps are: element [out][in][3][3] at out * out_stride + in * in_stride. */
typedef struct mixent_winograd_filter {
  int outs, ins;
  size_t out_stride, in_stride;
  bool turned; /* rotated by half a turn, as the gradient of the data wants it */
} mixent_winograd_filter;

typedef struct mixent_winograd_kernels {
  int panel;
  struct {
    /* One tile of values at `pixels` (points of them, row by row) into its row of every point. */
    void (*data)(int channels, const void *const *pixels, void *out, size_t point);
    /* The same with words along T: the pixels of as many tiles as a word has values, one tile after the other. */
    void (*data_words)(int channels, const void *const *pixels, void *out, size_t point);
    /* The gradients of as many tiles (outputs of them), words along T. Adds each channel's sum over the tiles to `sums`,
     * whole vectors of them. */
    void (*gradient)(int channels, const void *const *pixels, void *out, mixent_winograd_planes planes,
                     float *sums);
    /* The products of one tile to its pixels, plus bias (NULL: none), through a ReLU if asked for. */
    void (*outputs)(int channels, const float *products, mixent_winograd_planes planes, const float *bias,
                    bool relu, void *const *pixels);
    /* The filter's words begin..end-1 along C, for all panels. */
    void (*filter)(const mixent_winograd_filter *filter, const float *taps, int begin, int end, void *out,
                   mixent_winograd_planes planes);
    /* The filter's gradient back from its points, for the channels begin..end-1 of C; added to what is there? */
    void (*filter_gradient)(const mixent_winograd_filter *filter, const float *gradient,
                            mixent_winograd_planes planes, bool add, int begin, int end, float *taps);
  } tiles[MIXENT_TILES];
  /* Of one point: out[panel][t][k] = sum over `depth` words of data[t][c] filter[panel][c][k]. */
  void (*products)(int tiles, int depth, int panels, const void *data, size_t pitch, const void *filter,
                   float *out);
  /* Of one point and the panels begin..end-1: out[panel][c][k] (+)= sum over `depth` words of data[t][c]
   * gradient[panel][t][k]. */
  void (*weight_products)(int depth, int channels, int begin, int end, const void *data, size_t pitch,
                          const void *gradient, size_t gradient_panel, bool add, float *out);
} mixent_winograd_kernels;

/* Batch norm, with the ReLU and the 2x2 maximum after it: y = scale (x - mean) + shift. Arrays per channel are filled up to
 * whole vectors. */
typedef struct mixent_norm_line {
  int channels;
  bool relu;
  const float *mean, *scale, *shift;
} mixent_norm_line;

typedef struct mixent_norm_kernels {
  /* Mean and sum of squared distances from it, of each channel. */
  void (*statistics)(int channels, size_t pixels, const void *x, float *mean, float *squares);
  void (*apply)(const mixent_norm_line *line, size_t pixels, const void *x, void *y);
  /* Two rows of 2 `pixels` (from `x` and `below`) to one of maxima. */
  void (*apply_pool)(const mixent_norm_line *line, size_t pixels, const void *x, const void *below, void *y);
  /* The same plus `skip`, the other path of a residual block, through a ReLU. */
  void (*apply_add)(const mixent_norm_line *line, size_t pixels, const void *x, const void *skip, void *y);
  /* Adds, with g the gradient of scale (x - mean) + shift: sums[0] += g, sums[1] += g (x - mean). */
  void (*sums)(const mixent_norm_line *line, size_t pixels, const void *x, const void *dy,
               float *const sums[2]);
  void (*sums_pool)(const mixent_norm_line *line, size_t pixels, const void *x, const void *below,
                    const void *dy, float *const sums[2]);
  /* After apply_add, of which y came out: writes g, the gradient of both paths, besides. The gradient of y is dy plus `more`, unless
   * that is NULL. */
  void (*sums_add)(const mixent_norm_line *line, size_t pixels, const void *x, const void *y, const void *dy,
                   const void *more, void *g, float *const sums[2]);
  /* dx = scale g + slope (x - mean) + offset */
  void (*gradient)(const mixent_norm_line *line, const float *slope, const float *offset, size_t pixels,
                   const void *x, const void *dy, void *dx);
  void (*gradient_pool)(const mixent_norm_line *line, const float *slope, const float *offset, size_t pixels,
                        const void *x, const void *below, const void *dy, void *dx, void *dx_below);
  /* Where no window of a pool looks: g is 0. */
  void (*gradient_outside)(const mixent_norm_line *line, const float *slope, const float *offset,
                           size_t pixels, const void *x, void *dx);
} mixent_norm_kernels;

/* Convolution of few input channels. The image is float with its padding, `pitch` floats a line; weights and their sums are
 * [kernel][kernel][inputs][filled], the outputs filled up to whole vectors. */
typedef struct mixent_narrow {
  int kernel, stride, inputs, outputs, filled;
  int width; /* of a row of outputs */
  size_t pitch;
} mixent_narrow;

/* A window's taps and the 1 after them, filled up to whole vectors. */
static inline size_t mixent_narrow_across(size_t taps, int lanes) {
  return (taps + (size_t)lanes) / (size_t)lanes * (size_t)lanes;
}

typedef struct mixent_narrow_kernels {
  /* One row of outputs; `image` is where its first window begins. bias (filled) may be NULL. */
  void (*forward)(const mixent_narrow *shape, const float *image, const float *weights, const float *bias,
                  bool relu, void *out);
  /* Adds what one row of the gradient says of weights and bias. */
  void (*weights)(const mixent_narrow *shape, const float *image, const void *gradient, float *sums,
                  float *bias_sums);
  /* One row of g: the gradient dy where the outputs are above 0, else 0. */
  void (*through_relu)(const mixent_narrow *shape, const float *image, const float *weights,
                       const float *bias, const void *dy, void *g);
  /* Adds the products of each pair of numbers in a row's windows; a 1 comes after the window's taps. `window` has room for one of
   * mixent_narrow_across floats, sums are [taps + 1][across]. */
  void (*moments)(const mixent_narrow *shape, const float *image, float *window, float *sums);
} mixent_narrow_kernels;

/* Over `count` neighbouring elements; an output may be one of the inputs. */
typedef struct mixent_elementwise_kernels {
  void (*relu)(size_t count, const void *x, void *y); /* a NaN stays a NaN */
  void (*relu_gradient)(size_t count, const void *y, const void *dy, void *dx);
  void (*add)(size_t count, const void *a, const void *b, void *out);
} mixent_elementwise_kernels;

/* Smooth rectifiers, element by element (net/graph/layers/smooth.c). */
typedef enum mixent_smooth { MIXENT_GELU, MIXENT_SILU } mixent_smooth;

typedef struct mixent_smooth_kernels {
  void (*forward)(mixent_smooth kind, int count, const void *x, void *y);
  void (*backward)(mixent_smooth kind, int count, const void *x, const void *dy, void *dx);
} mixent_smooth_kernels;

typedef struct mixent_kernels {
  const char *name;
  int lanes, values_in_word;
  const mixent_winograd_kernels *winograd;
  const mixent_norm_kernels *norm;
  const mixent_narrow_kernels *narrow;
  const mixent_elementwise_kernels *elementwise;
  const mixent_smooth_kernels *smooth;
} mixent_kernels;

/* The widest that this processor has (or MIXENT_CPU names), for values of float or bfloat16. */
const mixent_kernels *mixent_kernels_choose(bool bf16);
/* All that this processor runs, widest first; NULL after the last. */
const mixent_kernels *const *mixent_kernels_available(bool bf16);

#endif
