/* Pictures of a collection, wherever their bytes are, decoded to images of one side: one, or many on all threads. */
#include "data/formats/picture_decode.h"
#include "core/threads.h"
#include "data/resize.h"

#include <stdlib.h>

enum { LARGEST_FILE = 1 << 28 };

/* The bytes of its file; free(*loaded). */
static mixent_status load(const mixent_collection *from, const mixent_collected *image, char **loaded,
                          const void **bytes, size_t *size) {
  mixent_status status = MIXENT_OK;
  *loaded = NULL, *bytes = image->bytes, *size = image->size;
  if (image->packed.found)
    status = mixent_zip_read(from->zip, &image->packed, image->path, LARGEST_FILE, (uint8_t **)loaded),
    *size = (size_t)image->packed.size;
  else if (!image->bytes)
    status = mixent_picture_load(image->path, loaded, size);
  if (*loaded) *bytes = *loaded;
  return status;
}

mixent_status mixent_collected_decode(const mixent_collection *from, const mixent_collected *image, int side,
                                      const mixent_dataset_options *options, uint8_t *out) {
  char *loaded;
  const void *bytes;
  size_t size;
  mixent_picture picture;
  MIXENT_TRY(load(from, image, &loaded, &bytes, &size));
  mixent_status status = mixent_picture_decode(image->path, bytes, size, options->background, &picture);
  free(loaded);
  MIXENT_TRY(status);
  status = mixent_picture_fit(&picture, side, 3, options->fit, out);
  mixent_picture_free(&picture);
  return status;
}

mixent_status mixent_collected_measure(const mixent_collection *from, const mixent_collected *image,
                                       mixent_picture *out) {
  char *loaded;
  const void *bytes;
  size_t size;
  MIXENT_TRY(load(from, image, &loaded, &bytes, &size));
  mixent_status status = mixent_picture_measure(image->path, bytes, size, out);
  free(loaded);
  return status;
}

typedef struct block {
  const mixent_collection *from;
  const mixent_dataset_options *options;
  const mixent_collected *images;
  int side;
  uint8_t *pixels;       /* of the first */
  mixent_status *status; /* of each */
} block;

static mixent_status decode_one(const block *block, size_t i) {
  return mixent_collected_decode(block->from, &block->images[i], block->side, block->options,
                                 block->pixels + i * (size_t)block->side * (size_t)block->side * 3);
}

static void decode_range(void *context, size_t begin, size_t end) {
  const block *block = context;
  for (size_t i = begin; i < end; i++) block->status[i] = decode_one(block, i);
}

/* The first of its pictures that failed, in their order, fails once more here: for its message, which belongs to a thread. */
mixent_status mixent_pictures_decode(const mixent_collection *from, const mixent_collected *images,
                                     size_t count, int side, const mixent_dataset_options *options,
                                     uint8_t *out) {
  mixent_status statuses[MIXENT_DECODED_AT_ONCE];
  block block = {from, options, images, side, out, statuses};
  mixent_parallel_for(count, 1, decode_range, &block);
  for (size_t i = 0; i < count; i++)
    if (statuses[i] != MIXENT_OK) MIXENT_TRY(decode_one(&block, i));
  return MIXENT_OK;
}
