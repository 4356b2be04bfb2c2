/* Fuzzing the reader of tar archives: every file that is visited lies in the archive, links have nothing. */
#include "data/tar.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct archive {
  const uint8_t *bytes;
  size_t size;
} archive;

static mixent_status visit(void *context, const char *path, const uint8_t *bytes, size_t size) {
  const archive *archive = context;
  bool link = !bytes && size == 0;
  if (!link && (bytes < archive->bytes || size > archive->size - (size_t)(bytes - archive->bytes))) abort();
  volatile size_t length = strlen(path); /* the path ends */
  (void)length;
  return MIXENT_OK;
}

/* Check sums are made right, or hardly anything would come past them. */
static void mend(uint8_t *bytes, size_t size) {
  for (size_t at = 0; at + 512 <= size; at += 512) {
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : bytes[at + i];
    if (bytes[at + 257] != 'u' || sum == 8 * ' ') continue;
    for (int i = 5; i >= 0; i--, sum >>= 3) bytes[at + 148 + (size_t)i] = (uint8_t)('0' + (sum & 7));
    bytes[at + 154] = 0;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  archive archive = {.size = size};
  uint8_t *bytes = malloc(size + 1);
  if (!bytes) return 0;
  for (int mended = 0; mended < 2; mended++) {
    memcpy(bytes, data, size);
    if (mended) mend(bytes, size);
    archive.bytes = bytes;
    if (mixent_tar_walk("fuzz", bytes, size, visit, &archive) != MIXENT_OK &&
        strncmp(mixent_last_error(), "fuzz: ", 6) != 0)
      abort();
  }
  free(bytes);
  return 0;
}
