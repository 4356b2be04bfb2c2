/* What a gradient does to the weights: in this order the rate, clipping, the optimiser. */
#include "train/update.h"
#include "optimize/clip.h"
#include "train/look_ahead.h"

#include <math.h>

void mixent_trainer_update(mixent_trainer *trainer, uint64_t done) {
  const mixent_recipe *recipe = &trainer->recipe;
  mixent_train_state *state = &trainer->state;
  uint64_t step = done + 1, all = trainer->steps * (uint64_t)(recipe->epochs / recipe->members);
  float *gradient = trainer->replicas->gradient;
  /* an average over all steps so far until that is shorter than what the decay spans */
  double decay = fmin(recipe->ema_decay, (1 + (double)done) / (10 + (double)done));
  trainer->last_rate = mixent_schedule_rate(&trainer->schedule, step, all, &state->schedule);
  if (recipe->clip_norm > 0) mixent_gradient_clip(gradient, trainer->parameter_count, recipe->clip_norm);
  if (mixent_look_ahead_is_due(trainer, done)) mixent_look_ahead_respond(trainer, trainer->last_rate, step);
  mixent_optimizer_step(&trainer->optimizer, trainer->last_rate, step, trainer->parameters, gradient,
                        state->optimizer, state->ema, decay);
}
