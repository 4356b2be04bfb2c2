/* Images out of NumPy's arrays: which axis is the channels', and how numbers become bytes. */
#ifndef MIXENT_DATA_FORMATS_NPY_IMAGES_H
#define MIXENT_DATA_FORMATS_NPY_IMAGES_H

#include "data/formats/format.h"
#include "data/formats/npy.h"

/* How elements become pixels: (x - low) * factor of their channel, rounded, and cut off below 0 and above 255. */
typedef struct mixent_npy_pixels {
  double low[3], factor[3];
  bool by_channel;  /* low and factor are the range of these images, not one that they share with others */
  const char *rule; /* in words, for people; NULL: the elements are pixels as they stand */
} mixent_npy_pixels;

/* Whether an array of three or four dimensions can be images: [n, side, side], [n, side, side, channels] or
 * [n, channels, side, side], of 1 or 3 channels. */
mixent_status mixent_npy_images_check(const char *origin, const mixent_npy *array);
/* How its elements become pixels: bytes as they are; bools 0 and 255; whole numbers up to 255 as they are, of 16 bits over 257;
 * floats by their range. Other numbers are an error. */
mixent_status mixent_npy_images_range(const char *origin, const mixent_npy *array, mixent_npy_pixels *out);
mixent_status mixent_npy_images_take(const mixent_npy *array, const mixent_npy_pixels *range,
                                     mixent_images *out);

#endif
