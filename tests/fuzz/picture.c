/* Fuzzing the readers of pictures, PNG, JPEG, BMP and WebP, and of EXIF in them: what is accepted is all there, and as large as its
 * header says. */
#include "data/formats/picture.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_told(const char *message) {
  return strncmp(message, "fuzz: ", 6) == 0 ||
         strcmp(message, "no memory for fuzz, or its transparency is damaged") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_picture picture, measured;
  mixent_background background = size % 2 ? MIXENT_BACKGROUND_BLACK : MIXENT_BACKGROUND_CONTRAST;
  mixent_status status = mixent_picture_measure("fuzz", data, size, &measured);
  if (measured.pixels || measured.opacity) abort();
  if (mixent_picture_decode("fuzz", data, size, background, &picture) == MIXENT_OK) {
    size_t count = picture.width * picture.height;
    if (!count || count > MIXENT_PICTURE_MOST || picture.opacity) abort();
    if (status != MIXENT_OK || measured.width * measured.height != count) abort();
    if (measured.width != picture.width && measured.width != picture.height) abort();
    volatile uint8_t last = picture.pixels[count * 3 - 1];
    (void)last;
    mixent_picture_free(&picture);
  } else if (picture.pixels || !is_told(mixent_last_error())) {
    abort();
  }
  return 0;
}
