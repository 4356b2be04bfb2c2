/* Batch norm: what a block of units computes, for each fusion. */
#include "net/norm/norm.h"

#include <string.h>

/* Bytes from the start of the values to a pixel. */
static size_t pixel_at(const mixent_norm_step *step, size_t pixel) {
  return pixel * (size_t)step->channels * mixent_norm_value_size(step);
}

/* MIXENT_NORM_ALONE and RELU: the pixels of a block are one stretch of memory. */

static void apply_pixels(const mixent_norm_step *step, size_t first, size_t count) {
  size_t at = pixel_at(step, first);
  step->kernels->norm->apply(&step->now, count, (const char *)step->x + at, (char *)step->y + at);
}

static void sum_pixels(const mixent_norm_step *step, size_t first, size_t count, float *const sums[2]) {
  size_t at = pixel_at(step, first);
  step->kernels->norm->sums(&step->now, count, (const char *)step->x + at, (const char *)step->dy + at, sums);
}

/* `g`: the gradient of what the norm gives, before its own ReLU. */
static void write_pixels(const mixent_norm_step *step, const void *g, size_t first, size_t count) {
  size_t at = pixel_at(step, first);
  step->kernels->norm->gradient(&step->now, step->slope, step->offset, count, (const char *)step->x + at,
                                (const char *)g + at, (char *)step->dx + at);
}

static void gradient_pixels(const mixent_norm_step *step, size_t first, size_t count) {
  write_pixels(step, step->dy, first, count);
}

/* MIXENT_NORM_ADD_RELU: y = max(norm(x) + other, 0). The sums also write g = dy where y > 0, which is the gradient of both paths. Mostly two
 * layers read y, the next block and its shortcut: then dy comes in two arrays, whose sum is never stored. The other path may have fewer
 * channels: they are the middle ones, and the others have nothing added to them. */

/* The pixels of the path with fewer channels, from or to the middle ones of pixels with all channels. */
static void copy_middle(const mixent_norm_step *step, size_t count, char *all, char *middle, bool to_middle) {
  size_t size = mixent_norm_value_size(step), narrow = (size_t)step->narrow * size;
  size_t pixel = (size_t)step->channels * size, margin = (size_t)((step->channels - step->narrow) / 2) * size;
  for (size_t p = 0; p < count; p++) {
    char *at = all + p * pixel + margin, *part = middle + p * narrow;
    memcpy(to_middle ? part : at, to_middle ? at : part, narrow);
  }
}

static void apply_padded(const mixent_norm_step *step, size_t first, size_t count) {
  float padded[MIXENT_NORM_PADDED] = {0}; /* or of bfloat16 */
  size_t most = MIXENT_NORM_PADDED / (size_t)step->channels, size = mixent_norm_value_size(step);
  for (size_t n; count; first += n, count -= n) {
    n = count < most ? count : most;
    copy_middle(step, n, (char *)padded, (char *)(uintptr_t)step->other + first * (size_t)step->narrow * size,
                false);
    step->kernels->norm->apply_add(&step->now, n, (const char *)step->x + pixel_at(step, first), padded,
                                   (char *)step->y + pixel_at(step, first));
  }
}

static void apply_add(const mixent_norm_step *step, size_t first, size_t count) {
  size_t at = pixel_at(step, first);
  if (step->narrow < step->channels)
    apply_padded(step, first, count);
  else
    step->kernels->norm->apply_add(&step->now, count, (const char *)step->x + at,
                                   (const char *)step->other + at, (char *)step->y + at);
}

static void sum_add(const mixent_norm_step *step, size_t first, size_t count, float *const sums[2]) {
  size_t at = pixel_at(step, first), size = mixent_norm_value_size(step);
  step->kernels->norm->sums_add(
      &step->now, count, (const char *)step->x + at, (const char *)step->y + at, (const char *)step->dy + at,
      step->more ? (const char *)step->more + at : NULL, (char *)step->both + at, sums);
  if (step->narrow_part)
    copy_middle(step, count, (char *)step->both + at,
                (char *)step->narrow_part + first * (size_t)step->narrow * size, true);
}

static void gradient_add(const mixent_norm_step *step, size_t first, size_t count) {
  write_pixels(step, step->both, first, count);
}

/* MIXENT_NORM_RELU_POOL: y [images, height / 2, width / 2, channels] is the largest of each 2x2 window after the ReLU. Nothing of it is kept:
 * backward finds the largest again from x. An odd last row or column is in no window. */

/* Where a row of windows begins, in bytes: its upper and lower row of pixels (x, dx), and its row after pooling (y, dy). */
typedef struct window_row {
  size_t upper, lower, after;
} window_row;

static window_row find_windows(const mixent_norm_step *step, size_t unit) {
  size_t rows = (size_t)step->height / 2, width = (size_t)step->width;
  size_t row = unit / rows * (size_t)step->height + unit % rows * 2;
  return (window_row){pixel_at(step, row * width), pixel_at(step, (row + 1) * width),
                      pixel_at(step, unit * (width / 2))};
}

static void apply_pool(const mixent_norm_step *step, size_t first, size_t count) {
  const char *x = step->x;
  for (size_t unit = first; unit < first + count; unit++) {
    window_row w = find_windows(step, unit);
    step->kernels->norm->apply_pool(&step->now, (size_t)step->width / 2, x + w.upper, x + w.lower,
                                    (char *)step->y + w.after);
  }
}

static void sum_pool(const mixent_norm_step *step, size_t first, size_t count, float *const sums[2]) {
  const char *x = step->x;
  for (size_t unit = first; unit < first + count; unit++) {
    window_row w = find_windows(step, unit);
    step->kernels->norm->sums_pool(&step->now, (size_t)step->width / 2, x + w.upper, x + w.lower,
                                   (const char *)step->dy + w.after, sums);
  }
}

/* Of a row of windows and, to the right and after the last row, the pixels that no window covers: their g is 0. */
static void write_windows(const mixent_norm_step *step, size_t unit) {
  const mixent_norm_kernels *kernels = step->kernels->norm;
  window_row w = find_windows(step, unit);
  size_t width = (size_t)step->width, rows = (size_t)step->height / 2;
  const char *x = step->x, *dy = step->dy;
  char *dx = step->dx;
  kernels->gradient_pool(&step->now, step->slope, step->offset, width / 2, x + w.upper, x + w.lower,
                         dy + w.after, dx + w.upper, dx + w.lower);
  for (int side = 0; side < 2 && width % 2; side++) {
    size_t at = (side ? w.lower : w.upper) + pixel_at(step, width - 1);
    kernels->gradient_outside(&step->now, step->slope, step->offset, 1, x + at, dx + at);
  }
  if (step->height % 2 && unit % rows == rows - 1) {
    size_t at = w.lower + pixel_at(step, width);
    kernels->gradient_outside(&step->now, step->slope, step->offset, width, x + at, dx + at);
  }
}

static void gradient_pool(const mixent_norm_step *step, size_t first, size_t count) {
  for (size_t unit = first; unit < first + count; unit++) write_windows(step, unit);
}

const mixent_norm_fusion mixent_norm_fusions[] = {
    [MIXENT_NORM_ALONE] = {1, false, apply_pixels, sum_pixels, gradient_pixels},
    [MIXENT_NORM_RELU] = {2, true, apply_pixels, sum_pixels, gradient_pixels},
    [MIXENT_NORM_RELU_POOL] = {3, true, apply_pool, sum_pool, gradient_pool},
    [MIXENT_NORM_ADD_RELU] = {3, false, apply_add, sum_add, gradient_add}};
