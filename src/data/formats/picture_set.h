/* A collection of picture files decoded, all to images of one side. */
#ifndef MIXENT_DATA_FORMATS_PICTURE_SET_H
#define MIXENT_DATA_FORMATS_PICTURE_SET_H

#include "data/formats/collection.h"
#include "data/formats/format.h"

/* Sorts the collection, and decodes it as the options say. Images are grey if all are, else colour. */
mixent_status mixent_picture_set_read(mixent_collection *from, const mixent_dataset_options *options,
                                      mixent_format_set *out);

#endif
