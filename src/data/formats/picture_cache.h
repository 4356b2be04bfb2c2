/* Decoded pictures on disk, for collections that memory should not hold: decoded once, and found again by what they are. */
#ifndef MIXENT_DATA_FORMATS_PICTURE_CACHE_H
#define MIXENT_DATA_FORMATS_PICTURE_CACHE_H

#include "data/formats/collection.h"
#include "data/formats/format.h"

/* The images of train, validation and test, in this order in the collection, begins[part] to begins[part + 1] - 1 of each, as they are
 * read from a file in the user's cache, which is made where it is missing. At most about `most` bytes of it are in memory at a time. */
mixent_status mixent_picture_cache_read(const mixent_collection *from,
                                        const size_t begins[MIXENT_SET_PARTS + 1], int side,
                                        const mixent_dataset_options *options, size_t most,
                                        mixent_format_set *out);

#endif
