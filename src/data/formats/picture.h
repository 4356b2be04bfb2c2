/* Pictures of any size out of the bytes of a file, PNG or JPEG, told apart by their first bytes. */
#ifndef MIXENT_DATA_FORMATS_PICTURE_H
#define MIXENT_DATA_FORMATS_PICTURE_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

enum { MIXENT_PICTURE_LARGEST = 4096 }; /* pixels along a side */

typedef struct mixent_picture {
  size_t width, height;
  uint8_t *pixels; /* [height, width, 3]: RGB, transparency on black, values as they stand; free() */
} mixent_picture;

/* `origin` names the bytes in messages. */
mixent_status mixent_picture_decode(const char *origin, const void *bytes, size_t size, mixent_picture *out);

/* A file's; over 64 MB of file are an error. */
mixent_status mixent_picture_read(const char *path, mixent_picture *out);

/* One format each; the bytes must begin as it does. */
mixent_status mixent_png_decode(const char *origin, const void *bytes, size_t size, mixent_picture *out);
mixent_status mixent_jpeg_decode(const char *origin, const void *bytes, size_t size, mixent_picture *out);

#endif
