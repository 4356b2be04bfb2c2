/* What a trained model says of itself besides its network, read: texts by key, as they stand in checkpoints. */
#include "core/json.h"
#include "core/memory.h"
#include "data/encoder.h"
#include "model/description.h"
#include "model/temperature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *find(const mixent_described *from, const char *key) {
  return from->find(from->source, key);
}

static mixent_status fail_entry(const mixent_described *from, const char *key) {
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: '%s' in its description is missing or wrong; it is not a checkpoint of mixent",
                     from->path, key);
}

/* The JSON array of `count` elements under a key of the description. */
static mixent_status read_array(const mixent_described *from, const char *key, int count, json_t **out) {
  const char *text = find(from, key);
  *out = NULL;
  mixent_status status = text ? mixent_json_parse(text, strlen(text), 0, from->path, out) : MIXENT_OK;
  if (status == MIXENT_ERROR_MEMORY) return status;
  if (json_is_array(*out) && json_array_size(*out) == (size_t)count) return MIXENT_OK;
  json_decref(*out);
  *out = NULL;
  return fail_entry(from, key);
}

static mixent_status read_whole(const mixent_described *from, const char *key, long low, long high,
                                int *out) {
  const char *text = find(from, key);
  char *end = NULL;
  long value = text ? strtol(text, &end, 10) : 0;
  if (!text || end == text || *end || value < low || value > high) return fail_entry(from, key);
  *out = (int)value;
  return MIXENT_OK;
}

static mixent_status read_numbers(const mixent_described *from, const char *key, int count, double *out) {
  json_t *array;
  MIXENT_TRY(read_array(from, key, count, &array));
  bool right = true;
  for (int i = 0; i < count; i++) {
    const json_t *number = json_array_get(array, (size_t)i);
    right &= json_is_number(number);
    out[i] = json_number_value(number);
  }
  json_decref(array);
  return right ? MIXENT_OK : fail_entry(from, key);
}

static mixent_status read_text(const mixent_described *from, const char *key, char **out) {
  const char *text = find(from, key);
  if (!text) return fail_entry(from, key);
  return mixent_copy_text(text, out);
}

static mixent_status read_names(const mixent_described *from, const char *key, int count, char ***out) {
  json_t *names;
  MIXENT_TRY(read_array(from, key, count, &names));
  mixent_status status = MIXENT_ALLOCATE(count, out);
  for (int k = 0; k < count && status == MIXENT_OK; k++) {
    const char *name = json_string_value(json_array_get(names, (size_t)k));
    status = name ? mixent_copy_text(name, &(*out)[k]) : fail_entry(from, key);
  }
  json_decref(names);
  return status;
}

static mixent_status read_labels(const mixent_described *from, mixent_model *model) {
  json_t *labels;
  MIXENT_TRY(read_array(from, "labels", model->classes, &labels));
  mixent_status status = MIXENT_ALLOCATE(model->classes, &model->labels);
  for (int k = 0; k < model->classes && status == MIXENT_OK; k++) {
    const json_t *label = json_array_get(labels, (size_t)k);
    if (!json_is_integer(label)) status = fail_entry(from, "labels");
    model->labels[k] = json_integer_value(label);
  }
  json_decref(labels);
  return status;
}

static mixent_status read_floats(const mixent_described *from, const char *key, int count, float **out) {
  double *wide;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &wide));
  mixent_status status = read_numbers(from, key, count, wide);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count, out);
  for (int i = 0; i < count && status == MIXENT_OK; i++) (*out)[i] = (float)wide[i];
  free(wide);
  return status;
}

/* The choice that an optional key names; *found false where the key is absent. */
static mixent_status read_choice(const mixent_described *from, const char *key, const char *const *names,
                                 bool *found, int *out) {
  const char *text = find(from, key);
  *found = text != NULL;
  for (int i = 0; text && names[i]; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = i;
      return MIXENT_OK;
    }
  return text ? fail_entry(from, key) : MIXENT_OK;
}

/* How it reads pictures. */
static mixent_status read_pictures(const mixent_described *from, mixent_model *model) {
  int fit = MIXENT_FIT_STRETCH, background = MIXENT_BACKGROUND_BLACK;
  bool found;
  MIXENT_TRY(read_choice(from, "fit", mixent_fit_names, &model->pictures, &fit));
  MIXENT_TRY(read_choice(from, "background", mixent_background_names, &found, &background));
  model->fit = (mixent_fit)fit, model->background = (mixent_background)background;
  return MIXENT_OK;
}

/* How the columns of a table become its features, if it keeps that. */
static mixent_status read_encoder(const mixent_described *from, mixent_model *model) {
  const char *text = find(from, "encoder");
  int width;
  if (!text) return MIXENT_OK;
  MIXENT_TRY(mixent_encoder_read(text, from->path, &model->encoder));
  MIXENT_TRY(mixent_encoder_width(model->encoder, from->path, &width));
  return model->side == 1 && width == model->channels ? MIXENT_OK : fail_entry(from, "encoder");
}

/* What pixels or features are normalised by, and what logits are divided by: else every probability were NaN. */
static mixent_status check_numbers(const mixent_model *model, const mixent_described *from) {
  for (int i = 0; i < model->channels; i++) {
    if (!isfinite(model->mean[i])) return fail_entry(from, "mean");
    if (!(isnormal(model->deviation[i]) && model->deviation[i] > 0)) return fail_entry(from, "std");
  }
  bool none = model->fitted_temperature == 0;
  return none || mixent_is_temperature(model->fitted_temperature) ? MIXENT_OK
                                                                  : fail_entry(from, MIXENT_TEMPERATURE_KEY);
}

mixent_status mixent_description_read(const mixent_described *from, mixent_model *model) {
  int epoch = 0;
  MIXENT_TRY(read_whole(from, "side", 1, 65536, &model->side));
  MIXENT_TRY(read_whole(from, "channels", 1, model->side == 1 ? MIXENT_MOST_FEATURES : 3, &model->channels));
  MIXENT_TRY(read_whole(from, "classes", 1, 1 << 24, &model->classes));
  MIXENT_TRY(read_whole(from, "epoch", 0, MIXENT_MOST_EPOCHS, &epoch));
  MIXENT_TRY(read_names(from, "class_names", model->classes, &model->class_names));
  MIXENT_TRY(read_labels(from, model));
  if (find(from, "feature_names"))
    MIXENT_TRY(read_names(from, "feature_names", model->channels, &model->feature_names));
  MIXENT_TRY(read_floats(from, "mean", model->channels, &model->mean));
  MIXENT_TRY(read_floats(from, "std", model->channels, &model->deviation));
  MIXENT_TRY(read_numbers(from, "loss", MIXENT_LOSS_PARAMETERS, model->loss.value));
  MIXENT_TRY(read_text(from, "data", &model->data));
  MIXENT_TRY(read_text(from, "recipe", &model->recipe));
  if (find(from, MIXENT_TEMPERATURE_KEY))
    MIXENT_TRY(read_numbers(from, MIXENT_TEMPERATURE_KEY, 1, &model->fitted_temperature));
  MIXENT_TRY(check_numbers(model, from));
  MIXENT_TRY(read_pictures(from, model));
  MIXENT_TRY(read_encoder(from, model));
  const char *transposed = find(from, "transposed");
  const char *fingerprint = find(from, "fingerprint");
  const char *unnamed = find(from, MIXENT_UNNAMED_KEY);
  if (!fingerprint) return fail_entry(from, "fingerprint");
  model->transposed = transposed && strcmp(transposed, "true") == 0;
  model->unnamed = unnamed && strcmp(unnamed, "true") == 0;
  model->fingerprint = strtoull(fingerprint, NULL, 16);
  model->epoch = epoch;
  model->temperature = 1;
  return MIXENT_OK;
}
