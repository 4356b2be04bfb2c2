/* A checkpoint's description and its state as small tensors. */
#include "train/checkpoint_state.h"
#include "core/json.h"
#include "data/encoder.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next entry; its text is to be appended to the value returned. */
static mixent_text *add_entry(mixent_description *description, const char *key) {
  description->entries[description->count].key = key;
  return &description->values[description->count++];
}

static void append_json(mixent_text *text, json_t *json) {
  char *dump;
  if (mixent_json_write(json, JSON_COMPACT, &dump) == MIXENT_OK)
    mixent_text_append(text, "%s", dump);
  else
    text->failed = 1;
  free(dump);
}

static void append_numbers(mixent_text *text, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    mixent_text_append(text, i ? "," : "[");
    mixent_number_write(values[i], text);
  }
  mixent_text_append(text, "]");
}

static void append_floats(mixent_text *text, const float *values, int count) {
  for (int i = 0; i < count; i++) {
    mixent_text_append(text, i ? "," : "[");
    mixent_number_write(values[i], text);
  }
  mixent_text_append(text, "]");
}

mixent_status mixent_description_make(const mixent_checkpoint *checkpoint, mixent_description *out) {
  const mixent_dataset *dataset = checkpoint->dataset;
  memset(out, 0, sizeof *out);
  mixent_text_append(add_entry(out, "format"), "pt"); /* what PyTorch's users' tools look for */
  mixent_text_append(add_entry(out, "net"), "%s", mixent_graph_name(checkpoint->graph));
  mixent_text_append(add_entry(out, "net_text"), "%s", mixent_graph_text(checkpoint->graph));
  mixent_text_append(add_entry(out, "data"), "%s", dataset->name);
  mixent_text_append(add_entry(out, "channels"), "%d", dataset->train.channels);
  mixent_text_append(add_entry(out, "side"), "%d", dataset->train.side);
  mixent_text_append(add_entry(out, "classes"), "%d", dataset->classes);
  json_t *labels = json_array();
  for (int k = 0; k < dataset->classes; k++) mixent_json_append(&labels, json_integer(dataset->labels[k]));
  append_json(add_entry(out, "class_names"),
              mixent_json_texts(dataset->class_names, (size_t)dataset->classes));
  append_json(add_entry(out, "labels"), labels);
  if (dataset->feature_names)
    append_json(add_entry(out, "feature_names"),
                mixent_json_texts(dataset->feature_names, (size_t)dataset->train.channels));
  mixent_text_append(add_entry(out, "transposed"), dataset->transposed ? "true" : "false");
  mixent_text_append(add_entry(out, "fingerprint"), "%016llx", (unsigned long long)dataset->fingerprint);
  append_floats(add_entry(out, "mean"), checkpoint->mean, dataset->train.channels);
  append_floats(add_entry(out, "std"), checkpoint->deviation, dataset->train.channels);
  mixent_text_append(add_entry(out, "recipe"), "%s", checkpoint->recipe);
  out->varying = out->count;
  if (dataset->pictures) { /* the recipe and the fingerprint say the same: older checkpoints lack these */
    mixent_text_append(add_entry(out, "fit"), "%s", mixent_fit_names[dataset->fit]);
    mixent_text_append(add_entry(out, "background"), "%s", mixent_background_names[dataset->background]);
  }
  if (dataset->encoder) {
    char *encoder = NULL;
    mixent_status status = mixent_encoder_write(dataset->encoder, &encoder);
    if (status == MIXENT_OK) mixent_text_append(add_entry(out, "encoder"), "%s", encoder);
    free(encoder);
    if (status != MIXENT_OK) {
      mixent_description_free(out);
      return status;
    }
  }
  mixent_text_append(add_entry(out, "mixent"), "%s", mixent_version());
  mixent_text_append(add_entry(out, "epoch"), "%llu", (unsigned long long)checkpoint->state->epoch);
  append_numbers(add_entry(out, "loss"), checkpoint->state->loss.value, MIXENT_LOSS_PARAMETERS);
  for (size_t i = 0; i < out->count; i++) {
    mixent_status status = mixent_text_status(&out->values[i]);
    if (status != MIXENT_OK) {
      mixent_description_free(out);
      return status;
    }
    out->entries[i].value = out->values[i].data;
  }
  return MIXENT_OK;
}

void mixent_description_free(mixent_description *description) {
  for (size_t i = 0; i < description->count; i++) mixent_text_free(&description->values[i]);
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
