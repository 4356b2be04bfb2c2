/* The end of a step: what its gradient does to the weights. */
#ifndef MIXENT_TRAIN_UPDATE_H
#define MIXENT_TRAIN_UPDATE_H

#include "train/trainer.h"

/* Step `done` (from 0): the learning rate, clipping, the optimiser with the EMA. Where the step looks ahead,
 * the response of the weights to the gradient is taken just before they move. */
void mixent_trainer_update(mixent_trainer *trainer, uint64_t done);

#endif
