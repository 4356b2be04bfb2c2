/* Pictures of any size out of the bytes of a file, told apart by their first bytes. */
#ifndef MIXENT_DATA_FORMATS_PICTURE_H
#define MIXENT_DATA_FORMATS_PICTURE_H

#include "core/status.h"
#include "mixent/data.h"
#include <stddef.h>
#include <stdint.h>

/* Pixels of a picture: none of today's cameras makes more, and as many take 192 MB. */
#define MIXENT_PICTURE_MOST 64000000

typedef struct mixent_picture {
  size_t width, height;
  uint8_t *pixels;  /* [height, width, 3]: RGB, values as they stand */
  uint8_t *opacity; /* [height, width]; NULL: opaque everywhere */
  int orientation;  /* EXIF's, 1 to 8; 0: not said */
} mixent_picture;
void mixent_picture_free(mixent_picture *picture);

/* The endings of files that are taken for pictures, in capitals or not, then NULL; and as words. */
extern const char *const mixent_picture_endings[];
#define MIXENT_PICTURE_ENDINGS ".png, .jpg, .jpeg, .bmp or .webp"

/* `origin` names the bytes in messages. The picture is upright (EXIF's orientation is obeyed; damaged EXIF leaves it as it is stored),
 * opaque, transparent parts on `background`. One of more than MIXENT_PICTURE_MOST pixels is an error before memory is taken for it. */
mixent_status mixent_picture_decode(const char *origin, const void *bytes, size_t size,
                                    mixent_background background, mixent_picture *out);
/* Width and height as stored, from the header alone. */
mixent_status mixent_picture_measure(const char *origin, const void *bytes, size_t size, mixent_picture *out);

/* The bytes of a file that may be a picture; over 256 MB are an error. free(*out). */
mixent_status mixent_picture_load(const char *path, char **out, size_t *size);
mixent_status mixent_picture_read(const char *path, mixent_background background, mixent_picture *out);

/* --- For the formats. One each; the bytes begin as it does; *out is zeroed before, and freed by the caller also after an error. */

typedef mixent_status mixent_picture_reader(const char *origin, const uint8_t *bytes, size_t size,
                                            mixent_picture *out);
mixent_picture_reader mixent_png_decode, mixent_jpeg_decode, mixent_bmp_decode, mixent_webp_decode;
mixent_picture_reader mixent_png_measure, mixent_jpeg_measure, mixent_bmp_measure, mixent_webp_measure;

/* Refuses a size that is too large, or 0. */
mixent_status mixent_picture_check_size(const char *origin, size_t width, size_t height);
/* Where `pixels` hold [height, width, 4], the fourth of which is opacity: moves that into `opacity`. */
mixent_status mixent_picture_part_opacity(mixent_picture *picture);

#endif
