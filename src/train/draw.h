/* Which images a step is of. */
#ifndef MIXENT_TRAIN_DRAW_H
#define MIXENT_TRAIN_DRAW_H

#include "train/trainer.h"

/* The images of an epoch's steps into trainer->order. The losses by which they are chosen are those of the epoch's beginning, also
 * where a run goes on in the middle of it. */
void mixent_trainer_draw_order(mixent_trainer *trainer);

/* The batch of the step: its images, how much each counts, what the network is to say of it. */
mixent_status mixent_trainer_draw_batch(mixent_trainer *trainer);

/* Images and labels of batch `number` of the order, augmented by `key`, into the net's input. */
void mixent_trainer_fill_batch(mixent_trainer *trainer, size_t number, uint64_t key);

#endif
