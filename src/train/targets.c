/* Targets from their sources, one after another. Each is linear in what was there before: t = (1 - share) t + share p. */
#include "train/targets.h"
#include "train/teacher.h"

/* `said` [train images, classes] */
static void blend(const mixent_train_batch *drawn, const float *said, double share) {
  for (size_t i = 0; i < drawn->rows; i++) {
    const float *row = said + drawn->indices[i] * drawn->classes;
    float *target = drawn->targets + i * drawn->classes;
    for (size_t k = 0; k < drawn->classes; k++)
      target[k] = (float)((1 - share) * (double)target[k] + share * (double)row[k]);
  }
}

static void mix(mixent_trainer *trainer, const mixent_replica *replica, const mixent_train_batch *drawn) {
  const mixent_mix_batch rows = {.rows = drawn->rows,
                                 .classes = drawn->classes,
                                 .side = trainer->images->side,
                                 .channels = trainer->images->channels,
                                 .indices = drawn->indices,
                                 .input = mixent_net_input(replica->net),
                                 .targets = drawn->targets};
  mixent_mix_rows(&trainer->recipe.mixing, &rows, trainer->seed, drawn->key);
}

/* What the teachers say of each row as the network is to see it. */
static mixent_status blend_answers(mixent_trainer *trainer, const mixent_replica *replica,
                                   const mixent_train_batch *drawn) {
  mixent_teachers *teachers = trainer->teachers[replica->number - replica->all->first];
  const float *said;
  double share = trainer->recipe.distill_weight;
  MIXENT_TRY(mixent_teachers_ask_batch(teachers, mixent_net_input(replica->net), trainer->mean,
                                       trainer->deviation, &said));
  for (size_t i = 0; i < drawn->rows * drawn->classes; i++)
    drawn->targets[i] = (float)((1 - share) * (double)drawn->targets[i] + share * (double)said[i]);
  return MIXENT_OK;
}

mixent_status mixent_trainer_set_targets(mixent_trainer *trainer, const mixent_replica *replica) {
  const mixent_recipe *recipe = &trainer->recipe;
  mixent_train_batch drawn = mixent_replicas_batch(replica->all, &trainer->drawn, replica->number);
  if (!drawn.targets) return MIXENT_OK;
  mixent_train_batch_soften(&drawn);
  if (trainer->taught) blend(&drawn, trainer->taught, recipe->distill_weight);
  if (mixent_mixing_is_on(&recipe->mixing)) mix(trainer, replica, &drawn);
  return trainer->teachers ? blend_answers(trainer, replica, &drawn) : MIXENT_OK;
}
