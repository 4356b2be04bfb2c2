/* Soft targets: what the network is to say of an image, where that is more than its label. */
#ifndef MIXENT_TRAIN_TARGETS_H
#define MIXENT_TRAIN_TARGETS_H

#include "train/trainer.h"

/* Whether a recipe makes targets soft, with or without teachers, who do so whenever they are there. */
bool mixent_recipe_softens(const mixent_recipe *recipe);

/* Of a replica's rows, which are filled in, before they go forward: their labels, then in part what the teachers say, then in part what the
 * network itself said an epoch ago; then they are mixed with one another; then in part what the teachers
 * say of the mixed rows. Does nothing where targets are hard. */
mixent_status mixent_trainer_set_targets(mixent_trainer *trainer, const mixent_replica *replica);

/* After the forward pass: keeps what the network says for the next epoch, where the recipe distils from it. */
void mixent_trainer_keep_predictions(mixent_trainer *trainer);

#endif
