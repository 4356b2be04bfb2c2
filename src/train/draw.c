/* An epoch's order and a step's batch, as seed, member and epoch say. */
#include "train/draw.h"
#include "data/mapping.h"
#include "train/members.h"
#include "train/resized.h"
#include "train/targets.h"

#include <string.h>

/* Of keys, beyond any epoch: an image that comes several times in an epoch is augmented anew in each step. */
enum { STEP_SHIFT = 44 };

void mixent_trainer_choose_rows(mixent_trainer *trainer, size_t number, size_t first, size_t rows) {
  for (size_t i = first; i < first + rows; i++) {
    uint32_t index = trainer->split.train[trainer->order[number * trainer->batch + i]];
    trainer->drawn.indices[i] = index;
    trainer->drawn.labels[i] = trainer->train.labels[index];
  }
}

/* Those of the step after this one. */
static void read_ahead(const mixent_trainer *trainer, size_t step) {
  enum { AT_ONCE = 64 };
  uint32_t indices[AT_ONCE];
  if (!trainer->images->mapping || step + 1 >= trainer->steps) return;
  const uint32_t *order = trainer->order + (step + 1) * trainer->batch;
  for (size_t i = 0, count; i < trainer->batch; i += count) {
    count = trainer->batch - i < AT_ONCE ? trainer->batch - i : AT_ONCE;
    for (size_t k = 0; k < count; k++) indices[k] = trainer->split.train[order[i + k]];
    mixent_images_read_ahead(trainer->images, indices, count);
  }
}

void mixent_trainer_fill_rows(mixent_trainer *trainer, const mixent_replica *replica) {
  const mixent_train_batch rows = mixent_replicas_batch(replica->all, &trainer->drawn, replica->number);
  mixent_batch_fill(trainer->images, rows.indices, rows.rows, trainer->augmentation, trainer->seed, rows.key,
                    trainer->mean, trainer->deviation, mixent_net_input(replica->net));
}

mixent_status mixent_trainer_draw_rows(mixent_trainer *trainer, mixent_replica *replica) {
  mixent_trainer_fill_rows(trainer, replica);
  return mixent_trainer_set_targets(trainer, replica);
}

void mixent_trainer_sample(mixent_trainer *trainer, uint64_t epoch) {
  if (trainer->balance.count)
    mixent_balance_draw(&trainer->balance, trainer->seed, epoch, trainer->order);
  else
    mixent_order_draw(trainer->seed, epoch, trainer->order, trainer->split.train_count);
}

void mixent_trainer_draw_batch(mixent_trainer *trainer) {
  uint64_t key = mixent_trainer_member(trainer).epoch;
  size_t step = (size_t)trainer->state.step;
  if (trainer->state.losses) key = mixent_pruning_key(&trainer->pruning, key, step);
  if (trainer->balance.count) key += (uint64_t)(step + 1) << STEP_SHIFT;
  trainer->drawn.key = key;
  mixent_trainer_choose_rows(trainer, step, 0, trainer->batch);
  read_ahead(trainer, step);
  if (trainer->state.losses)
    mixent_pruning_weigh(&trainer->pruning, trainer->state.losses, trainer->recipe.prune_fraction, step,
                         &trainer->drawn);
}

void mixent_trainer_draw_order(mixent_trainer *trainer) {
  mixent_train_state *state = &trainer->state;
  const mixent_recipe *recipe = &trainer->recipe;
  uint64_t epoch = mixent_trainer_member(trainer).epoch;
  mixent_resized_use(trainer, (double)(epoch * (uint64_t)recipe->members) <
                                  recipe->progressive_until * (double)recipe->epochs);
  if (!state->losses) {
    mixent_trainer_sample(trainer, epoch);
    return;
  }
  if (state->step == 0)
    memcpy(state->losses, state->losses + trainer->train.count, trainer->train.count * sizeof *state->losses);
  bool pruned = (double)(epoch * (uint64_t)recipe->members) < recipe->prune_until * (double)recipe->epochs;
  const mixent_pruning_epoch drawn = {.train = trainer->split.train,
                                      .train_count = trainer->split.train_count,
                                      .steps = trainer->steps,
                                      .batch = trainer->batch,
                                      .losses = state->losses,
                                      .fraction = pruned ? recipe->prune_fraction : 0,
                                      .seed = trainer->seed,
                                      .epoch = epoch};
  mixent_pruning_draw(&trainer->pruning, &drawn, trainer->order);
}
