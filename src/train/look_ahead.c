/* The three moments of a step that looks ahead: before it, before the optimiser, after it. */
#include "train/look_ahead.h"
#include "core/layout.h"
#include "core/random.h"

#include <stdlib.h>
#include <string.h>

struct mixent_look_ahead {
  float *terms[MIXENT_LOSS_PARTS]; /* [parameters] each: dT_i/dtheta; NULL for weights that are not learned */
  float *response;                 /* [parameters]: dtheta'/dg */
  float *statistics;               /* running statistics that may be spoilt */
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
  MIXENT_TRY(MIXENT_ALLOCATE(trainer->parameter_count, &(*out)->response));
  return MIXENT_ALLOCATE(trainer->statistic_count, &(*out)->statistics);
}

void mixent_look_ahead_free(mixent_look_ahead *ahead) {
  if (!ahead) return;
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++) free(ahead->terms[i]);
  free(ahead->response);
  free(ahead->statistics);
  free(ahead);
}

bool mixent_look_ahead_is_due(const mixent_trainer *trainer, uint64_t done) {
  return trainer->look_ahead && done % (uint64_t)trainer->recipe.hypergradient_every == 0;
}

/* The gradient of one term of the batch that is filled in, into the net's gradients. */
static mixent_status differentiate(mixent_trainer *trainer, const mixent_train_batch *batch, mixent_term term,
                                   double smoothing, uint64_t done) {
  mixent_loss_rule rule = mixent_loss_rule_of(&trainer->loss, &trainer->state.loss, 0); /* eps and the like */
  memset(rule.coefficients, 0, sizeof rule.coefficients);
  rule.coefficients[term] = 1;
  rule.smoothing = smoothing;
  mixent_loss_result result;
  mixent_net_use(trainer->net, NULL, trainer->look_ahead->statistics);
  mixent_status status = mixent_net_forward(trainer->net, MIXENT_TRAIN, trainer->seed, done);
  if (status == MIXENT_OK) status = mixent_train_batch_evaluate(batch, trainer->net, &rule, &result);
  if (status == MIXENT_OK) status = mixent_net_backward(trainer->net);
  mixent_net_use(trainer->net, NULL, NULL);
  return status;
}

mixent_status mixent_look_ahead_terms(mixent_trainer *trainer, uint64_t done) {
  mixent_term terms[MIXENT_LOSS_PARTS];
  int parts = mixent_loss_parts(trainer->loss.kind, terms);
  for (int i = 0; i < parts; i++) {
    if (!trainer->look_ahead->terms[i]) continue;
    MIXENT_TRY(differentiate(trainer, &trainer->drawn, terms[i], trainer->loss.smoothing, done));
    memcpy(trainer->look_ahead->terms[i], mixent_net_gradients(trainer->net),
           trainer->parameter_count * sizeof(float));
  }
  return MIXENT_OK;
}

void mixent_look_ahead_respond(mixent_trainer *trainer, double learning_rate, uint64_t step) {
  mixent_optimizer_respond(&trainer->optimizer, learning_rate, step, trainer->parameters,
                           mixent_net_gradients(trainer->net), trainer->state.optimizer,
                           trainer->look_ahead->response);
}

/* Images drawn with replacement, as they are: no augmentation. */
static void fill_held_out(mixent_trainer *trainer, uint64_t done) {
  const mixent_images *images = &trainer->train;
  const mixent_random random = mixent_random_stream(trainer->seed, "held-out", "");
  for (size_t i = 0; i < trainer->batch; i++) {
    uint32_t words[4];
    mixent_random_block(&random, done, i, words);
    uint32_t index = trainer->split.held_out[(uint64_t)words[0] * trainer->split.held_out_count >> 32];
    trainer->drawn.indices[i] = index;
    trainer->drawn.labels[i] = images->labels[index];
  }
  mixent_batch_fill(images, trainer->drawn.indices, trainer->batch, NULL, 0, 0, trainer->mean,
                    trainer->deviation, mixent_net_input(trainer->net));
}

mixent_status mixent_look_ahead_finish(mixent_trainer *trainer, uint64_t done,
                                       double gradient[MIXENT_LOSS_PARAMETERS]) {
  const mixent_look_ahead *ahead = trainer->look_ahead;
  fill_held_out(trainer, done);
  mixent_train_batch held_out = trainer->drawn; /* whose targets and weights are those of the step */
  held_out.targets = held_out.weights = NULL;
  MIXENT_TRY(differentiate(trainer, &held_out, MIXENT_CE1, 0, done));
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++)
    if (ahead->terms[i])
      gradient[i] = mixent_loss_hypergradient(trainer->parameter_count, mixent_net_gradients(trainer->net),
                                              ahead->terms[i], ahead->response, 0,
                                              trainer->state.loss.value[MIXENT_LOSS_PARTS + i]);
  return MIXENT_OK;
}
