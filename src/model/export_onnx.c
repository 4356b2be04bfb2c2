/* A trained model as ONNX: normalisation first, then the layers of the folded network. ONNX's maps are
 * [N, C, H, W] and its vectors [N, C], where ours are maps of 1x1: each value has the form that its layer
 * gives, and gets the other where a reader needs that. */
#include "core/json.h"
#include "core/locale.h"
#include "core/memory.h"
#include "data/encoder.h"
#include "model/evaluator.h"
#include "model/onnx_layers.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char output[] = "logits";

/* images [N, C, H, W], pixels of 0 to 1, or features [N, C] -> (x - mean) / deviation, the network's input. */
static void export_input(mixent_exporter *e) {
  const mixent_model *model = e->model;
  const int64_t shape[] = {1, model->channels, 1, 1};
  mixent_onnx_form form = model->side == 1 ? MIXENT_VECTOR : MIXENT_MAP;
  int dimensions = form == MIXENT_MAP ? 4 : 2;
  const char *name = form == MIXENT_MAP ? "images" : "features";
  mixent_onnx_add_input(&e->onnx, &(mixent_onnx_value){.name = name,
                                                       .dimensions = dimensions - 1,
                                                       .shape = {model->channels, model->side, model->side}});
  mixent_onnx_add_floats(&e->onnx, "normalize/mean", dimensions, shape, model->mean);
  mixent_onnx_add_floats(&e->onnx, "normalize/deviation", dimensions, shape, model->deviation);
  const mixent_onnx_node subtract = {.type = "Sub",
                                     .name = "normalize/subtract",
                                     .inputs = {name, "normalize/mean"},
                                     .output = "normalize/centred"};
  const mixent_onnx_node divide = {.type = "Div",
                                   .name = "normalize/divide",
                                   .inputs = {"normalize/centred", "normalize/deviation"},
                                   .output = e->names[0][form]};
  mixent_onnx_add_node(&e->onnx, &subtract);
  mixent_onnx_add_node(&e->onnx, &divide);
  e->made[0][form] = true;
}

/* The last layer's value over the temperature is the output. */
static void export_temperature(mixent_exporter *e, const char *logits) {
  const float temperature = (float)mixent_model_temperature(e->model);
  mixent_onnx_add_floats(&e->onnx, "temperature/value", 1, (int64_t[]){1}, &temperature);
  const mixent_onnx_node node = {
      .type = "Div", .name = "temperature/divide", .inputs = {logits, "temperature/value"}, .output = output};
  mixent_onnx_add_node(&e->onnx, &node);
}

static mixent_status export_network(mixent_exporter *e) {
  int last = e->folded.graph->layer_count - 1;
  export_input(e);
  for (int l = 1; l <= last; l++) MIXENT_TRY(mixent_onnx_export_layer(e, l));
  const char *logits = mixent_onnx_value_as(e, last, MIXENT_VECTOR);
  if (mixent_model_temperature(e->model) != 1) export_temperature(e, logits);
  mixent_onnx_add_output(&e->onnx,
                         &(mixent_onnx_value){.name = output, .dimensions = 1, .shape = {e->model->classes}});
  return MIXENT_OK;
}

/* What layers are called may hold no '/', so that these names stand apart from those of tensors. */
static mixent_status make_names(mixent_exporter *e) {
  int count = e->folded.graph->layer_count;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &e->names));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &e->made));
  for (int l = 0; l < count; l++)
    for (int form = MIXENT_MAP; form <= MIXENT_VECTOR; form++) {
      mixent_text name = {0};
      if (l == count - 1 && form == MIXENT_VECTOR && mixent_model_temperature(e->model) == 1)
        mixent_text_append(&name, output);
      else
        mixent_text_append(&name, "%s/%s", mixent_onnx_layer(e, l)->name,
                           form == MIXENT_MAP ? "map" : "vector");
      MIXENT_TRY(mixent_text_status(&name));
      e->names[l][form] = name.data;
    }
  return MIXENT_OK;
}

/* Takes the JSON value over. */
static mixent_status add_json(mixent_exporter *e, const char *key, json_t *json) {
  char *text;
  MIXENT_TRY(mixent_json_write(json, JSON_COMPACT | JSON_REAL_PRECISION(9), &text));
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){key, text});
  free(text);
  return MIXENT_OK;
}

static json_t *numbers(const float *values, int count) {
  json_t *array = json_array();
  for (int i = 0; i < count; i++) mixent_json_append(&array, json_real((double)values[i]));
  return array;
}

/* The loss's name, "?" where the recipe does not tell. */
static mixent_status name_loss(mixent_exporter *e) {
  mixent_recipe recipe;
  mixent_status status =
      mixent_recipe_parse(e->model->recipe, "the recipe in the checkpoint", "checkpoint", NULL, 0, &recipe);
  if (status == MIXENT_ERROR_MEMORY) return status;
  e->loss = status == MIXENT_OK ? mixent_loss_names[mixent_recipe_loss(&recipe).kind] : "?";
  return MIXENT_OK;
}

static mixent_status add_properties(mixent_exporter *e) {
  const mixent_model *model = e->model;
  MIXENT_TRY(add_json(e, "class_names", mixent_json_texts(model->class_names, (size_t)model->classes)));
  json_t *labels = json_array();
  for (int k = 0; k < model->classes; k++) mixent_json_append(&labels, json_integer(model->labels[k]));
  MIXENT_TRY(add_json(e, "labels", labels));
  if (model->feature_names)
    MIXENT_TRY(
        add_json(e, "feature_names", mixent_json_texts(model->feature_names, (size_t)model->channels)));
  MIXENT_TRY(add_json(e, "mean", numbers(model->mean, model->channels)));
  MIXENT_TRY(add_json(e, "std", numbers(model->deviation, model->channels)));
  if (model->encoder) {
    char *encoder = NULL;
    MIXENT_TRY(mixent_encoder_write(model->encoder, &encoder));
    mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"encoder", encoder});
    free(encoder);
  }
  if (model->pictures) {
    mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"fit", mixent_fit_names[model->fit]});
    mixent_onnx_add_property(
        &e->onnx, (mixent_onnx_property){"background", mixent_background_names[model->background]});
  }
  const float temperature = (float)mixent_model_temperature(model);
  if (temperature != 1) MIXENT_TRY(add_json(e, "temperature", numbers(&temperature, 1)));
  char fingerprint[24], epoch[24];
  snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)model->fingerprint);
  mixent_print(epoch, sizeof epoch, "%.0f", model->epoch);
  mixent_onnx_add_property(&e->onnx,
                           (mixent_onnx_property){"transposed", model->transposed ? "true" : "false"});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"fingerprint", fingerprint});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"epoch", epoch});
  json_t *loss = json_array();
  for (int i = 0; i < MIXENT_LOSS_PARAMETERS; i++) mixent_json_append(&loss, json_real(model->loss.value[i]));
  MIXENT_TRY(add_json(e, "loss_values", loss));
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"net", model->graph->name});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"data", model->data});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"loss", e->loss});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"recipe", model->recipe});
  return MIXENT_OK;
}

static mixent_status write_model(const mixent_exporter *e, const char *path) {
  const mixent_model *model = e->model;
  mixent_text text = {0};
  mixent_text_append(&text, "%s, trained on %s with the loss %s. Input: ", model->graph->name, model->data,
                     e->loss);
  if (model->side == 1)
    mixent_text_append(&text, "features, float [N, %d]", model->channels);
  else
    mixent_text_append(&text, "images, float [N, %d, %d, %d], pixels divided by 255", model->channels,
                       model->side, model->side);
  mixent_text_append(&text,
                     "; they are normalised inside. Output: logits, float [N, %d], whose softmax are "
                     "probabilities; metadata_props has class_names.",
                     model->classes);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_onnx_write(path, &e->onnx, model->graph->name, text.data);
  mixent_text_free(&text);
  return status;
}

static void free_exporter(mixent_exporter *e) {
  for (int l = 0; e->names && l < e->folded.graph->layer_count; l++)
    free(e->names[l][MIXENT_MAP]), free(e->names[l][MIXENT_VECTOR]);
  free(e->names);
  free(e->made);
  mixent_onnx_free(&e->onnx);
  mixent_folded_free(&e->folded);
}

mixent_status mixent_model_export_onnx(const mixent_model *model, const char *path) {
  MIXENT_NEED(path);
  MIXENT_TRY(mixent_model_check(model));
  mixent_exporter e = {.model = model};
  MIXENT_TRY(mixent_fold(model->graph, model->parameters, model->statistics, &e.folded));
  mixent_status status = make_names(&e);
  if (status == MIXENT_OK) status = export_network(&e);
  if (status == MIXENT_OK) status = name_loss(&e);
  if (status == MIXENT_OK) status = add_properties(&e);
  if (status == MIXENT_OK) status = write_model(&e, path);
  free_exporter(&e);
  return status;
}
