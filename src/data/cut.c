/* Cutting a test part out of a set that comes in one part. */
#include "data/cut.h"
#include "core/memory.h"
#include "data/check.h"

#include <stdlib.h>
#include <string.h>

enum { CUT_SEED = 0 };

/* Those images, in that order, in new memory; their files' names go over to it. */
static mixent_status gather(const mixent_images *from, const uint32_t *indices, size_t count,
                            mixent_images *out) {
  size_t size = (size_t)from->side * (size_t)from->side * (size_t)from->channels;
  *out = (mixent_images){.count = count, .side = from->side, .channels = from->channels};
  MIXENT_TRY(MIXENT_ALLOCATE(count, &out->labels));
  MIXENT_TRY(from->features ? MIXENT_ALLOCATE(count * size, &out->features)
                            : MIXENT_ALLOCATE(count * size, &out->pixels));
  if (from->files) MIXENT_TRY(MIXENT_ALLOCATE(count, &out->files));
  for (size_t i = 0; i < count; i++) {
    if (from->files) out->files[i] = from->files[indices[i]], from->files[indices[i]] = NULL;
    out->labels[i] = from->labels[indices[i]];
    if (from->features)
      memcpy(out->features + i * size, from->features + indices[i] * size, size * sizeof *out->features);
    else
      memcpy(out->pixels + i * size, from->pixels + indices[i] * size, size);
  }
  return MIXENT_OK;
}

mixent_status mixent_cut_choose(const mixent_images *images, int classes, mixent_split *split) {
  MIXENT_TRY(mixent_split_make(images, classes, MIXENT_CUT_FRACTION, 0, CUT_SEED, split));
  if (split->validation_count) return MIXENT_OK;
  mixent_split_free(split);
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "no class has two images (or rows) or more, of which one could be set apart for testing");
}

mixent_status mixent_images_cut(mixent_images *train, int classes, mixent_images *test) {
  MIXENT_NEED(test);
  MIXENT_TRY(mixent_images_check(train, true));
  mixent_split split;
  mixent_images left = {0};
  *test = (mixent_images){0};
  MIXENT_TRY(mixent_cut_choose(train, classes, &split));
  mixent_status status = gather(train, split.validation, split.validation_count, test);
  if (status == MIXENT_OK) status = gather(train, split.train, split.train_count, &left);
  mixent_split_free(&split);
  if (status != MIXENT_OK) {
    mixent_images_free(&left);
    mixent_images_free(test);
    return status;
  }
  mixent_images_free(train);
  *train = left;
  return MIXENT_OK;
}
