/* Runs of several members: networks trained one after another, each for its part of the epochs and from a seed of its own, that
 * become one ensemble (model/ensemble.h). The first is the network that the same recipe trains alone. With distill.members the first
 * ones teach the others, and the ensemble, or where it is one the model, is that of the others. */
#ifndef MIXENT_TRAIN_MEMBERS_H
#define MIXENT_TRAIN_MEMBERS_H

#include "train/trainer.h"

/* Where training stands: which member, from 0, and how many epochs and steps it has done itself. */
typedef struct mixent_member {
  uint64_t number, epoch, steps;
} mixent_member;
mixent_member mixent_trainer_member(const mixent_trainer *trainer);

/* The batches that the member has seen whose weights the trainer holds. */
uint64_t mixent_member_batches(const mixent_trainer *trainer);

/* The seed of all that is random in a member. Seeds of recipes have 31 bits. */
static inline uint64_t mixent_member_seed(long seed, uint64_t member) {
  return (uint64_t)seed + (member << 32);
}

/* Draws the parameters and statistics that a member begins with. */
void mixent_member_draw_weights(mixent_trainer *trainer, uint64_t number);

/* Before an epoch. Sets the trainer's seed; where a member begins, keeps the best network of the one before as
 * member-N.safetensors, if it is not there, and begins anew; where the first ones teach it, takes them as teachers. */
mixent_status mixent_member_begin(mixent_trainer *trainer, const mixent_run_directory *run);

/* After the last epoch: keeps the last member, too, and makes best.safetensors the ensemble of all that teach no others. Does nothing
 * in a run of one network. */
mixent_status mixent_members_join(const mixent_trainer *trainer, const mixent_run_directory *run);

#endif
