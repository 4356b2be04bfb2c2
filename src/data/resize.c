/* Scaling, first along lines, then along columns, in whole numbers. An output pixel weighs the input under a triangle around its
 * centre, as wide as the larger of the two pixels: bilinear when enlarging, and without aliasing when reducing. Weights have
 * PRECISION bits behind the point, and what lies between the passes is rounded to bytes, as in Pillow: so the values are the same. */
#include "data/resize.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PRECISION = 32 - 8 - 2, HALF = 1 << (PRECISION - 1) };

/* What each of `count` output pixels, from `first` on, is made of: input pixels begin[i] to begin[i] + length[i] - 1. */
typedef struct filter {
  size_t count, most; /* output pixels; weights of each, at most */
  size_t *begin, *length;
  int32_t *weights; /* [count, most] */
  double *exact;    /* [most]: scratch */
} filter;

static void filter_free(filter *filter) {
  free(filter->begin);
  free(filter->length);
  free(filter->weights);
  free(filter->exact);
}

/* Output pixel `i` of `to`, made of `from` input pixels. */
static void weigh(filter *filter, size_t at, size_t i, size_t from, size_t to) {
  double ratio = (double)from / (double)to, support = ratio > 1 ? ratio : 1;
  double center = ((double)i + 0.5) * ratio, low = center - support + 0.5, high = center + support + 0.5;
  size_t begin = low > 0 ? (size_t)low : 0, end = (size_t)high < from ? (size_t)high : from;
  int32_t *weights = filter->weights + at * filter->most;
  double sum = 0, shrink = 1 / support;
  for (size_t k = begin; k < end; k++) {
    double distance = fabs(((double)k - center + 0.5) * shrink);
    filter->exact[k - begin] = distance < 1 ? 1 - distance : 0;
    sum += filter->exact[k - begin];
  }
  for (size_t k = 0; k < end - begin; k++)
    weights[k] = (int32_t)(0.5 + filter->exact[k] / sum * (1 << PRECISION));
  filter->begin[at] = begin, filter->length[at] = end - begin;
}

/* For output pixels `first` to `first + count - 1`. */
static mixent_status filter_make(size_t from, size_t to, size_t first, size_t count, filter *out) {
  double ratio = (double)from / (double)to;
  *out = (filter){.count = count, .most = 2 * (size_t)ceil(ratio > 1 ? ratio : 1) + 1};
  MIXENT_TRY(MIXENT_ALLOCATE(count, &out->begin));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &out->length));
  MIXENT_TRY(MIXENT_ALLOCATE(count * out->most, &out->weights));
  MIXENT_TRY(MIXENT_ALLOCATE(out->most, &out->exact));
  for (size_t i = 0; i < count; i++) weigh(out, i, first + i, from, to);
  return MIXENT_OK;
}

static uint8_t to_byte(int32_t sum) {
  sum >>= PRECISION;
  return (uint8_t)(sum > 255 ? 255 : sum);
}

/* A line [from, channels] to [filter->count, channels]. */
static void scale_line(const uint8_t *in, size_t channels, const filter *filter, uint8_t *out) {
  for (size_t i = 0; i < filter->count; i++) {
    const uint8_t *at = in + filter->begin[i] * channels;
    const int32_t *weights = filter->weights + i * filter->most;
    int32_t sums[3] = {HALF, HALF, HALF};
    if (channels == 3)
      for (size_t k = 0; k < filter->length[i]; k++, at += 3)
        for (size_t c = 0; c < 3; c++) sums[c] += weights[k] * at[c];
    else
      for (size_t k = 0; k < filter->length[i]; k++) sums[0] += weights[k] * at[k];
    for (size_t c = 0; c < channels && c < 3; c++) out[i * channels + c] = to_byte(sums[c]);
  }
}

/* Lines [lines, size] to [filter->count, size]; `sums` [size] is scratch. */
static void scale_columns(const uint8_t *in, size_t size, const filter *filter, int32_t *sums, uint8_t *out,
                          size_t pitch) {
  for (size_t i = 0; i < filter->count; i++) {
    const int32_t *weights = filter->weights + i * filter->most;
    for (size_t x = 0; x < size; x++) sums[x] = HALF;
    for (size_t k = 0; k < filter->length[i]; k++) {
      const uint8_t *line = in + (filter->begin[i] + k) * size;
      for (size_t x = 0; x < size; x++) sums[x] += weights[k] * line[x];
    }
    for (size_t x = 0; x < size; x++) out[i * pitch + x] = to_byte(sums[x]);
  }
}

static mixent_status scale(const uint8_t *in, size_t width, size_t channels, filter *along, filter *down,
                           uint8_t *out, size_t pitch) {
  size_t first = down->begin[0], size = along->count * channels;
  size_t lines = down->begin[down->count - 1] + down->length[down->count - 1] - first;
  uint8_t *narrow;
  int32_t *sums = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(lines * size, &narrow));
  mixent_status status = MIXENT_ALLOCATE(size, &sums);
  if (status == MIXENT_OK) {
    for (size_t y = 0; y < lines; y++)
      scale_line(in + (first + y) * width * channels, channels, along, narrow + y * size);
    for (size_t i = 0; i < down->count; i++) down->begin[i] -= first;
    scale_columns(narrow, size, down, sums, out, pitch);
  }
  free(sums);
  free(narrow);
  return status;
}

mixent_status mixent_pixels_scale(const uint8_t *in, size_t width, size_t height, size_t channels,
                                  const mixent_scaling *to, uint8_t *out, size_t pitch) {
  filter along, down = {0};
  mixent_status status = filter_make(width, to->width, to->left, to->columns, &along);
  if (status == MIXENT_OK) status = filter_make(height, to->height, to->top, to->rows, &down);
  if (status == MIXENT_OK) status = scale(in, width, channels, &along, &down, out, pitch);
  filter_free(&along);
  filter_free(&down);
  return status;
}

/* Half of a difference; of an odd one the even whole number beside it, as Python rounds. */
static size_t half_of(size_t difference) {
  return difference / 2 + (difference % 2 && difference / 2 % 2);
}

/* The shorter side becomes `side`, the middle of the longer one is taken: torchvision's Resize and CenterCrop. */
static mixent_scaling crop(size_t width, size_t height, size_t side) {
  size_t shorter = width < height ? width : height;
  mixent_scaling out = {
      .width = side * width / shorter, .height = side * height / shorter, .columns = side, .rows = side};
  out.left = half_of(out.width - side), out.top = half_of(out.height - side);
  return out;
}

/* The longer side becomes `side`. */
static mixent_scaling pad(size_t width, size_t height, size_t side) {
  size_t longer = width > height ? width : height;
  size_t columns = (size_t)lrint((double)width / (double)longer * (double)side),
         rows = (size_t)lrint((double)height / (double)longer * (double)side);
  if (!columns) columns = 1;
  if (!rows) rows = 1;
  return (mixent_scaling){.width = columns, .height = rows, .columns = columns, .rows = rows};
}

static void make_grey(mixent_picture *picture) {
  for (size_t i = 0; i < picture->width * picture->height; i++) {
    const uint8_t *rgb = picture->pixels + 3 * i;
    picture->pixels[i] = (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
  }
}

mixent_status mixent_picture_fit(mixent_picture *picture, int side, int channels, mixent_fit fit,
                                 uint8_t *out) {
  size_t to = (size_t)side, depth = (size_t)channels, pitch = to * depth;
  mixent_scaling scaling = {.width = to, .height = to, .columns = to, .rows = to};
  if (fit == MIXENT_FIT_CROP) scaling = crop(picture->width, picture->height, to);
  if (fit == MIXENT_FIT_PAD) scaling = pad(picture->width, picture->height, to);
  if (channels == 1) make_grey(picture);
  if (fit == MIXENT_FIT_PAD) memset(out, 0, to * pitch);
  uint8_t *first = out + half_of(to - scaling.rows) * pitch + half_of(to - scaling.columns) * depth;
  return mixent_pixels_scale(picture->pixels, picture->width, picture->height, depth, &scaling, first, pitch);
}
