/* A checkpoint's description, by that of its model, and its state as small tensors. */
#include "train/checkpoint_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the checkpoint's model is, without its arrays; it owns nothing. */
static mixent_model view_model(const mixent_checkpoint *checkpoint) {
  const mixent_dataset *dataset = checkpoint->dataset;
  return (mixent_model){.graph = (mixent_graph *)checkpoint->graph,
                        .channels = dataset->train.channels,
                        .side = dataset->train.side,
                        .classes = dataset->classes,
                        .class_names = dataset->class_names,
                        .labels = dataset->labels,
                        .mean = (float *)checkpoint->mean,
                        .deviation = (float *)checkpoint->deviation,
                        .feature_names = dataset->feature_names,
                        .encoder = dataset->encoder,
                        .transposed = dataset->transposed,
                        .pictures = dataset->pictures,
                        .fit = dataset->fit,
                        .background = dataset->background,
                        .data = dataset->name,
                        .fingerprint = dataset->fingerprint,
                        .recipe = (char *)checkpoint->recipe,
                        .loss = checkpoint->state->loss,
                        .epoch = (double)checkpoint->state->epoch};
}

mixent_status mixent_checkpoint_describe(const mixent_checkpoint *checkpoint, mixent_description *out) {
  const mixent_model model = view_model(checkpoint);
  return mixent_description_make(&model, out);
}

#define FIELD(text, element, field)                                                                          \
  { text, element, offsetof(mixent_small_state, field), sizeof((mixent_small_state *)NULL)->field / 8 }
const mixent_small_field mixent_small_fields[] = {FIELD("state.position", MIXENT_I64, position),
                                                  FIELD("state.batches_tracked", MIXENT_I64, batches_tracked),
                                                  FIELD("state.best.epoch", MIXENT_I64, best_epoch),
                                                  FIELD("state.best.scores", MIXENT_F64, best),
                                                  FIELD("state.schedule", MIXENT_F64, schedule),
                                                  FIELD("state.loss.parameters", MIXENT_F64, loss),
                                                  FIELD("state.loss.optimizer", MIXENT_F64, loss_optimizer),
                                                  FIELD("state.monitor", MIXENT_F64, monitor),
                                                  FIELD("state.epoch.counts", MIXENT_I64, counts),
                                                  FIELD("state.epoch.sums", MIXENT_F64, sums),
                                                  {.name = NULL}};

void mixent_small_state_pack(const mixent_checkpoint *checkpoint, mixent_small_state *out) {
  const mixent_train_state *state = checkpoint->state;
  const mixent_metrics *metrics = &state->sums.metrics;
  memset(out, 0, sizeof *out);
  out->batches_tracked = (int64_t)checkpoint->batches_tracked;
  out->position[0] = (int64_t)state->epoch, out->position[1] = (int64_t)state->step;
  out->best_epoch = (int64_t)state->best_epoch;
  out->best[0] = state->best_score, out->best[1] = state->best_nll;
  memcpy(out->loss, state->loss.value, sizeof out->loss);
  memcpy(out->loss_optimizer, state->loss_optimizer, sizeof out->loss_optimizer);
  out->schedule = state->schedule.factor;
  const mixent_monitor *monitor = &state->monitor;
  out->monitor[0] = monitor->told, out->monitor[1] = (double)monitor->observations;
  out->monitor[2] = monitor->best, out->monitor[3] = monitor->before;
  memcpy(out->monitor + 4, monitor->recent, sizeof monitor->recent);
  out->counts[0] = (int64_t)metrics->count, out->counts[1] = (int64_t)metrics->correct;
  out->sums[0] = metrics->nll, out->sums[1] = metrics->brier, out->sums[2] = metrics->entropy;
  out->sums[3] = state->sums.loss;
  memcpy(out->sums + 4, state->sums.terms, sizeof state->sums.terms);
  for (int i = 0; i < MIXENT_METRICS_BINS; i++) {
    out->counts[2 + 2 * i] = (int64_t)metrics->bin_count[i];
    out->counts[3 + 2 * i] = (int64_t)metrics->bin_correct[i];
    out->sums[4 + MIXENT_TERMS + i] = metrics->bin_confidence[i];
  }
}

void mixent_small_state_unpack(const mixent_small_state *small, mixent_train_state *state) {
  mixent_metrics *metrics = &state->sums.metrics;
  state->epoch = (uint64_t)small->position[0], state->step = (uint64_t)small->position[1];
  state->best_epoch = (uint64_t)small->best_epoch;
  state->best_score = small->best[0], state->best_nll = small->best[1];
  memcpy(state->loss.value, small->loss, sizeof small->loss);
  memcpy(state->loss_optimizer, small->loss_optimizer, sizeof small->loss_optimizer);
  state->schedule.factor = small->schedule;
  mixent_monitor *monitor = &state->monitor;
  monitor->told = (unsigned)small->monitor[0], monitor->observations = (size_t)small->monitor[1];
  monitor->best = small->monitor[2], monitor->before = small->monitor[3];
  memcpy(monitor->recent, small->monitor + 4, sizeof monitor->recent);
  metrics->count = (size_t)small->counts[0], metrics->correct = (size_t)small->counts[1];
  metrics->nll = small->sums[0], metrics->brier = small->sums[1], metrics->entropy = small->sums[2];
  state->sums.loss = small->sums[3];
  memcpy(state->sums.terms, small->sums + 4, sizeof state->sums.terms);
  for (int i = 0; i < MIXENT_METRICS_BINS; i++) {
    metrics->bin_count[i] = (size_t)small->counts[2 + 2 * i];
    metrics->bin_correct[i] = (size_t)small->counts[3 + 2 * i];
    metrics->bin_confidence[i] = small->sums[4 + MIXENT_TERMS + i];
  }
}
