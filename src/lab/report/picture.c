/* PNG in memory, as base64. */
#include "lab/report/picture.h"
#include "lab/report/html.h"

#include <png.h>
#include <stdlib.h>

mixent_status mixent_picture_append(const mixent_images *images, size_t index, mixent_text *out) {
  png_uint_32 side = (png_uint_32)images->side;
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = side,
                     .height = side,
                     .format = images->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
  const uint8_t *pixels = images->pixels + index * (size_t)side * side * (size_t)images->channels;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  uint8_t *bytes;
  MIXENT_TRY(MIXENT_ALLOCATE(size, &bytes));
  if (!png_image_write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL)) {
    free(bytes);
    return mixent_fail(MIXENT_ERROR_MEMORY, "cannot write a picture of test image %zu: %s", index,
                       image.message);
  }
  mixent_text_append(out,
                     "<img width=\"%u\" height=\"%u\" alt=\"test image %zu\" title=\"test image %zu\" "
                     "src=\"data:image/png;base64,",
                     side, side, index, index);
  mixent_html_base64(out, bytes, size);
  mixent_text_append(out, "\">");
  free(bytes);
  return mixent_text_status(out);
}
