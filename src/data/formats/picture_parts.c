/* What the formats of pictures share. */
#include "core/memory.h"
#include "data/formats/picture.h"

#include <stdlib.h>

void mixent_picture_free(mixent_picture *picture) {
  free(picture->pixels);
  free(picture->opacity);
  *picture = (mixent_picture){0};
}

mixent_status mixent_picture_check_size(const char *origin, size_t width, size_t height) {
  if (!width || !height)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu x %zu pixels; save or copy it again", origin, width,
                       height);
  if (width <= MIXENT_PICTURE_MOST / height) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                     "%s: %zu x %zu pixels; expected at most %d million: scale it down", origin, width,
                     height, MIXENT_PICTURE_MOST / 1000000);
}

mixent_status mixent_picture_part_opacity(mixent_picture *picture) {
  size_t count = picture->width * picture->height;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &picture->opacity));
  for (size_t i = 0; i < count; i++) { /* what is written lies before what is still to be read */
    picture->opacity[i] = picture->pixels[4 * i + 3];
    for (size_t k = 0; k < 3; k++) picture->pixels[3 * i + k] = picture->pixels[4 * i + k];
  }
  return MIXENT_OK;
}
