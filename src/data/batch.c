/* Batches: images drawn, changed and normalised into the network's input, without any memory of its own. */
#include "core/threads.h"
#include "data/check.h"
#include "data/mapping.h"

#include <string.h>

enum {
  GRAIN = 4,
  CHUNK = 768
}; /* rows a task; bytes normalised at a time, whole pixels of 1 or 3 channels */

typedef struct batch {
  const mixent_images *images;
  const uint32_t *indices;
  const mixent_augmentation *augmentation; /* NULL: none is drawn */
  uint64_t seed, epoch;
  const mixent_transform *view;  /* the same for every image; NULL: none */
  float normal[3][256];          /* (value / 255 - mean) / deviation, per channel and byte */
  const float *mean, *deviation; /* of features */
  float *out;
} batch;

/* out[i] = normal[channel of i][bytes[i]] for `size` bytes. `bytes` may be the last quarter of out's own
 * memory: each chunk is copied before it is written, and what it writes (up to 4 (i + chunk)) stays below
 * what is unread (from 3 size + i + chunk on). */
static void normalize_image(const batch *batch, const uint8_t *bytes, size_t size, float *out) {
  uint8_t chunk[CHUNK];
  for (size_t i = 0; i < size; i += CHUNK) {
    size_t count = size - i < CHUNK ? size - i : CHUNK;
    memcpy(chunk, bytes + i, count);
    if (batch->images->channels == 1) {
      for (size_t j = 0; j < count; j++) out[i + j] = batch->normal[0][chunk[j]];
    } else {
      for (size_t j = 0; j < count; j += 3)
        for (size_t k = 0; k < 3; k++) out[i + j + k] = batch->normal[k][chunk[j + k]];
    }
  }
}

/* The image changed as drawn, or to the view that was asked for; as it is if there is neither. */
static const uint8_t *change_image(const batch *batch, uint32_t index, size_t size, float *out) {
  const mixent_images *images = batch->images;
  const uint8_t *image = images->pixels + index * size;
  if (!batch->augmentation && !batch->view) return image;
  /* the row's own memory is four images large: the first is scratch, the last holds the changed image */
  uint8_t *scratch = (uint8_t *)out, *changed = scratch + 3 * size;
  mixent_transform drawn;
  if (batch->augmentation)
    drawn = mixent_transform_draw(batch->augmentation, images->side, batch->seed, batch->epoch, index);
  mixent_transform_apply(batch->augmentation ? &drawn : batch->view, images->side, images->channels, image,
                         changed, scratch);
  return changed;
}

static void fill_rows(void *context, size_t begin, size_t end) {
  const batch *batch = context;
  const mixent_images *images = batch->images;
  size_t size = (size_t)images->side * (size_t)images->side * (size_t)images->channels;
  for (size_t row = begin; row < end; row++) {
    float *out = batch->out + row * size;
    normalize_image(batch, change_image(batch, batch->indices[row], size, out), size, out);
  }
}

static void fill_features(void *context, size_t begin, size_t end) {
  const batch *batch = context;
  size_t count = (size_t)batch->images->channels;
  for (size_t row = begin; row < end; row++) {
    const float *in = batch->images->features + batch->indices[row] * count;
    float *out = batch->out + row * count;
    for (size_t k = 0; k < count; k++) out[k] = (in[k] - batch->mean[k]) / batch->deviation[k];
  }
}

static void fill_batch(batch *batch, size_t rows, const float *mean, const float *deviation) {
  if (batch->images->features) {
    batch->mean = mean, batch->deviation = deviation;
    mixent_parallel_for(rows, GRAIN, fill_features, batch);
    return;
  }
  for (int k = 0; k < batch->images->channels; k++)
    for (int value = 0; value < 256; value++)
      batch->normal[k][value] = ((float)value / 255.0f - mean[k]) / deviation[k];
  mixent_parallel_for(rows, GRAIN, fill_rows, batch);
  mixent_images_were_read(batch->images, rows);
}

void mixent_batch_fill(const mixent_images *images, const uint32_t *indices, size_t rows,
                       const mixent_augmentation *augmentation, uint64_t seed, uint64_t epoch,
                       const float *mean, const float *deviation, float *out) {
  MIXENT_NEED_OR(mean, );
  MIXENT_NEED_OR(deviation, );
  MIXENT_NEED_OR(out, );
  if (mixent_images_check(images, false) != MIXENT_OK) return;
  if (rows) MIXENT_NEED_OR(indices, );
  batch batch = {.images = images,
                 .indices = indices,
                 .augmentation = augmentation,
                 .seed = seed,
                 .epoch = epoch,
                 .out = out};
  fill_batch(&batch, rows, mean, deviation);
}

void mixent_batch_view(const mixent_images *images, const uint32_t *indices, size_t rows, int view,
                       const float *mean, const float *deviation, float *out) {
  MIXENT_NEED_OR(mean, );
  MIXENT_NEED_OR(deviation, );
  MIXENT_NEED_OR(out, );
  if (mixent_images_check(images, false) != MIXENT_OK) return;
  if (rows) MIXENT_NEED_OR(indices, );
  const mixent_transform transform = mixent_view(view);
  batch batch = {.images = images, .indices = indices, .view = view ? &transform : NULL, .out = out};
  fill_batch(&batch, rows, mean, deviation);
}
