/* A trained model: held against a data set. */
#include "core/memory.h"
#include "core/unicode.h"
#include "data/check.h"
#include "data/encoder.h"
#include "model/evaluator.h"
#include "model/temperature.h"
#include "net/graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Of each channel. */
static mixent_status check_normalisation(const mixent_model *model) {
  for (int c = 0; c < model->channels; c++)
    if (!isfinite(model->mean[c]) || !isnormal(model->deviation[c]) || model->deviation[c] < 0)
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "model: channel %d: expected a finite mean and a finite deviation above 0, got %g and %g", c,
          (double)model->mean[c], (double)model->deviation[c]);
  return MIXENT_OK;
}

static mixent_status check_temperature(const char *which, double value) {
  if (value == 0 || mixent_is_temperature(value)) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "model: %s: expected 0 or a number from %g to %g, got %g", which,
                     MIXENT_LEAST_TEMPERATURE, MIXENT_MOST_TEMPERATURE, value);
}

static mixent_status check_names(const char *what, char **names, int count) {
  for (int i = 0; i < count; i++) {
    MIXENT_NEED(names[i]);
    if (!mixent_is_utf8(names[i]))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "model: the name of %s %d: expected UTF-8, got '%s'", what, i,
                         names[i]);
  }
  return MIXENT_OK;
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
  MIXENT_TRY(check_names("class", model->class_names, model->classes));
  if (model->feature_names) MIXENT_TRY(check_names("feature", model->feature_names, model->channels));
  MIXENT_TRY(check_normalisation(model));
  MIXENT_TRY(check_temperature("temperature", model->temperature));
  MIXENT_TRY(check_temperature("fitted_temperature", model->fitted_temperature));
  if ((unsigned)model->fit <= MIXENT_FIT_STRETCH && (unsigned)model->background <= MIXENT_BACKGROUND_BLACK)
    return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "model: expected a fit of 0 to %d and a background of 0 to %d, got %d and %d",
                     MIXENT_FIT_STRETCH, MIXENT_BACKGROUND_BLACK, (int)model->fit, (int)model->background);
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
  for (int k = 0; k < model->classes && model->side == 1 && !model->unnamed; k++) {
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
  for (int k = 0; k < model->classes && !model->unnamed; k++)
    if (dataset->labels[k] != model->labels[k])
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "class %d of the model is label %lld (%s), in %s it is %lld",
                         k, (long long)model->labels[k], model->data, dataset->name,
                         (long long)dataset->labels[k]);
  return check_features(model, dataset);
}
