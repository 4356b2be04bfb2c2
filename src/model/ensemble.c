/* An ensemble's description and its arrays. */
#include "model/ensemble.h"
#include "core/memory.h"
#include "core/status.h"
#include "data/encoder.h"
#include "net/graph/graph.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What differs between two models such that no one network could be both; NULL: nothing. */
static const char *find_difference(const mixent_model *a, const mixent_model *b) {
  if (a->side != b->side || a->channels != b->channels) return "read other images";
  if (a->classes != b->classes) return "tell another number of classes apart";
  for (int k = 0; k < a->classes; k++)
    if (a->labels[k] != b->labels[k] || strcmp(a->class_names[k], b->class_names[k]) != 0)
      return "tell other classes apart";
  if (a->transposed != b->transposed) return "read images that are stored in another way";
  if (a->fit != b->fit || a->background != b->background) return "read pictures in another way";
  size_t bytes = (size_t)a->channels * sizeof *a->mean;
  if (memcmp(a->mean, b->mean, bytes) != 0 || memcmp(a->deviation, b->deviation, bytes) != 0)
    return "normalise their input by other numbers, for they were trained on another part of the data";
  return NULL;
}

/* Whether both recipes cut the train images in the same way, and put the same noise on their labels. */
static mixent_status cut_alike(const mixent_model *a, const mixent_model *b, bool *alike) {
  mixent_recipe x, y;
  MIXENT_TRY(mixent_recipe_parse(a->recipe, "the recipe in a checkpoint", "checkpoint", NULL, 0, &x));
  MIXENT_TRY(mixent_recipe_parse(b->recipe, "the recipe in a checkpoint", "checkpoint", NULL, 0, &y));
  bool ahead = mixent_recipe_looks_ahead(&x);
  *alike = a->fingerprint == b->fingerprint && x.validation_fraction == y.validation_fraction &&
           x.validation_folds == y.validation_folds && x.validation_fold == y.validation_fold &&
           x.validation_seed == y.validation_seed && x.train_fraction == y.train_fraction &&
           x.noise_fraction == y.noise_fraction && x.noise_seed == y.noise_seed &&
           x.noise_kind == y.noise_kind && strcmp(x.noise_matrix, y.noise_matrix) == 0 &&
           ahead == mixent_recipe_looks_ahead(&y) && (!ahead || x.held_out_fraction == y.held_out_fraction);
  return MIXENT_OK;
}

/* Whether its description has the key `members`. */
static bool is_ensemble(const mixent_model *model) {
  static const char key[] = "members:";
  for (const char *line = mixent_graph_text(model->graph); line; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, key, sizeof key - 1) == 0) return true;
  }
  return false;
}

/* Whether both make features of a table's columns in the same way. */
static mixent_status encode_alike(const mixent_model *a, const mixent_model *b, bool *alike) {
  char *x = NULL, *y = NULL;
  *alike = !a->encoder == !b->encoder;
  if (!a->encoder || !b->encoder) return MIXENT_OK;
  mixent_status status = mixent_encoder_write(a->encoder, &x);
  if (status == MIXENT_OK) status = mixent_encoder_write(b->encoder, &y);
  if (status == MIXENT_OK) *alike = strcmp(x, y) == 0;
  free(x);
  free(y);
  return status;
}

static mixent_status check_members(const mixent_model *const *models, const char *const *names,
                                   size_t count) {
  if (count < 2 || count > MIXENT_MAX_INPUTS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "an ensemble: expected 2 to %d checkpoints, got %zu",
                       MIXENT_MAX_INPUTS, count);
  for (size_t i = 0; i < count; i++)
    if (is_ensemble(models[i]))
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "%s is an ensemble, which cannot be part of another; name the checkpoints of its members",
          names[i]);
  for (size_t i = 1; i < count; i++) {
    const char *difference = find_difference(models[0], models[i]);
    bool alike;
    MIXENT_TRY(encode_alike(models[0], models[i], &alike));
    if (!alike) difference = "make other features of a table's columns";
    if (difference)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s and %s %s; only models of the same data make one ensemble", names[0], names[i],
                         difference);
  }
  return MIXENT_OK;
}

/* The description, each member's as an indented text. */
static mixent_status write_description(const mixent_model *const *models, size_t count, mixent_text *out) {
  mixent_text_append(out, "name: ensemble-%zu\nmembers:\n", count);
  for (size_t i = 0; i < count; i++) {
    mixent_text_append(out, "  - |4\n");
    for (const char *line = mixent_graph_text(models[i]->graph); *line;) {
      size_t length = strcspn(line, "\n");
      mixent_text_append(out, length ? "      %.*s\n" : "\n", (int)length, line);
      line += length + (line[length] == '\n');
    }
  }
  return mixent_text_status(out);
}

static mixent_status make_network(const mixent_model *const *models, size_t count, mixent_model *out) {
  mixent_text text = {0};
  const mixent_graph_options options = {
      .channels = out->channels, .side = out->side, .classes = out->classes, .dropout = -1};
  mixent_status status = write_description(models, count, &text);
  if (status == MIXENT_OK) status = mixent_graph_parse(text.data, "an ensemble", &options, &out->graph);
  mixent_text_free(&text);
  MIXENT_TRY(status);
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_parameter_count(out->graph), &out->parameters));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_statistic_count(out->graph), &out->statistics));
  float *parameters = out->parameters, *statistics = out->statistics;
  for (size_t i = 0; i < count; i++) { /* a member's tensors stand together, in its own order */
    size_t own = mixent_graph_parameter_count(models[i]->graph),
           counted = mixent_graph_statistic_count(models[i]->graph);
    memcpy(parameters, models[i]->parameters, own * sizeof *parameters);
    if (counted) memcpy(statistics, models[i]->statistics, counted * sizeof *statistics);
    parameters += own, statistics += counted;
  }
  return MIXENT_OK;
}

static mixent_status copy_names(char *const *names, int count, char ***out) {
  MIXENT_TRY(MIXENT_ALLOCATE(count, out));
  for (int k = 0; k < count; k++) MIXENT_TRY(mixent_copy_text(names[k], &(*out)[k]));
  return MIXENT_OK;
}

static mixent_status copy_numbers(const void *from, size_t bytes, void **out) {
  MIXENT_TRY(mixent_allocate(bytes, out));
  memcpy(*out, from, bytes);
  return MIXENT_OK;
}

/* All but the network. */
static mixent_status copy_description(const mixent_model *from, mixent_model *out) {
  size_t channels = (size_t)from->channels * sizeof *from->mean;
  out->channels = from->channels, out->side = from->side, out->classes = from->classes;
  out->transposed = from->transposed, out->unnamed = from->unnamed, out->fingerprint = from->fingerprint;
  out->pictures = from->pictures, out->fit = from->fit, out->background = from->background;
  out->loss = from->loss, out->epoch = from->epoch, out->temperature = 1;
  MIXENT_TRY(copy_names(from->class_names, from->classes, &out->class_names));
  if (from->feature_names) MIXENT_TRY(copy_names(from->feature_names, from->channels, &out->feature_names));
  if (from->encoder) MIXENT_TRY(mixent_encoder_copy(from->encoder, &out->encoder));
  MIXENT_TRY(copy_numbers(from->labels, (size_t)from->classes * sizeof *from->labels, (void **)&out->labels));
  MIXENT_TRY(copy_numbers(from->mean, channels, (void **)&out->mean));
  MIXENT_TRY(copy_numbers(from->deviation, channels, (void **)&out->deviation));
  MIXENT_TRY(mixent_copy_text(from->data, &out->data));
  return mixent_copy_text(from->recipe, &out->recipe);
}

mixent_status mixent_ensemble_make(const mixent_model *const *models, const char *const *names, size_t count,
                                   mixent_model **out) {
  mixent_model *model;
  *out = NULL;
  MIXENT_TRY(check_members(models, names, count));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &model));
  mixent_status status = copy_description(models[0], model);
  bool alike = true;
  for (size_t i = 1; i < count && status == MIXENT_OK && alike; i++)
    status = cut_alike(models[0], models[i], &alike);
  if (!alike) model->fingerprint = 0;
  if (status == MIXENT_OK) status = make_network(models, count, model);
  if (status != MIXENT_OK) {
    mixent_model_free(model);
    return status;
  }
  *out = model;
  return MIXENT_OK;
}
