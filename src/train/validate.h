/* The end of an epoch: what the weights are worth, by all replicas at once. */
#ifndef MIXENT_TRAIN_VALIDATE_H
#define MIXENT_TRAIN_VALIDATE_H

#include "train/trainer.h"

/* Batches that the averaged weights' batch statistics are estimated from. */
uint64_t mixent_trainer_estimate_batches(const mixent_trainer *trainer);
/* The averaged weights never ran: their batch statistics come from training batches of their own draw. */
mixent_status mixent_trainer_estimate_statistics(mixent_trainer *trainer);

/* Images to score. */
typedef struct mixent_validation {
  const mixent_images *images;
  const uint32_t *indices; /* [count]; NULL: the first `count` images */
  size_t count;
} mixent_validation;
/* The scores of the weights, or of the averaged ones where there are any; of no images none. */
mixent_status mixent_trainer_validate(mixent_trainer *trainer, mixent_validation part, mixent_scores *out);

#endif
