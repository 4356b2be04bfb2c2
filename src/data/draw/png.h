/* Pixels as a PNG file in memory. */
#ifndef MIXENT_DATA_DRAW_PNG_H
#define MIXENT_DATA_DRAW_PNG_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

/* pixels [side, side, channels], 1 channel (grey) or 3 (RGB); *out: *size bytes, free(). */
mixent_status mixent_png_encode(const uint8_t *pixels, size_t side, int channels, uint8_t **out,
                                size_t *size);

#endif
