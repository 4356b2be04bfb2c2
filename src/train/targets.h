/* Soft targets: what the network is to say of an image, where that is more than its label. */
#ifndef MIXENT_TRAIN_TARGETS_H
#define MIXENT_TRAIN_TARGETS_H

#include "train/trainer.h"

/* Of a replica's rows, which are filled in, before they go forward: their labels, then in part what the teachers say; then they are
 * mixed with one another; then in part what the teachers say of the mixed rows. Does nothing where targets are hard. */
mixent_status mixent_trainer_set_targets(mixent_trainer *trainer, const mixent_replica *replica);

#endif
