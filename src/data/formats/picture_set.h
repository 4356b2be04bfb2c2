/* A collection of picture files decoded, all to images of one side. */
#ifndef MIXENT_DATA_FORMATS_PICTURE_SET_H
#define MIXENT_DATA_FORMATS_PICTURE_SET_H

#include "data/formats/collection.h"
#include "data/formats/format.h"

/* Sorts the collection, and decodes it as the options say. Images are grey if all are, else colour. */
mixent_status mixent_picture_set_read(mixent_collection *from, const mixent_dataset_options *options,
                                      mixent_format_set *out);

/* `count` of its images, at most MIXENT_DECODED_AT_ONCE, decoded to [count, side, side, 3] on all threads. */
enum { MIXENT_DECODED_AT_ONCE = 1024 };
mixent_status mixent_pictures_decode(const mixent_collection *from, const mixent_collected *images,
                                     size_t count, int side, const mixent_dataset_options *options,
                                     uint8_t *out);

#endif
