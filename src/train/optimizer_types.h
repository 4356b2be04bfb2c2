/* The optimisers there are: one file each, and one line here and in the registry in optimizer.c. */
#ifndef MIXENT_TRAIN_OPTIMIZER_TYPES_H
#define MIXENT_TRAIN_OPTIMIZER_TYPES_H

#include "train/optimizer.h"

extern const mixent_optimizer_type mixent_optimizer_sgd, mixent_optimizer_adam;

#endif
