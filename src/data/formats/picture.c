/* The formats of pictures, by their first bytes. */
#include "data/formats/picture.h"
#include "core/content.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *magic;
  size_t length;
  mixent_status (*decode)(const char *origin, const void *bytes, size_t size, mixent_picture *out);
} formats[] = {{"\x89PNG\r\n\x1a\n", 8, mixent_png_decode}, {"\xff\xd8\xff", 3, mixent_jpeg_decode}};

mixent_status mixent_picture_decode(const char *origin, const void *bytes, size_t size, mixent_picture *out) {
  *out = (mixent_picture){0};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (size >= formats[i].length && memcmp(bytes, formats[i].magic, formats[i].length) == 0)
      return formats[i].decode(origin, bytes, size, out);
  MIXENT_TRY(mixent_content_check(origin, bytes, size, "a PNG or JPEG image"));
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: neither PNG nor JPEG (%zu bytes); convert it, or remove it",
                     origin, size);
}

mixent_status mixent_picture_read(const char *path, mixent_picture *out) {
  enum { LARGEST = 1 << 26 };
  char *bytes;
  size_t size;
  *out = (mixent_picture){0};
  MIXENT_TRY(mixent_file_read(path, LARGEST, &bytes, &size));
  mixent_status status = mixent_picture_decode(path, bytes, size, out);
  free(bytes);
  return status;
}
