/* A trained model: read from a checkpoint, held against a data set. */
#include "core/json.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "data/check.h"
#include "data/encoder.h"
#include "io/safetensors.h"
#include "model/evaluator.h"
#include "model/state_dict.h"
#include "model/temperature.h"
#include "net/graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mixent_status fail_entry(const char *path, const char *key) {
  return mixent_fail(MIXENT_ERROR_FORMAT,
                     "%s: '%s' in its description is missing or wrong; it is not a checkpoint of mixent",
                     path, key);
}

/* The JSON array of `count` elements under a key of the description. */
static mixent_status read_array(const mixent_safetensors *file, const char *path, const char *key, int count,
                                json_t **out) {
  const char *text = mixent_safetensors_metadata(file, key);
  *out = NULL;
  mixent_status status = text ? mixent_json_parse(text, strlen(text), 0, path, out) : MIXENT_OK;
  if (status == MIXENT_ERROR_MEMORY) return status;
  if (json_is_array(*out) && json_array_size(*out) == (size_t)count) return MIXENT_OK;
  json_decref(*out);
  *out = NULL;
  return fail_entry(path, key);
}

static mixent_status read_whole(const mixent_safetensors *file, const char *path, const char *key, long low,
                                long high, int *out) {
  const char *text = mixent_safetensors_metadata(file, key);
  char *end = NULL;
  long value = text ? strtol(text, &end, 10) : 0;
  if (!text || end == text || *end || value < low || value > high) return fail_entry(path, key);
  *out = (int)value;
  return MIXENT_OK;
}

static mixent_status read_numbers(const mixent_safetensors *file, const char *path, const char *key,
                                  int count, double *out) {
  json_t *array;
  MIXENT_TRY(read_array(file, path, key, count, &array));
  bool right = true;
  for (int i = 0; i < count; i++) {
    const json_t *number = json_array_get(array, (size_t)i);
    right &= json_is_number(number);
    out[i] = json_number_value(number);
  }
  json_decref(array);
  return right ? MIXENT_OK : fail_entry(path, key);
}

static mixent_status read_text(const mixent_safetensors *file, const char *path, const char *key,
                               char **out) {
  const char *text = mixent_safetensors_metadata(file, key);
  if (!text) return fail_entry(path, key);
  return mixent_copy_text(text, out);
}

static mixent_status read_names(const mixent_safetensors *file, const char *path, const char *key, int count,
                                char ***out) {
  json_t *names;
  MIXENT_TRY(read_array(file, path, key, count, &names));
  mixent_status status = MIXENT_ALLOCATE(count, out);
  for (int k = 0; k < count && status == MIXENT_OK; k++) {
    const char *name = json_string_value(json_array_get(names, (size_t)k));
    status = name ? mixent_copy_text(name, &(*out)[k]) : fail_entry(path, key);
  }
  json_decref(names);
  return status;
}

static mixent_status read_labels(const mixent_safetensors *file, const char *path, mixent_model *model) {
  json_t *labels;
  MIXENT_TRY(read_array(file, path, "labels", model->classes, &labels));
  mixent_status status = MIXENT_ALLOCATE(model->classes, &model->labels);
  for (int k = 0; k < model->classes && status == MIXENT_OK; k++) {
    const json_t *label = json_array_get(labels, (size_t)k);
    if (!json_is_integer(label)) status = fail_entry(path, "labels");
    model->labels[k] = json_integer_value(label);
  }
  json_decref(labels);
  return status;
}

static mixent_status read_floats(const mixent_safetensors *file, const char *path, const char *key, int count,
                                 float **out) {
  double *wide;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &wide));
  mixent_status status = read_numbers(file, path, key, count, wide);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count, out);
  for (int i = 0; i < count && status == MIXENT_OK; i++) (*out)[i] = (float)wide[i];
  free(wide);
  return status;
}

/* The choice that an optional key names; *found false where the key is absent. */
static mixent_status read_choice(const mixent_safetensors *file, const char *path, const char *key,
                                 const char *const *names, bool *found, int *out) {
  const char *text = mixent_safetensors_metadata(file, key);
  *found = text != NULL;
  for (int i = 0; text && names[i]; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = i;
      return MIXENT_OK;
    }
  return text ? fail_entry(path, key) : MIXENT_OK;
}

/* How it reads pictures. */
static mixent_status read_pictures(const mixent_safetensors *file, const char *path, mixent_model *model) {
  int fit = MIXENT_FIT_STRETCH, background = MIXENT_BACKGROUND_BLACK;
  bool found;
  MIXENT_TRY(read_choice(file, path, "fit", mixent_fit_names, &model->pictures, &fit));
  MIXENT_TRY(read_choice(file, path, "background", mixent_background_names, &found, &background));
  model->fit = (mixent_fit)fit, model->background = (mixent_background)background;
  return MIXENT_OK;
}

/* How the columns of a table become its features, if it keeps that. */
static mixent_status read_encoder(const mixent_safetensors *file, const char *path, mixent_model *model) {
  const char *text = mixent_safetensors_metadata(file, "encoder");
  int width;
  if (!text) return MIXENT_OK;
  MIXENT_TRY(mixent_encoder_read(text, path, &model->encoder));
  MIXENT_TRY(mixent_encoder_width(model->encoder, path, &width));
  return model->side == 1 && width == model->channels ? MIXENT_OK : fail_entry(path, "encoder");
}

/* What pixels or features are normalised by, and what logits are divided by: else every probability were NaN. */
static mixent_status check_numbers(const mixent_model *model, const char *path) {
  for (int i = 0; i < model->channels; i++) {
    if (!isfinite(model->mean[i])) return fail_entry(path, "mean");
    if (!(isnormal(model->deviation[i]) && model->deviation[i] > 0)) return fail_entry(path, "std");
  }
  float temperature = (float)model->fitted_temperature; /* 0: none was fitted */
  bool right = model->fitted_temperature == 0 || (isnormal(temperature) && temperature > 0);
  return right ? MIXENT_OK : fail_entry(path, MIXENT_TEMPERATURE_KEY);
}

static mixent_status read_description(const mixent_safetensors *file, const char *path, mixent_model *model) {
  int epoch = 0;
  MIXENT_TRY(read_whole(file, path, "side", 1, 65536, &model->side));
  MIXENT_TRY(
      read_whole(file, path, "channels", 1, model->side == 1 ? MIXENT_MOST_FEATURES : 3, &model->channels));
  MIXENT_TRY(read_whole(file, path, "classes", 1, 1 << 24, &model->classes));
  MIXENT_TRY(read_whole(file, path, "epoch", 0, 1 << 30, &epoch));
  MIXENT_TRY(read_names(file, path, "class_names", model->classes, &model->class_names));
  MIXENT_TRY(read_labels(file, path, model));
  if (mixent_safetensors_metadata(file, "feature_names"))
    MIXENT_TRY(read_names(file, path, "feature_names", model->channels, &model->feature_names));
  MIXENT_TRY(read_floats(file, path, "mean", model->channels, &model->mean));
  MIXENT_TRY(read_floats(file, path, "std", model->channels, &model->deviation));
  MIXENT_TRY(read_numbers(file, path, "loss", MIXENT_LOSS_PARAMETERS, model->loss.value));
  MIXENT_TRY(read_text(file, path, "data", &model->data));
  MIXENT_TRY(read_text(file, path, "recipe", &model->recipe));
  if (mixent_safetensors_metadata(file, MIXENT_TEMPERATURE_KEY))
    MIXENT_TRY(read_numbers(file, path, MIXENT_TEMPERATURE_KEY, 1, &model->fitted_temperature));
  MIXENT_TRY(check_numbers(model, path));
  MIXENT_TRY(read_pictures(file, path, model));
  MIXENT_TRY(read_encoder(file, path, model));
  const char *transposed = mixent_safetensors_metadata(file, "transposed");
  const char *fingerprint = mixent_safetensors_metadata(file, "fingerprint");
  if (!fingerprint) return fail_entry(path, "fingerprint");
  model->transposed = transposed && strcmp(transposed, "true") == 0;
  model->fingerprint = strtoull(fingerprint, NULL, 16);
  model->epoch = epoch;
  model->temperature = 1;
  return MIXENT_OK;
}

/* Of numbers that parameters may be read from, in all tensors: no network has more, whatever its description says. */
static size_t count_elements(const mixent_safetensors *file) {
  size_t count, elements = 0;
  const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
  for (size_t i = 0; i < count; i++)
    if (mixent_tensor_is_real(&tensors[i]))
      elements += tensors[i].bytes / mixent_element_size(tensors[i].element);
  return elements;
}

static mixent_status read_network(const mixent_safetensors *file, const char *path, mixent_model *model) {
  const char *text = mixent_safetensors_metadata(file, "net_text");
  if (!text) return fail_entry(path, "net_text");
  const mixent_graph_options options = {
      .channels = model->channels, .side = model->side, .classes = model->classes, .dropout = -1};
  mixent_status status = mixent_graph_parse(text, "its network", &options, &model->graph);
  if (status != MIXENT_OK)
    return mixent_fail_within(status == MIXENT_ERROR_MEMORY ? status : MIXENT_ERROR_FORMAT, "%s", path);
  if (mixent_graph_parameter_count(model->graph) > count_elements(file))
    return mixent_fail(
        MIXENT_ERROR_FORMAT, "%s: expected the %zu parameters of network %s, got %zu numbers in all", path,
        mixent_graph_parameter_count(model->graph), mixent_graph_name(model->graph), count_elements(file));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_parameter_count(model->graph), &model->parameters));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_statistic_count(model->graph), &model->statistics));
  return mixent_state_dict_read(file, path, model->graph, model->parameters, model->statistics);
}

mixent_status mixent_model_open(const char *path, mixent_model **out) {
  MIXENT_NEED(path);
  MIXENT_NEED(out);
  mixent_safetensors *file;
  mixent_model *model;
  *out = NULL;
  MIXENT_TRY(mixent_safetensors_open(path, &file));
  mixent_status status = MIXENT_ALLOCATE(1, &model);
  if (status == MIXENT_OK) status = read_description(file, path, model);
  if (status == MIXENT_OK) status = read_network(file, path, model);
  mixent_safetensors_free(file);
  if (status != MIXENT_OK) {
    mixent_model_free(model);
    return status;
  }
  *out = model;
  return MIXENT_OK;
}

void mixent_model_free(mixent_model *model) {
  if (!model) return;
  mixent_graph_free(model->graph);
  for (int k = 0; model->class_names && k < model->classes; k++) free(model->class_names[k]);
  free(model->class_names);
  for (int k = 0; model->feature_names && k < model->channels; k++) free(model->feature_names[k]);
  free(model->feature_names);
  mixent_encoder_free(model->encoder);
  free(model->mean);
  free(model->deviation);
  free(model->labels);
  free(model->parameters);
  free(model->statistics);
  free(model->data);
  free(model->recipe);
  free(model);
}

mixent_status mixent_model_check(const mixent_model *model) {
  MIXENT_NEED(model);
  MIXENT_NEED(model->graph);
  MIXENT_NEED(model->parameters);
  if (mixent_graph_statistic_count(model->graph)) MIXENT_NEED(model->statistics);
  MIXENT_NEED(model->class_names);
  MIXENT_NEED(model->labels);
  MIXENT_NEED(model->mean);
  MIXENT_NEED(model->deviation);
  MIXENT_NEED(model->data);
  MIXENT_NEED(model->recipe);
  const mixent_graph_options *shape = &model->graph->options;
  if (model->side != shape->side || model->channels != shape->channels || model->classes != shape->classes)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "model: expected side %d, %d channels and %d classes as its network has, got %d, %d and %d",
        shape->side, shape->channels, shape->classes, model->side, model->channels, model->classes);
  for (int k = 0; k < model->classes; k++) MIXENT_NEED(model->class_names[k]);
  for (int k = 0; model->feature_names && k < model->channels; k++) MIXENT_NEED(model->feature_names[k]);
  return MIXENT_OK;
}

/* "images of 28x28 with 1 channel", "rows of 4 features" */
static const char *input_text(int side, int channels, char out[64]) {
  const char *plural = channels == 1 ? "" : "s";
  if (side == 1)
    snprintf(out, 64, "rows of %d feature%s", channels, plural);
  else
    snprintf(out, 64, "images of %dx%d with %d channel%s", side, side, channels, plural);
  return out;
}

/* Columns are told by their place: what the model was trained on must stand in the same one. */
static mixent_status check_features(const mixent_model *model, const mixent_dataset *dataset) {
  bool same;
  for (int k = 0; model->feature_names && dataset->feature_names && k < model->channels; k++) {
    MIXENT_TRY(mixent_text_same(model->feature_names[k], dataset->feature_names[k], &same));
    if (!same)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "feature %d of the model is '%s' (%s), in %s it is '%s'; put the columns in order",
                         k + 1, model->feature_names[k], model->data, dataset->name,
                         dataset->feature_names[k]);
  }
  for (int k = 0; k < model->classes && model->side == 1; k++) {
    MIXENT_TRY(mixent_text_same(model->class_names[k], dataset->class_names[k], &same));
    if (!same)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "class %d of the model is '%s' (%s), in %s it is '%s'", k,
                         model->class_names[k], model->data, dataset->name, dataset->class_names[k]);
  }
  return MIXENT_OK;
}

mixent_status mixent_model_check_dataset(const mixent_model *model, const mixent_dataset *dataset) {
  MIXENT_TRY(mixent_model_check(model));
  MIXENT_TRY(mixent_dataset_check(dataset));
  const mixent_images *images = &dataset->train;
  char wanted[64], found[64];
  if (images->channels != model->channels || images->side != model->side)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "the model takes %s (%s), %s holds %s",
                       input_text(model->side, model->channels, wanted), model->data, dataset->name,
                       input_text(images->side, images->channels, found));
  if (dataset->classes != model->classes)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "the model tells %d classes apart (%s), %s has %d",
                       model->classes, model->data, dataset->name, dataset->classes);
  for (int k = 0; k < model->classes; k++)
    if (dataset->labels[k] != model->labels[k])
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "class %d of the model is label %lld (%s), in %s it is %lld",
                         k, (long long)model->labels[k], model->data, dataset->name,
                         (long long)dataset->labels[k]);
  return check_features(model, dataset);
}
