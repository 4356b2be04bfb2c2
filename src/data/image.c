/* One image for a network: a file of any format of pictures, scaled to the side and channels that are asked for. */
#include "data/image.h"
#include "core/memory.h"
#include "core/status.h"
#include "data/formats/picture.h"

#include <math.h>
#include <stdlib.h>

/* RGB bytes to [height, width, channels] floats. Grey is the luma of ITU-R 601. */
static void widen_pixels(const mixent_picture *picture, int channels, float *out) {
  for (size_t i = 0; i < picture->width * picture->height; i++) {
    const uint8_t *p = picture->pixels + 3 * i;
    if (channels == 3)
      for (size_t k = 0; k < 3; k++) out[3 * i + k] = (float)p[k];
    else
      out[i] = 0.299f * (float)p[0] + 0.587f * (float)p[1] + 0.114f * (float)p[2];
  }
}

/* Scales one axis: in [outer, from, inner] to out [outer, to, inner]. Each output pixel weighs the input
 * under a triangle around its centre, as wide as the larger of the two pixels: bilinear when enlarging, and
 * without aliasing when reducing. */
static void scale_axis(const float *in, size_t outer, size_t from, size_t to, size_t inner, float *out) {
  double ratio = (double)from / (double)to, support = ratio > 1 ? ratio : 1;
  for (size_t j = 0; j < to; j++) {
    double center = ((double)j + 0.5) * ratio - 0.5;
    size_t begin = (size_t)fmax(0, ceil(center - support));
    size_t end = (size_t)fmin((double)from - 1, floor(center + support));
    double sum = 0;
    for (size_t i = begin; i <= end; i++) sum += 1 - fabs((double)i - center) / support;
    for (size_t o = 0; o < outer; o++)
      for (size_t k = 0; k < inner; k++) {
        double value = 0;
        for (size_t i = begin; i <= end; i++)
          value += (1 - fabs((double)i - center) / support) * (double)in[(o * from + i) * inner + k];
        out[(o * to + j) * inner + k] = (float)(value / sum);
      }
  }
}

static mixent_status scale_picture(const mixent_picture *picture, size_t side, int channels, uint8_t *out) {
  size_t depth = (size_t)channels, narrow = picture->height * side * depth;
  float *whole;
  MIXENT_TRY(
      MIXENT_ALLOCATE(picture->width * picture->height * depth + narrow + side * side * depth, &whole));
  float *narrowed = whole + picture->width * picture->height * depth, *scaled = narrowed + narrow;
  widen_pixels(picture, channels, whole);
  scale_axis(whole, picture->height, picture->width, side, depth, narrowed);
  scale_axis(narrowed, 1, picture->height, side, side * depth, scaled);
  for (size_t i = 0; i < side * side * depth; i++) out[i] = (uint8_t)lrintf(scaled[i]);
  free(whole);
  return MIXENT_OK;
}

mixent_status mixent_image_read_shape(const char *path, int side, int channels, uint8_t *out, bool *square) {
  mixent_picture picture;
  *square = false;
  if (side < 1 || (channels != 1 && channels != 3))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: side %d and %d channels; side 1 or more and 1 or 3 channels are read", path, side,
                       channels);
  mixent_status status = mixent_picture_read(path, &picture);
  if (status == MIXENT_OK) *square = picture.width == picture.height;
  if (status == MIXENT_OK) status = scale_picture(&picture, (size_t)side, channels, out);
  free(picture.pixels);
  return status;
}

mixent_status mixent_image_read(const char *path, int side, int channels, uint8_t *out) {
  bool square;
  MIXENT_NEED(path);
  MIXENT_NEED(out);
  return mixent_image_read_shape(path, side, channels, out, &square);
}
