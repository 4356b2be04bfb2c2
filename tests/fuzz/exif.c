/* Fuzzing the reader of EXIF data, which lie in memory of just their size: the orientation is one of eight. */
#include "data/formats/exif.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *bytes = malloc(size ? size : 1);
  if (!bytes) return 0;
  if (size) memcpy(bytes, data, size);
  int orientation = mixent_exif_orientation(bytes, size);
  if (orientation < 1 || orientation > 8) abort();
  free(bytes);
  return 0;
}
