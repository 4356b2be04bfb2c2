/* Fuzzing the reader of tar archives: every file that is visited lies in the archive, all else has no bytes; and what a data
 * set takes from it. */
#include "data/formats/tar.h"
#include "data/formats/collection.h"

#include <stdlib.h>
#include <string.h>

typedef struct archive {
  const uint8_t *bytes;
  size_t size;
} archive;

static mixent_status visit(void *context, const mixent_tar_member *member) {
  const archive *archive = context;
  const uint8_t *bytes = member->bytes;
  if (!bytes && member->size) abort();
  if (bytes && member->directory) abort();
  if (bytes && (bytes < archive->bytes || member->size > archive->size - (size_t)(bytes - archive->bytes)))
    abort();
  volatile size_t length = strlen(member->path); /* the path ends */
  (void)length;
  return MIXENT_OK;
}

/* What is collected as images lies in the archive, too, and has a class. */
static mixent_status collect(const archive *archive) {
  mixent_collection *collection = calloc(1, sizeof *collection);
  if (!collection) return MIXENT_ERROR_MEMORY;
  char *note = NULL;
  mixent_status status = mixent_collect_archive("fuzz", archive->bytes, archive->size, collection);
  for (size_t i = 0; i < collection->count; i++) {
    const mixent_collected *image = &collection->images[i];
    mixent_tar_member member = {.path = image->path, .bytes = image->bytes, .size = image->size};
    if (!image->bytes || visit((void *)(uintptr_t)archive, &member) != MIXENT_OK) abort();
    if (image->class < 0 || image->class >= collection->classes.count) abort();
    if (image->part < 0 || image->part >= MIXENT_SET_PARTS) abort();
  }
  if (mixent_passed_over_note(&collection->passed_over, ".png", &note) != MIXENT_OK) abort();
  free(note);
  mixent_collection_free(collection);
  free(collection);
  return status;
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
  bool short_end;
  uint8_t *bytes = malloc(size + 1);
  if (!bytes) return 0;
  for (int mended = 0; mended < 2; mended++) {
    memcpy(bytes, data, size);
    if (mended) mend(bytes, size);
    archive.bytes = bytes;
    if (mixent_tar_walk("fuzz", bytes, size, visit, &archive, &short_end) != MIXENT_OK &&
        strncmp(mixent_last_error(), "fuzz: ", 6) != 0)
      abort();
    if (collect(&archive) != MIXENT_OK && strncmp(mixent_last_error(), "fuzz: ", 6) != 0) abort();
  }
  free(bytes);
  return 0;
}
