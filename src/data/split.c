/* Choosing images and labels: the stratified split, the order of an epoch, and the moments that
 * normalise images. */
#include "core/memory.h"
#include "core/random.h"
#include "data/check.h"
#include "data/mapping.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* How many of a class's `count` images are set apart: rounded, at least 1 of 2 or more, and one always stays
 * in train. */
static size_t share_of(size_t count, double fraction) {
  if (fraction <= 0 || count < 2) return 0;
  size_t share = (size_t)llround(fraction * (double)count);
  if (share < 1) return 1;
  return share < count ? share : count - 1;
}

enum { TRAIN, VALIDATION, HELD_OUT };

/* How a set is cut: into parts of a size, or fold `fold` of `folds` apart. */
typedef struct cutting {
  double validation, held_out;
  size_t folds, fold; /* folds 0: by the parts above */
} cutting;

/* chosen[i]: the part of image i. members and order: scratch of `count` each. */
static void choose_parts(const mixent_images *images, int classes, const cutting *cutting, uint64_t seed,
                         uint32_t *members, uint32_t *order, uint8_t *chosen) {
  mixent_random random = mixent_random_stream(seed, "split", "");
  for (int class = 0; class < classes; class ++) {
    size_t count = 0;
    for (size_t i = 0; i < images->count; i++)
      if (images->labels[i] == class) members[count++] = (uint32_t)i;
    size_t validation = share_of(count, cutting->validation),
           held_out = share_of(count - validation, cutting->held_out);
    if (validation + held_out == 0 && !cutting->folds) continue;
    mixent_random_permutation(&random, (uint64_t) class, order, count);
    for (size_t i = cutting->fold; i < count && cutting->folds; i += cutting->folds)
      chosen[members[order[i]]] = VALIDATION;
    for (size_t i = 0; i < validation + held_out; i++)
      chosen[members[order[i]]] = i < validation ? VALIDATION : HELD_OUT;
  }
}

static mixent_status split_fill(const mixent_images *images, int classes, const cutting *cutting,
                                uint64_t seed, uint8_t *chosen, mixent_split *out) {
  /* the lists to be returned serve as scratch first */
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &out->train));
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &out->validation));
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &out->held_out));
  choose_parts(images, classes, cutting, seed, out->train, out->validation, chosen);
  for (size_t i = 0; i < images->count; i++) {
    if (chosen[i] == VALIDATION)
      out->validation[out->validation_count++] = (uint32_t)i;
    else if (chosen[i] == HELD_OUT)
      out->held_out[out->held_out_count++] = (uint32_t)i;
    else
      out->train[out->train_count++] = (uint32_t)i;
  }
  return MIXENT_OK;
}

static mixent_status split(const mixent_images *images, int classes, const cutting *cutting, uint64_t seed,
                           mixent_split *out) {
  MIXENT_NEED(images);
  if (images->count) MIXENT_NEED(images->labels);
  if (images->count > UINT32_MAX)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%zu images: at most %u can be split", images->count,
                       UINT32_MAX);
  for (size_t i = 0; i < images->count; i++)
    if (images->labels[i] < 0 || images->labels[i] >= classes)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "image %zu: its label %d is not in 0..%d", i,
                         images->labels[i], classes - 1);
  uint8_t *chosen;
  MIXENT_TRY(MIXENT_ALLOCATE(images->count, &chosen));
  mixent_status status = split_fill(images, classes, cutting, seed, chosen, out);
  free(chosen);
  if (status != MIXENT_OK) mixent_split_free(out);
  return status;
}

mixent_status mixent_split_make(const mixent_images *images, int classes, double fraction,
                                double held_out_fraction, uint64_t seed, mixent_split *out) {
  MIXENT_NEED(out);
  *out = (mixent_split){0};
  const double fractions[2] = {fraction, held_out_fraction};
  for (int i = 0; i < 2; i++)
    if (!(fractions[i] >= 0 && fractions[i] < 1))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s fraction %g: must be from 0 to below 1",
                         i ? "held-out" : "validation", fractions[i]);
  return split(images, classes, &(cutting){.validation = fraction, .held_out = held_out_fraction}, seed, out);
}

mixent_status mixent_split_fold(const mixent_images *images, int classes, size_t folds, size_t fold,
                                uint64_t seed, mixent_split *out) {
  MIXENT_NEED(out);
  *out = (mixent_split){0};
  if (folds < 2 || fold >= folds)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "expected 2 folds or more and a fold below them, got fold %zu of %zu", fold, folds);
  return split(images, classes, &(cutting){.folds = folds, .fold = fold}, seed, out);
}

/* members and order: scratch of a split's train_count each; kept [images]. */
static void choose_kept(const mixent_images *images, int classes, double fraction, uint64_t seed,
                        const mixent_split *split, uint32_t *members, uint32_t *order, uint8_t *kept) {
  mixent_random random = mixent_random_stream(seed, "part", "");
  for (int class = 0; class < classes; class ++) {
    size_t count = 0;
    for (size_t i = 0; i < split->train_count; i++)
      if (images->labels[split->train[i]] == class) members[count++] = split->train[i];
    if (count == 0) continue;
    size_t share = (size_t)llround(fraction * (double)count);
    mixent_random_permutation(&random, (uint64_t) class, order, count);
    for (size_t i = 0; i < (share ? share : 1); i++) kept[members[order[i]]] = 1;
  }
}

mixent_status mixent_split_thin(const mixent_images *images, int classes, double fraction, uint64_t seed,
                                mixent_split *split) {
  MIXENT_NEED(split);
  MIXENT_NEED(images);
  if (images->count) MIXENT_NEED(images->labels);
  if (split->train_count) MIXENT_NEED(split->train);
  for (size_t i = 0; i < split->train_count; i++)
    if (split->train[i] >= images->count)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "split: expected images 0 to below %zu, got %u",
                         images->count, split->train[i]);
  if (!(fraction > 0 && fraction <= 1))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "train fraction %g: must be above 0 and at most 1", fraction);
  uint32_t *members = NULL, *order = NULL;
  uint8_t *kept = NULL;
  mixent_status status = MIXENT_ALLOCATE(split->train_count, &members);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(split->train_count, &order);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(images->count, &kept);
  if (status == MIXENT_OK) {
    choose_kept(images, classes, fraction, seed, split, members, order, kept);
    size_t count = 0;
    for (size_t i = 0; i < split->train_count; i++)
      if (kept[split->train[i]]) split->train[count++] = split->train[i];
    split->train_count = count;
  }
  free(members);
  free(order);
  free(kept);
  return status;
}

void mixent_split_free(mixent_split *split) {
  if (!split) return;
  free(split->train);
  free(split->validation);
  free(split->held_out);
  *split = (mixent_split){0};
}

void mixent_order_draw(uint64_t seed, uint64_t epoch, uint32_t *order, size_t count) {
  if (count) MIXENT_NEED_OR(order, );
  mixent_random random = mixent_random_stream(seed, "order", "");
  mixent_random_permutation(&random, epoch, order, count);
}

enum { PIECE = 64 }; /* features whose moments are found together */

/* Of features [begin, begin + n), in two passes and from the first value on, so that a feature with one value has a
 * deviation of just 0. */
static void feature_moments(const mixent_images *images, const uint32_t *indices, size_t count, size_t begin,
                            size_t n, float *mean, float *deviation) {
  double first[PIECE] = {0}, sum[PIECE] = {0}, squares[PIECE] = {0};
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < count; i++) {
      const float *row = images->features + indices[i] * (size_t)images->channels + begin;
      for (size_t k = 0; k < n; k++) {
        if (i == 0 && pass == 0) first[k] = row[k];
        double distance = row[k] - first[k];
        if (pass == 0)
          sum[k] += distance;
        else
          squares[k] += (distance - sum[k] / (double)count) * (distance - sum[k] / (double)count);
      }
    }
  for (size_t k = 0; k < n; k++) {
    float found = count ? (float)sqrt(squares[k] / (double)count) : 0;
    mean[begin + k] = count ? (float)(first[k] + sum[k] / (double)count) : 0;
    deviation[begin + k] = found >= FLT_MIN ? found : 1;
  }
}

void mixent_images_moments(const mixent_images *images, const uint32_t *indices, size_t count, float *mean,
                           float *deviation) {
  MIXENT_NEED_OR(mean, );
  MIXENT_NEED_OR(deviation, );
  if (mixent_images_check(images, false) != MIXENT_OK) return;
  if (count) MIXENT_NEED_OR(indices, );
  for (size_t begin = 0; images->features && begin < (size_t)images->channels; begin += PIECE) {
    size_t left = (size_t)images->channels - begin;
    feature_moments(images, indices, count, begin, left < PIECE ? left : PIECE, mean, deviation);
  }
  if (images->features) return;
  size_t pixels = (size_t)images->side * (size_t)images->side, channels = (size_t)images->channels;
  uint64_t sum[3] = {0}, squares[3] = {0}; /* whole numbers: exact, whatever the order */
  for (size_t i = 0; i < count; i++) {
    const uint8_t *pixel = images->pixels + indices[i] * pixels * channels;
    for (size_t j = 0; j < pixels; j++)
      for (size_t k = 0; k < channels; k++, pixel++)
        sum[k] += *pixel, squares[k] += (uint64_t)(*pixel * *pixel);
    mixent_images_were_read(images, 1);
  }
  for (size_t k = 0; k < channels; k++) {
    double total = (double)(count * pixels), m = total > 0 ? (double)sum[k] / total : 0;
    double variance = total > 0 ? (double)squares[k] / total - m * m : 0; /* of bytes, population */
    mean[k] = (float)(m / 255);
    /* a channel of one value would divide by 0: it stays 0 after its mean is taken off */
    deviation[k] = variance > 1e-6 ? (float)(sqrt(variance) / 255) : 1;
  }
}
