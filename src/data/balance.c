/* Counting classes, weighing them, drawing from them. */
#include "data/balance.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/random.h"

#include <math.h>
#include <stdlib.h>

const char *const mixent_class_weighting_names[] = {"none", "balanced", "effective", NULL};

/* That labels and numbers of images are in range. */
static mixent_status check_chosen(const mixent_images *images, const uint32_t *indices, size_t count,
                                  int classes) {
  for (size_t i = 0; i < count; i++) {
    if (indices[i] >= images->count)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "chosen images: expected numbers below %zu, got %u",
                         images->count, indices[i]);
    int32_t label = images->labels[indices[i]];
    if (label < 0 || label >= classes)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "image %u: its label %d is not in 0..%d", indices[i], label,
                         classes - 1);
  }
  return MIXENT_OK;
}

/* counts [classes] */
static void count_labels(const mixent_images *images, const uint32_t *indices, size_t count, size_t *counts) {
  for (size_t i = 0; i < count; i++) counts[images->labels[indices[i]]]++;
}

/* Of an image whose class has n, up to a factor. */
static double weight_of(size_t n, mixent_class_weighting weighting, double beta) {
  if (n == 0) return 0;
  switch (weighting) {
  case MIXENT_WEIGHTS_BALANCED: return 1 / (double)n;
  case MIXENT_WEIGHTS_EFFECTIVE: /* (1 - beta) / (1 - beta^n), by expm1 where beta^n is near 1 */
    return beta > 0 ? (1 - beta) / -expm1((double)n * log(beta)) : 1;
  default: return 1;
  }
}

mixent_status mixent_class_weights(const mixent_images *images, const uint32_t *indices, size_t count,
                                   int classes, mixent_class_weighting weighting, double beta, double *out) {
  MIXENT_TRY(check_chosen(images, indices, count, classes));
  if (!(beta >= 0 && beta < 1))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "beta of class weights: expected 0 to below 1, got %g", beta);
  size_t *counts;
  MIXENT_TRY(MIXENT_ALLOCATE((size_t)classes, &counts));
  count_labels(images, indices, count, counts);
  double sum = 0; /* over images */
  for (int k = 0; k < classes; k++) {
    out[k] = weight_of(counts[k], weighting, beta);
    sum += (double)counts[k] * out[k];
  }
  for (int k = 0; k < classes && sum > 0; k++) out[k] *= (double)count / sum;
  free(counts);
  return MIXENT_OK;
}

/* counts [classes]: images of each, then where the next of each goes. */
static void sort_places(const mixent_images *images, const uint32_t *indices, int classes, size_t *counts,
                        mixent_balance *out) {
  size_t begin = 0;
  for (int k = 0; k < classes; k++) {
    size_t n = counts[k];
    counts[k] = begin;
    if (n) out->starts[out->classes++] = begin;
    begin += n;
  }
  out->starts[out->classes] = begin;
  for (size_t i = 0; i < out->count; i++) out->places[counts[images->labels[indices[i]]]++] = (uint32_t)i;
}

mixent_status mixent_balance_make(const mixent_images *images, const uint32_t *indices, size_t count,
                                  int classes, mixent_balance *out) {
  *out = (mixent_balance){.count = count};
  MIXENT_TRY(check_chosen(images, indices, count, classes));
  size_t *counts;
  MIXENT_TRY(MIXENT_ALLOCATE((size_t)classes, &counts));
  mixent_status status = MIXENT_ALLOCATE((size_t)classes + 1, &out->starts);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count, &out->places);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count, &out->shuffled);
  if (status == MIXENT_OK) {
    count_labels(images, indices, count, counts);
    sort_places(images, indices, classes, counts, out);
  } else {
    mixent_balance_free(out);
  }
  free(counts);
  return status;
}

void mixent_balance_free(mixent_balance *balance) {
  if (!balance) return;
  free(balance->starts);
  free(balance->places);
  free(balance->shuffled);
  *balance = (mixent_balance){0};
}

/* order[k], order[k + classes], …: images of the k-th class, in a new order whenever all have come. */
static void deal_class(const mixent_balance *balance, size_t k, uint64_t seed, uint64_t epoch,
                       uint32_t *order) {
  size_t begin = balance->starts[k], n = balance->starts[k + 1] - begin, round = 0;
  for (size_t at = k; at < balance->count; round++) {
    char name[64];
    mixent_print(name, sizeof name, "%zu %zu", k, round);
    const mixent_random random = mixent_random_stream(seed, "balance", name);
    mixent_random_permutation(&random, epoch, balance->shuffled, n);
    for (size_t i = 0; i < n && at < balance->count; i++, at += balance->classes)
      order[at] = balance->places[begin + balance->shuffled[i]];
  }
}

/* Puts the classes of each round into an order of its own: else a batch shorter than a round would always be of the same classes. */
static void shuffle_rounds(const mixent_balance *balance, uint64_t seed, uint64_t epoch, uint32_t *order) {
  const mixent_random random = mixent_random_stream(seed, "balance", "rounds");
  for (size_t begin = 0; begin < balance->count; begin += balance->classes) {
    size_t left = balance->count - begin, size = left < balance->classes ? left : balance->classes;
    for (size_t i = size; i-- > 1;) {
      uint32_t words[4];
      mixent_random_block(&random, epoch, begin + i, words);
      size_t other = begin + (size_t)((uint64_t)words[0] * (i + 1) >> 32);
      uint32_t swap = order[begin + i];
      order[begin + i] = order[other], order[other] = swap;
    }
  }
}

void mixent_balance_draw(const mixent_balance *balance, uint64_t seed, uint64_t epoch, uint32_t *order) {
  for (size_t k = 0; k < balance->classes; k++) deal_class(balance, k, seed, epoch, order);
  shuffle_rounds(balance, seed, epoch, order);
}
