/* Bytes scaled with antialiasing, to the bit as Pillow's Image.resize(BILINEAR) does it; and pictures made squares. */
#ifndef MIXENT_DATA_RESIZE_H
#define MIXENT_DATA_RESIZE_H

#include "data/formats/picture.h"

/* A picture scaled to width x height, of which the part [top, top + rows) x [left, left + columns) is wanted. */
typedef struct mixent_scaling {
  size_t width, height, left, top, columns, rows;
} mixent_scaling;

/* in [height, width, channels]; out: that part [rows, columns, channels], each line `pitch` bytes behind the one before. */
mixent_status mixent_pixels_scale(const uint8_t *in, size_t width, size_t height, size_t channels,
                                  const mixent_scaling *to, uint8_t *out, size_t pitch);

/* out [side, side, channels], 1 (the luma of ITU-R 601, as Pillow rounds it) or 3. The picture's pixels are changed. */
mixent_status mixent_picture_fit(mixent_picture *picture, int side, int channels, mixent_fit fit,
                                 uint8_t *out);

#endif
