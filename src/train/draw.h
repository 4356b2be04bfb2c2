/* Which images a step is of. */
#ifndef MIXENT_TRAIN_DRAW_H
#define MIXENT_TRAIN_DRAW_H

#include "train/trainer.h"

/* An order of the train images for an epoch of that number, as the option `sampling` says, into trainer->order. */
void mixent_trainer_sample(mixent_trainer *trainer, uint64_t epoch);

/* The images of an epoch's steps into trainer->order. The losses by which they are chosen are those of the epoch's beginning, also
 * where a run goes on in the middle of it. */
void mixent_trainer_draw_order(mixent_trainer *trainer);

/* Images and labels of batch `number` of the order, for those rows of trainer->drawn. */
void mixent_trainer_choose_rows(mixent_trainer *trainer, size_t number, size_t first, size_t rows);
/* The batch of the step, with how much each row counts. */
void mixent_trainer_draw_batch(mixent_trainer *trainer);

/* A replica's rows of trainer->drawn into its network's input; the second with what the network is to say of them. */
void mixent_trainer_fill_rows(mixent_trainer *trainer, const mixent_replica *replica);
mixent_status mixent_trainer_draw_rows(mixent_trainer *trainer, mixent_replica *replica);

#endif
