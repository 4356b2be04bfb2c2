/* The three moments of a step that looks ahead: before it, before the optimiser, after it. */
#include "train/look_ahead.h"
#include "core/layout.h"
#include "core/random.h"
#include "train/draw.h"

#include <stdlib.h>
#include <string.h>

struct mixent_look_ahead {
  float *terms[MIXENT_LOSS_PARTS]; /* [parameters] each: dT_i/dtheta; NULL for weights that are not learned */
  float *response;                 /* [parameters]: dtheta'/dg */
};

mixent_status mixent_look_ahead_create(const mixent_trainer *trainer, mixent_look_ahead **out) {
  if (trainer->split.held_out_count < trainer->batch)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "loss.held_out_fraction: style hypergradient needs a batch, %zu %s, held out, and %g leaves %zu",
        trainer->batch, mixent_samples_name(trainer->dataset->train.features),
        trainer->recipe.held_out_fraction, trainer->split.held_out_count);
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++)
    if (trainer->loss.learn[i]) MIXENT_TRY(MIXENT_ALLOCATE(trainer->parameter_count, &(*out)->terms[i]));
  return MIXENT_ALLOCATE(trainer->parameter_count, &(*out)->response);
}

void mixent_look_ahead_free(mixent_look_ahead *ahead) {
  if (!ahead) return;
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++) free(ahead->terms[i]);
  free(ahead->response);
  free(ahead);
}

bool mixent_look_ahead_is_due(const mixent_trainer *trainer, uint64_t done) {
  return trainer->look_ahead && done % (uint64_t)trainer->recipe.hypergradient_every == 0;
}

/* What every pass of a look-ahead has: one term of the loss, and running statistics that are not kept. */
static mixent_batch_pass pass_of(const mixent_trainer *trainer, mixent_term term, double smoothing,
                                 uint64_t done) {
  mixent_batch_pass pass = {
      .rule = mixent_loss_rule_of(&trainer->loss, &trainer->state.loss, 0), /* eps and the like */
      .step = done};
  memset(pass.rule.coefficients, 0, sizeof pass.rule.coefficients);
  pass.rule.coefficients[term] = 1;
  pass.rule.smoothing = smoothing;
  return pass;
}

mixent_status mixent_look_ahead_terms(mixent_trainer *trainer, uint64_t done) {
  mixent_term terms[MIXENT_LOSS_PARTS];
  int parts = mixent_loss_parts(trainer->loss.kind, terms);
  bool filled = false;
  for (int i = 0; i < parts; i++) {
    if (!trainer->look_ahead->terms[i]) continue;
    mixent_batch_pass pass = pass_of(trainer, terms[i], trainer->loss.smoothing, done);
    pass.fill = filled ? NULL : mixent_trainer_draw_rows;
    MIXENT_TRY(mixent_replicas_pass(trainer, &pass));
    filled = true;
    memcpy(trainer->look_ahead->terms[i], trainer->replicas->gradient,
           trainer->parameter_count * sizeof(float));
  }
  return MIXENT_OK;
}

void mixent_look_ahead_respond(mixent_trainer *trainer, double learning_rate, uint64_t step) {
  mixent_optimizer_respond(&trainer->optimizer, learning_rate, step, trainer->parameters,
                           trainer->replicas->gradient, trainer->state.optimizer,
                           trainer->look_ahead->response);
}

/* Images drawn with replacement. */
static void choose_held_out(mixent_trainer *trainer, uint64_t done) {
  const mixent_random random = mixent_random_stream(trainer->seed, "held-out", "");
  for (size_t i = 0; i < trainer->batch; i++) {
    uint32_t words[4];
    mixent_random_block(&random, done, i, words);
    uint32_t index = trainer->split.held_out[(uint64_t)words[0] * trainer->split.held_out_count >> 32];
    trainer->drawn.indices[i] = index;
    trainer->drawn.labels[i] = trainer->train.labels[index];
  }
}

/* As they are: no augmentation. */
static mixent_status fill_held_out(mixent_trainer *trainer, mixent_replica *replica) {
  const mixent_train_batch rows = mixent_replicas_batch(replica->all, &trainer->drawn, replica->number);
  mixent_batch_fill(&trainer->train, rows.indices, rows.rows, NULL, 0, 0, trainer->mean, trainer->deviation,
                    mixent_net_input(replica->net));
  return MIXENT_OK;
}

mixent_status mixent_look_ahead_finish(mixent_trainer *trainer, uint64_t done,
                                       double gradient[MIXENT_LOSS_PARAMETERS]) {
  const mixent_look_ahead *ahead = trainer->look_ahead;
  mixent_batch_pass pass = pass_of(trainer, MIXENT_CE1, 0, done);
  pass.fill = fill_held_out, pass.labels_alone = true;
  choose_held_out(trainer, done);
  MIXENT_TRY(mixent_replicas_pass(trainer, &pass));
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++)
    if (ahead->terms[i])
      gradient[i] =
          mixent_loss_hypergradient(trainer->parameter_count, trainer->replicas->gradient, ahead->terms[i],
                                    ahead->response, 0, trainer->state.loss.value[MIXENT_LOSS_PARTS + i]);
  return MIXENT_OK;
}
