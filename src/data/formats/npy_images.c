/* Arrays of bytes, whole numbers or floats as images of bytes, channels last. */
#include "data/formats/npy_images.h"
#include "core/layout.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Slack at the ends of a range: what interpolation adds. */
static const double slack = 1e-3;

static bool is_channels(size_t count) {
  return count == 1 || count == 3;
}

/* [n, channels, side, side]; no side is as small as 3, so that channels cannot be taken for a side. */
static bool channels_first(const mixent_npy *array) {
  return array->dimensions == 4 && is_channels(array->extent[1]) && array->extent[2] == array->extent[3] &&
         !is_channels(array->extent[3]);
}

static size_t channels_of(const mixent_npy *array) {
  return channels_first(array) ? array->extent[1] : array->extent[3];
}

mixent_status mixent_npy_images_check(const char *origin, const mixent_npy *array) {
  bool first = channels_first(array);
  size_t height = array->extent[first ? 2 : 1], width = array->extent[first ? 3 : 2],
         channels = channels_of(array);
  if (mixent_npy_is_text(array))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: its elements are texts; images are numbers", origin);
  if (height == width && height >= MIXENT_LEAST_SIDE && height <= MIXENT_MOST_SIDE && is_channels(channels))
    return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: images of %zu x %zu with %s; they must be square, of side %d to %d, with 1 or 3 "
      "channels, as [n, side, side, channels] or [n, channels, side, side]: scale them, leave out the alpha "
      "channel (x[..., :3]), or make them [n, features]",
      origin, height, width, mixent_text_counted(channels, "channels"), MIXENT_LEAST_SIDE, MIXENT_MOST_SIDE);
}

/* The channel of element j of a row. */
static size_t channel_of(const mixent_npy *array, size_t j) {
  return channels_first(array) ? j / (array->extent[2] * array->extent[3]) : j % array->extent[3];
}

/* Lowest and highest element of each channel. */
static mixent_status find_range(const char *origin, const mixent_npy *array, double *row, double low[3],
                                double high[3]) {
  for (int k = 0; k < 3; k++) low[k] = HUGE_VAL, high[k] = -HUGE_VAL;
  for (size_t i = 0; i < array->extent[0]; i++) {
    mixent_npy_row(array, i, row);
    for (size_t j = 0; j < array->row; j++) {
      size_t k = channel_of(array, j);
      if (!isfinite(row[j]))
        return mixent_fail(MIXENT_ERROR_FORMAT, "%s[%zu] holds %g; pixels are finite numbers", origin, i,
                           row[j]);
      if (row[j] < low[k]) low[k] = row[j];
      if (row[j] > high[k]) high[k] = row[j];
    }
  }
  return MIXENT_OK;
}

static void set_all(mixent_npy_pixels *out, double low, double factor, const char *rule) {
  for (int k = 0; k < 3; k++) out->low[k] = low, out->factor[k] = factor;
  out->rule = rule;
}

static void choose_floats(const double low[3], const double high[3], double least, double most,
                          mixent_npy_pixels *out) {
  if (least >= -slack && most <= 1 + slack) {
    set_all(out, 0, 255, "from 0 to 1, which times 255 are pixels");
  } else if (least >= -slack && most <= 255.5) {
    set_all(out, 0, 1, "from 0 to 255, which rounded are pixels");
  } else if (least >= -1 - slack && most <= 1 + slack) {
    set_all(out, -1, 127.5, "from -1 to 1, of which -1 becomes pixel 0 and 1 pixel 255");
  } else {
    set_all(out, 0, 1, "of which each channel's lowest becomes pixel 0 and its highest pixel 255");
    out->by_channel = true;
    for (int k = 0; k < 3 && low[k] <= high[k]; k++) {
      out->low[k] = low[k];
      out->factor[k] = high[k] > low[k] ? 255 / (high[k] - low[k]) : 0;
    }
  }
}

static mixent_status choose(const char *origin, const mixent_npy *array, double *row,
                            mixent_npy_pixels *out) {
  double low[3], high[3], least, most;
  set_all(out, 0, 1, NULL);
  if (array->kind == 'b') set_all(out, 0, 255, NULL);
  if (array->kind == 'b' || (array->kind == 'u' && array->bytes == 1)) return MIXENT_OK;
  MIXENT_TRY(find_range(origin, array, row, low, high));
  least = fmin(fmin(low[0], low[1]), low[2]), most = fmax(fmax(high[0], high[1]), high[2]);
  if (array->kind == 'f') {
    choose_floats(low, high, least, most, out);
  } else if (least < 0 || most > (array->kind == 'u' && array->bytes == 2 ? 65535 : 255)) {
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: whole numbers from %.0f to %.0f; expected pixels from 0 to 255, or of uint16 up to "
        "65535; make them floats from 0 to 1",
        origin, least, most);
  } else if (most > 255) {
    set_all(out, 0, 1.0 / 257, "of 16 bits, which over 257 are pixels");
  }
  return MIXENT_OK;
}

mixent_status mixent_npy_images_range(const char *origin, const mixent_npy *array, mixent_npy_pixels *out) {
  double *row;
  MIXENT_TRY(MIXENT_ALLOCATE(array->row, &row));
  mixent_status status = choose(origin, array, row, out);
  free(row);
  return status;
}

static uint8_t pixel_of(const mixent_npy_pixels *range, size_t channel, double value) {
  double pixel = rint((value - range->low[channel]) * range->factor[channel]);
  return (uint8_t)(pixel > 0 ? pixel < 255 ? pixel : 255 : 0);
}

mixent_status mixent_npy_images_take(const mixent_npy *array, const mixent_npy_pixels *range,
                                     mixent_images *out) {
  bool first = channels_first(array);
  size_t channels = channels_of(array), area = array->row / channels;
  double *row;
  out->side = (int)array->extent[first ? 2 : 1], out->channels = (int)channels;
  MIXENT_TRY(MIXENT_ALLOCATE(array->extent[0] * array->row, &out->pixels));
  if (array->kind == 'u' && array->bytes == 1 && !range->rule && !first && !array->fortran) {
    memcpy(out->pixels, array->data, array->extent[0] * array->row);
    return MIXENT_OK;
  }
  MIXENT_TRY(MIXENT_ALLOCATE(array->row, &row));
  for (size_t i = 0; i < array->extent[0]; i++) {
    uint8_t *image = out->pixels + i * array->row;
    mixent_npy_row(array, i, row);
    for (size_t j = 0; j < array->row; j++) {
      size_t k = channel_of(array, j), at = first ? j % area * channels + k : j;
      image[at] = pixel_of(range, k, row[j]);
    }
  }
  free(row);
  return MIXENT_OK;
}
