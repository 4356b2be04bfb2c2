/* mixent_image_read for callers that warn of images that it stretches. */
#ifndef MIXENT_DATA_IMAGE_H
#define MIXENT_DATA_IMAGE_H

#include "mixent/data.h"
#include <stdbool.h>

/* The same; *square: the file's image has a height like its width, so that scaling kept its shape. */
mixent_status mixent_image_read_shape(const char *path, int side, int channels, uint8_t *out, bool *square);

#endif
