/* Leaving out easy images (InfoBatch, Qin et al. 2024, arXiv 2303.04947). An epoch keeps its number of steps. It goes over the images
 * in several passes: each takes all images whose last loss is at least the mean, and of the others, at random, the part 1 -
 * prune.fraction, whose loss and gradient then count 1 / (1 - prune.fraction) times. So hard images are seen more often at the same
 * cost, and the expected gradient of a pass stays that of all images. */
#ifndef MIXENT_TRAIN_PRUNING_H
#define MIXENT_TRAIN_PRUNING_H

#include "recipe/recipe.h"
#include "train/batch.h"

typedef struct mixent_pruning {
  uint32_t *pass;  /* [steps]: in which pass of the epoch a batch lies, from 0 */
  bool *whole;     /* [steps]: that pass leaves nothing out */
  uint32_t *drawn; /* [train images]: room for a pass */
  double mean;     /* loss below which an image is easy; 0: none is */
} mixent_pruning;

/* Memory for it. Free it also where this fails. */
mixent_status mixent_pruning_make(size_t steps, size_t train_count, mixent_pruning *out);
void mixent_pruning_free(mixent_pruning *pruning);

/* What an epoch is drawn from. */
typedef struct mixent_pruning_epoch {
  const uint32_t *train; /* [train_count]: indices of the images */
  size_t train_count, steps, batch;
  const float *losses; /* of each image, by its index, as the epoch begins; below 0: it has none yet */
  double fraction;     /* of the easy images that a pass leaves out; 0: none */
  uint64_t seed, epoch;
} mixent_pruning_epoch;

/* order [train_count]: places in `train`, of steps x batch images; pass 0 has the order of mixent_order_draw. A pass of less than a
 * batch leaves nothing out. */
void mixent_pruning_draw(mixent_pruning *pruning, const mixent_pruning_epoch *epoch, uint32_t *order);

/* The number by which a batch's images are augmented, so that no two passes see the same. */
uint64_t mixent_pruning_key(const mixent_pruning *pruning, uint64_t epoch, size_t step);

/* Weighs the rows of the batch of a step: easy images count for those that were left out. */
void mixent_pruning_weigh(const mixent_pruning *pruning, const float *losses, double fraction, size_t step,
                          mixent_train_batch *batch);

/* Keeps what the rows lost: -ln of the probability of the label. */
void mixent_pruning_keep(const mixent_train_batch *batch, const float *logits, float *losses);

#endif
