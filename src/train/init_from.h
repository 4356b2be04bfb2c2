/* Transfer: a run that begins with the weights of a trained model. */
#ifndef MIXENT_TRAIN_INIT_FROM_H
#define MIXENT_TRAIN_INIT_FROM_H

#include "train/trainer.h"

/* Takes parameters and statistics of the checkpoint that the recipe's init_from names, if it names one, for a training that has
 * not begun. A model that tells other classes apart, by number or name, gives all but its last linear layer, which stays as
 * it was drawn. Errors: a tensor that is missing or has another shape. */
mixent_status mixent_trainer_init_from(mixent_trainer *trainer);

#endif
