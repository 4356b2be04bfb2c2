/* mixent_image_read for callers that warn of images that it stretches. */
#ifndef MIXENT_DATA_IMAGE_H
#define MIXENT_DATA_IMAGE_H

#include "mixent/data.h"
#include <stdbool.h>

/* The same; *square: the file's picture has a height like its width. */
mixent_status mixent_image_read_shape(const char *path, int side, int channels, mixent_fit fit,
                                      mixent_background background, uint8_t *out, bool *square);

#endif
