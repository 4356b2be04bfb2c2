/* PNG in memory. */
#include "data/draw/png.h"
#include "core/memory.h"

#include <png.h>
#include <stdlib.h>

mixent_status mixent_png_encode(const uint8_t *pixels, size_t side, int channels, uint8_t **out,
                                size_t *size) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)side,
                     .height = (png_uint_32)side,
                     .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
  MIXENT_TRY(MIXENT_ALLOCATE(bytes, out));
  if (!png_image_write_to_memory(&image, *out, &bytes, 0, pixels, 0, NULL)) {
    free(*out);
    *out = NULL;
    return mixent_fail(MIXENT_ERROR_MEMORY, "cannot write a picture: %s", image.message);
  }
  *size = bytes;
  return MIXENT_OK;
}
