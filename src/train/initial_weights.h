/* The weights that training begins with. */
#ifndef MIXENT_TRAIN_INITIAL_WEIGHTS_H
#define MIXENT_TRAIN_INITIAL_WEIGHTS_H

#include "train/trainer.h"

/* Draws parameters and statistics for a member (train/members.h), then sets those filters that the recipe's `init` names. */
mixent_status mixent_trainer_draw_weights(mixent_trainer *trainer, uint64_t member);

#endif
