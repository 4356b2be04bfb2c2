/* Each replica takes its part of the images; scores are summed in the order of the replicas. */
#include "train/validate.h"
#include "peers/peers.h"
#include "train/draw.h"
#include "train/members.h"

#include <string.h>

uint64_t mixent_trainer_estimate_batches(const mixent_trainer *trainer) {
  uint64_t batches = (uint64_t)trainer->recipe.ema_estimate_batches;
  return batches < trainer->steps ? batches : trainer->steps;
}

/* A replica's statistics over its rows of all batches. */
static mixent_status estimate(mixent_trainer *trainer, mixent_replica *replica, void *context) {
  (void)context;
  size_t first = replica->number * replica->all->rows;
  mixent_net_use(replica->net, trainer->state.ema, mixent_replicas_statistics(replica->all, replica->number));
  for (uint64_t i = 0; i < mixent_trainer_estimate_batches(trainer); i++) {
    mixent_trainer_choose_rows(trainer, i, first, replica->all->rows);
    mixent_trainer_fill_rows(trainer, replica);
    MIXENT_TRY(mixent_net_forward(replica->net, MIXENT_ESTIMATE, trainer->seed, i));
  }
  return MIXENT_OK;
}

mixent_status mixent_trainer_estimate_statistics(mixent_trainer *trainer) {
  const uint64_t own_draw = (uint64_t)1 << 40; /* beyond any epoch */
  uint64_t key = own_draw + mixent_trainer_member(trainer).epoch;
  mixent_trainer_sample(trainer, key);
  trainer->drawn.key = key;
  MIXENT_TRY(mixent_replicas_run(trainer, estimate, NULL, NULL));
  mixent_replicas_mean_statistics(trainer->replicas, trainer->ema_statistics);
  return MIXENT_OK;
}

/* Of a replica, told in its own thread. */
static void count_scored(void *context, size_t done, size_t images) {
  (void)images;
  mixent_replica *replica = context;
  replica->scored = done;
}

static void tell_scored(mixent_trainer *trainer, void *context) {
  const mixent_validation *validation = context;
  const mixent_replicas *replicas = trainer->replicas;
  size_t done = 0;
  for (size_t i = 0; i < replicas->local; i++) done += replicas->replica[i].scored;
  done *= (size_t)mixent_peers_count(); /* as if all processes were as far */
  if (trainer->options->scored)
    trainer->options->scored(trainer->options->context, done < validation->count ? done : validation->count,
                             validation->count);
}

static mixent_status validate_part(mixent_trainer *trainer, mixent_replica *replica, void *context) {
  const mixent_validation *whole = context;
  const mixent_replicas *replicas = replica->all;
  const mixent_train_batch rows = mixent_replicas_batch(replicas, &trainer->drawn, replica->number);
  const mixent_train_state *state = &trainer->state;
  size_t begin = whole->count * replica->number / replicas->count;
  const mixent_score_job job = {.images = whole->images,
                                .indices = whole->indices ? whole->indices + begin : NULL,
                                .first = whole->indices ? 0 : begin,
                                .count = whole->count * (replica->number + 1) / replicas->count - begin,
                                .mean = trainer->mean,
                                .deviation = trainer->deviation,
                                .batch = rows.rows,
                                .classes = rows.classes,
                                .views = 1, /* which epoch is best needs no more */
                                .counts = mixent_replicas_classes(replicas, replica->number),
                                .batch_indices = rows.indices,
                                .batch_labels = rows.labels,
                                .watch = {.context = replica, .scored = count_scored}};
  const mixent_loss_moment loss = {.options = trainer->loss,
                                   .state = state->loss,
                                   .epoch = (double)mixent_trainer_member(trainer).epoch + 1};
  mixent_score_sums *sums = &mixent_replicas_report(replicas, replica->number)->sums;
  *sums = (mixent_score_sums){0};
  memset(job.counts, 0, rows.classes * sizeof *job.counts);
  mixent_net_use(replica->net, state->ema ? state->ema : trainer->parameters,
                 state->ema ? trainer->ema_statistics : trainer->statistics);
  return mixent_score_images(replica->net, &job, &loss, sums);
}

mixent_status mixent_trainer_validate(mixent_trainer *trainer, mixent_validation part, mixent_scores *out) {
  const mixent_replicas *replicas = trainer->replicas;
  mixent_score_sums sums = {0};
  if (part.count == 0) return MIXENT_OK;
  for (size_t i = 0; i < replicas->local; i++) replicas->replica[i].scored = 0;
  MIXENT_TRY(mixent_replicas_run(trainer, validate_part, &part, tell_scored));
  tell_scored(trainer, &part);
  for (size_t number = 0; number < replicas->count; number++)
    mixent_score_join(&sums, &mixent_replicas_report(replicas, number)->sums);
  *out = mixent_score_result(&sums);
  mixent_class_count *counts = mixent_replicas_classes(replicas, 0); /* all others are added to the first */
  for (size_t number = 1; number < replicas->count; number++)
    mixent_score_join_classes(counts, mixent_replicas_classes(replicas, number), trainer->classes);
  mixent_score_by_class(counts, trainer->classes, trainer->dataset->class_names, out);
  return MIXENT_OK;
}
