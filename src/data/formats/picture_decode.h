/* The pictures of a collection as images. */
#ifndef MIXENT_DATA_FORMATS_PICTURE_DECODE_H
#define MIXENT_DATA_FORMATS_PICTURE_DECODE_H

#include "data/formats/collection.h"
#include "data/formats/picture.h"

/* One of them, to [side, side, 3]. */
mixent_status mixent_collected_decode(const mixent_collection *from, const mixent_collected *image, int side,
                                      const mixent_dataset_options *options, uint8_t *out);
/* Its width and height, from its header. */
mixent_status mixent_collected_measure(const mixent_collection *from, const mixent_collected *image,
                                       mixent_picture *out);

/* `count` of its images, at most MIXENT_DECODED_AT_ONCE, decoded to [count, side, side, 3] on all threads. */
enum { MIXENT_DECODED_AT_ONCE = 1024 };
mixent_status mixent_pictures_decode(const mixent_collection *from, const mixent_collected *images,
                                     size_t count, int side, const mixent_dataset_options *options,
                                     uint8_t *out);

#endif
