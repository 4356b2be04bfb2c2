/* The formats of pictures, by their first bytes; what they decode is turned upright and made opaque. */
#include "data/formats/picture.h"
#include "core/content.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct format {
  const char *magic, *inner; /* at byte 0 and, if not NULL, at byte 8 */
  size_t length;             /* of the first */
  mixent_picture_reader *decode, *measure;
} format;

static const format formats[] = {{"\x89PNG\r\n\x1a\n", NULL, 8, mixent_png_decode, mixent_png_measure},
                                 {"\xff\xd8\xff", NULL, 3, mixent_jpeg_decode, mixent_jpeg_measure},
                                 {"RIFF", "WEBP", 4, mixent_webp_decode, mixent_webp_measure},
                                 {"BM", NULL, 2, mixent_bmp_decode, mixent_bmp_measure}};

const char *const mixent_picture_endings[] = {".png", ".jpg", ".jpeg", ".bmp", ".webp", NULL};

/* White behind a dark picture and black behind a light one. */
static unsigned choose_background(const mixent_picture *picture) {
  uint64_t light = 0, opaque = 0;
  for (size_t i = 0; i < picture->width * picture->height; i++) {
    const uint8_t *rgb = picture->pixels + 3 * i;
    light += picture->opacity[i] * ((uint64_t)rgb[0] * 299 + (uint64_t)rgb[1] * 587 + (uint64_t)rgb[2] * 114);
    opaque += picture->opacity[i];
  }
  return 2 * light < opaque * 255 * 1000 ? 255 : 0;
}

static void make_opaque(mixent_picture *picture, mixent_background background) {
  if (!picture->opacity) return;
  unsigned behind = background == MIXENT_BACKGROUND_BLACK ? 0 : choose_background(picture);
  for (size_t i = 0; i < picture->width * picture->height * 3; i++) {
    unsigned opacity = picture->opacity[i / 3];
    picture->pixels[i] = (uint8_t)((picture->pixels[i] * opacity + behind * (255 - opacity) + 127) / 255);
  }
  free(picture->opacity);
  picture->opacity = NULL;
}

/* Pixel (x, y) of the upright picture is that of the stored one with x and y exchanged from orientation 5 on, then counted from the
 * right in 2, 3, 7 and 8, and from below in 3, 4, 6 and 7. */
static mixent_status turn_upright(mixent_picture *picture) {
  int orientation = picture->orientation;
  if (orientation < 2) return MIXENT_OK;
  bool exchanged = orientation >= 5;
  bool from_right = orientation == 2 || orientation == 3 || orientation >= 7;
  bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  size_t stored = picture->width, lines = picture->height;
  size_t width = exchanged ? lines : stored, height = exchanged ? stored : lines;
  uint8_t *upright;
  MIXENT_TRY(MIXENT_ALLOCATE(width * height * 3, &upright));
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) {
      size_t column = exchanged ? y : x, line = exchanged ? x : y;
      if (from_right) column = stored - 1 - column;
      if (from_below) line = lines - 1 - line;
      memcpy(upright + (y * width + x) * 3, picture->pixels + (line * stored + column) * 3, 3);
    }
  free(picture->pixels);
  *picture = (mixent_picture){.width = width, .height = height, .pixels = upright};
  return MIXENT_OK;
}

static mixent_status find_format(const char *origin, const uint8_t *bytes, size_t size, const format **out) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    *out = &formats[i];
    if (size >= formats[i].length && memcmp(bytes, formats[i].magic, formats[i].length) == 0 &&
        (!formats[i].inner || (size >= 12 && memcmp(bytes + 8, formats[i].inner, 4) == 0)))
      return MIXENT_OK;
  }
  MIXENT_TRY(mixent_content_check(origin, bytes, size, "a PNG, JPEG, BMP or WebP image"));
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: neither PNG, JPEG, BMP nor WebP (%zu bytes); convert it, or remove it", origin,
                     size);
}

mixent_status mixent_picture_decode(const char *origin, const void *bytes, size_t size,
                                    mixent_background background, mixent_picture *out) {
  const format *format;
  *out = (mixent_picture){0};
  MIXENT_TRY(find_format(origin, bytes, size, &format));
  mixent_status status = format->decode(origin, bytes, size, out);
  if (status == MIXENT_OK) {
    make_opaque(out, background);
    status = turn_upright(out);
  }
  if (status != MIXENT_OK) mixent_picture_free(out);
  return status;
}

mixent_status mixent_picture_measure(const char *origin, const void *bytes, size_t size,
                                     mixent_picture *out) {
  const format *format;
  *out = (mixent_picture){0};
  MIXENT_TRY(find_format(origin, bytes, size, &format));
  return format->measure(origin, bytes, size, out);
}

mixent_status mixent_picture_load(const char *path, char **out, size_t *size) {
  enum { LARGEST = 1 << 28 };
  return mixent_file_read(path, LARGEST, out, size);
}

mixent_status mixent_picture_read(const char *path, mixent_background background, mixent_picture *out) {
  char *bytes;
  size_t size;
  *out = (mixent_picture){0};
  MIXENT_TRY(mixent_picture_load(path, &bytes, &size));
  mixent_status status = mixent_picture_decode(path, bytes, size, background, out);
  free(bytes);
  return status;
}
