/* Fuzzing the readers of pictures, PNG and JPEG: what is accepted is all there. */
#include "data/formats/picture.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_picture picture;
  if (mixent_picture_decode("fuzz", data, size, &picture) == MIXENT_OK) {
    if (picture.width > MIXENT_PICTURE_LARGEST || picture.height > MIXENT_PICTURE_LARGEST) abort();
    volatile uint8_t last = picture.pixels[picture.width * picture.height * 3 - 1];
    (void)last;
    free(picture.pixels);
  } else if (picture.pixels || strncmp(mixent_last_error(), "fuzz: ", 6) != 0) {
    abort();
  }
  return 0;
}
