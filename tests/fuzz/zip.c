/* Fuzzing data sets in zip archives: what is collected lies in the archive and has a class, and what unpacks has the size that was said.
 * npz.c fuzzes the same reader with arrays. */
#include "data/formats/collection.h"

#include <stdlib.h>
#include <string.h>

typedef struct archive {
  const uint8_t *bytes;
  size_t size;
} archive;

static mixent_status read_memory(void *context, uint64_t first, size_t count, void *out) {
  const archive *archive = context;
  if (first > archive->size || count > archive->size - first) abort();
  memcpy(out, archive->bytes + first, count);
  return MIXENT_OK;
}

static void check_image(const mixent_zip_source *source, const mixent_collection *collection,
                        const mixent_collected *image) {
  enum { LIMIT = 1 << 20 };
  uint8_t *bytes;
  if (!image->packed.found || image->bytes) abort();
  if (image->class < 0 || image->class >= collection->classes.count) abort();
  if (image->part < 0 || image->part >= MIXENT_SET_PARTS) abort();
  if (collection->in_one_part && image->part != MIXENT_SET_TRAIN) abort();
  if (mixent_zip_read(source, &image->packed, image->path, LIMIT, &bytes) == MIXENT_OK) {
    volatile uint8_t last = image->packed.size ? bytes[image->packed.size - 1] : 0;
    (void)last;
    free(bytes);
  } else if (strncmp(mixent_last_error(), "fuzz", 4) != 0) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  archive archive = {data, size};
  const mixent_zip_source source = {
      .name = "fuzz", .advice = "copy it again", .size = size, .read = read_memory, .context = &archive};
  mixent_collection *collection = calloc(1, sizeof *collection);
  if (!collection) return 0;
  if (mixent_collect_zip(&source, collection) != MIXENT_OK && strncmp(mixent_last_error(), "fuzz", 4) != 0)
    abort();
  for (size_t i = 0; i < collection->count; i++) check_image(&source, collection, &collection->images[i]);
  mixent_collection_free(collection);
  free(collection);
  return 0;
}
