/* A trained model as ONNX: normalisation first, then the layers of the folded network. ONNX's maps are
 * [N, C, H, W] and its vectors [N, C], where ours are maps of 1x1: each value has the form that its layer
 * gives, and gets the other where a reader needs that. */
#include "core/json.h"
#include "core/memory.h"
#include "io/onnx.h"
#include "model/evaluator.h"
#include "net/graph/fold.h"
#include "net/graph/layer.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char output[] = "logits";

typedef enum form { MAP, VECTOR } form;

typedef struct exporter {
  const mixent_model *model;
  const char *loss; /* its name */
  mixent_folded folded;
  mixent_onnx onnx;
  char *(*names)[2]; /* per layer and form: what the value is called */
  bool (*made)[2];   /* per layer and form: whether a node gives it */
  bool axes[2];      /* the lists of axes that are in the file already */
} exporter;

/* The axes that Slice and Unsqueeze want as a tensor, put into the file when first asked for. */
typedef enum axes { CHANNELS, PIXELS } axes;

static const char *axes_named(exporter *e, axes which) {
  static const char *const names[] = {"axes/channels", "axes/pixels"};
  if (!e->axes[which] && which == CHANNELS)
    mixent_onnx_add_integers(&e->onnx, names[which], 1, (int64_t[]){1});
  if (!e->axes[which] && which == PIXELS)
    mixent_onnx_add_integers(&e->onnx, names[which], 2, (int64_t[]){2, 3});
  e->axes[which] = true;
  return names[which];
}

static const mixent_layer *layer_at(const exporter *e, int index) {
  return &e->folded.graph->layers[index];
}

/* The form its layer gave a value. */
static form own_form(const exporter *e, int index) {
  return e->made[index][MAP] ? MAP : VECTOR;
}

/* The name of a value in that form, which is made if it is not there. The node that does it is called as the
 * value it reads: that name has a '/', which a layer's has not. */
static const char *value_as(exporter *e, int index, form form) {
  if (!e->made[index][form]) {
    mixent_onnx_node node = {.type = "Flatten",
                             .name = e->names[index][!form],
                             .inputs = {e->names[index][!form]},
                             .output = e->names[index][form],
                             .attributes = {{.name = "axis", .integers = {1}}}};
    if (form == MAP)
      node.type = "Unsqueeze", node.inputs[1] = axes_named(e, PIXELS), node.attributes[0].name = NULL;
    mixent_onnx_add_node(&e->onnx, &node);
    e->made[index][form] = true;
  }
  return e->names[index][form];
}

/* The node that gives a layer's value, in that form; operator, inputs and attributes are the caller's. */
static void add_value(exporter *e, int index, form form, mixent_onnx_node node) {
  node.name = layer_at(e, index)->name;
  node.output = e->names[index][form];
  mixent_onnx_add_node(&e->onnx, &node);
  e->made[index][form] = true;
}

/* The layer's parameter (weight, bias) or statistic as a tensor of the file; its name. NULL: it has none. */
static const char *add_tensor(exporter *e, const mixent_tensor *tensors, int index, const float *values) {
  if (index < 0) return NULL;
  const mixent_tensor *tensor = &tensors[index];
  mixent_onnx_add_floats(&e->onnx, tensor->name, tensor->dimensions, tensor->shape, values + tensor->offset);
  return tensor->name;
}

static const char *add_parameter(exporter *e, int layer, int i) {
  return add_tensor(e, e->folded.graph->parameters, layer_at(e, layer)->parameters[i], e->folded.parameters);
}

static const char *add_statistic(exporter *e, int layer, int i) {
  return add_tensor(e, e->folded.graph->statistics, layer_at(e, layer)->statistics[i], e->folded.statistics);
}

/* kernel_shape, strides, pads */
static void set_window(mixent_onnx_node *node, const mixent_layer *layer) {
  int64_t k = layer->kernel, s = layer->stride, p = layer->padding;
  node->attributes[0] = (mixent_onnx_attribute){.name = "kernel_shape", .count = 2, .integers = {k, k}};
  node->attributes[1] = (mixent_onnx_attribute){.name = "strides", .count = 2, .integers = {s, s}};
  node->attributes[2] = (mixent_onnx_attribute){.name = "pads", .count = 4, .integers = {p, p, p, p}};
}

/* One function per kind of layer. */

/* conv2d, linear, batch_norm: the value they read, weight, bias if there is one. */
static mixent_onnx_node weighted_node(exporter *e, int l, const char *type, form form) {
  mixent_onnx_node node = {.type = type};
  node.inputs[0] = value_as(e, layer_at(e, l)->inputs[0], form);
  node.inputs[1] = add_parameter(e, l, 0);
  node.inputs[2] = add_parameter(e, l, 1);
  return node;
}

static void export_conv2d(exporter *e, int l) {
  mixent_onnx_node node = weighted_node(e, l, "Conv", MAP);
  set_window(&node, layer_at(e, l));
  add_value(e, l, MAP, node);
}

static void export_linear(exporter *e, int l) {
  mixent_onnx_node node = weighted_node(e, l, "Gemm", VECTOR);
  node.attributes[0] = (mixent_onnx_attribute){.name = "transB", .integers = {1}};
  add_value(e, l, VECTOR, node);
}

static void export_batch_norm(exporter *e, int l) {
  form form = own_form(e, layer_at(e, l)->inputs[0]);
  mixent_onnx_node node = weighted_node(e, l, "BatchNormalization", form);
  node.inputs[3] = add_statistic(e, l, 0);
  node.inputs[4] = add_statistic(e, l, 1);
  node.attributes[0] =
      (mixent_onnx_attribute){.name = "epsilon", .count = -1, .number = (float)layer_at(e, l)->epsilon};
  add_value(e, l, form, node);
}

static void export_relu(exporter *e, int l) {
  int input = layer_at(e, l)->inputs[0];
  form form = own_form(e, input);
  add_value(e, l, form, (mixent_onnx_node){.type = "Relu", .inputs = {value_as(e, input, form)}});
}

static void export_max_pool(exporter *e, int l) {
  mixent_onnx_node node = {.type = "MaxPool", .inputs = {value_as(e, layer_at(e, l)->inputs[0], MAP)}};
  set_window(&node, layer_at(e, l));
  add_value(e, l, MAP, node);
}

static void export_global_pool(exporter *e, int l) {
  const char *input = value_as(e, layer_at(e, l)->inputs[0], MAP);
  add_value(e, l, MAP, (mixent_onnx_node){.type = "GlobalAveragePool", .inputs = {input}});
}

static void export_flatten(exporter *e, int l) {
  int input = layer_at(e, l)->inputs[0];
  add_value(e, l, VECTOR,
            (mixent_onnx_node){.type = "Flatten",
                               .inputs = {value_as(e, input, own_form(e, input))},
                               .attributes = {{.name = "axis", .integers = {1}}}});
}

/* Input i of an add, with zero channels on both sides where it is narrower than the sum. */
static const char *padded_input(exporter *e, int l, int i, form form, mixent_text *name) {
  const mixent_layer *layer = layer_at(e, l);
  const char *input = value_as(e, layer->inputs[i], form);
  int64_t margin = (layer->channels - layer_at(e, layer->inputs[i])->channels) / 2;
  if (margin == 0) return input;
  mixent_text pads = {0};
  mixent_text_append(name, "%s/input%d", layer->name, i);
  mixent_text_append(&pads, "%s/pads%d", layer->name, i);
  if (name->data && pads.data) {
    mixent_onnx_add_integers(&e->onnx, pads.data, form == MAP ? 8 : 4,
                             form == MAP ? (int64_t[]){0, margin, 0, 0, 0, margin, 0, 0}
                                         : (int64_t[]){0, margin, 0, margin});
    const mixent_onnx_node node = {
        .type = "Pad", .name = name->data, .inputs = {input, pads.data}, .output = name->data};
    mixent_onnx_add_node(&e->onnx, &node);
  }
  e->onnx.nodes.failed |= name->failed || pads.failed;
  mixent_text_free(&pads);
  return name->data;
}

/* ONNX adds two at a time: a + b is sum1, sum1 + c is sum2, and so on; the last is the layer's value. */
static void export_add(exporter *e, int l) {
  const mixent_layer *layer = layer_at(e, l);
  form form = own_form(e, layer->inputs[0]);
  mixent_text sums[MIXENT_MAX_INPUTS] = {{0}}, padded = {0};
  const char *sum = value_as(e, layer->inputs[0], form);
  for (int i = 1; i < layer->input_count; i++) {
    mixent_onnx_node node = {.type = "Add", .inputs = {sum, padded_input(e, l, i, form, &padded)}};
    mixent_text_append(&sums[i], "%s/sum%d", layer->name, i);
    e->onnx.nodes.failed |= sums[i].failed;
    node.name = node.output = sum = sums[i].data;
    if (i == layer->input_count - 1)
      add_value(e, l, form, node);
    else if (sum)
      mixent_onnx_add_node(&e->onnx, &node);
    mixent_text_free(&padded);
  }
  for (int i = 1; i < layer->input_count; i++) mixent_text_free(&sums[i]);
}

static void export_concat(exporter *e, int l) {
  const mixent_layer *layer = layer_at(e, l);
  form form = own_form(e, layer->inputs[0]);
  mixent_onnx_node node = {.type = "Concat", .attributes = {{.name = "axis", .integers = {1}}}};
  for (int i = 0; i < layer->input_count; i++) node.inputs[i] = value_as(e, layer->inputs[i], form);
  add_value(e, l, form, node);
}

static void export_split(exporter *e, int l) {
  const mixent_layer *layer = layer_at(e, l);
  form form = own_form(e, layer->inputs[0]);
  mixent_text begin = {0}, end = {0};
  mixent_text_append(&begin, "%s/begin", layer->name);
  mixent_text_append(&end, "%s/end", layer->name);
  if (begin.data && end.data) {
    mixent_onnx_add_integers(&e->onnx, begin.data, 1, &(int64_t){layer->begin});
    mixent_onnx_add_integers(&e->onnx, end.data, 1, &(int64_t){layer->end});
    add_value(e, l, form,
              (mixent_onnx_node){.type = "Slice",
                                 .inputs = {value_as(e, layer->inputs[0], form), begin.data, end.data,
                                            axes_named(e, CHANNELS)}});
  }
  e->onnx.nodes.failed |= begin.failed || end.failed;
  mixent_text_free(&begin);
  mixent_text_free(&end);
}

/* Of each kind of layer; NULL: it has no form in ONNX. Dropout is gone from a network for evaluation. */
static void (*const exports[MIXENT_LAYER_KINDS])(exporter *e, int layer) = {
    [MIXENT_LAYER_CONV2D] = export_conv2d,         [MIXENT_LAYER_LINEAR] = export_linear,
    [MIXENT_LAYER_BATCH_NORM] = export_batch_norm, [MIXENT_LAYER_RELU] = export_relu,
    [MIXENT_LAYER_MAX_POOL] = export_max_pool,     [MIXENT_LAYER_GLOBAL_POOL] = export_global_pool,
    [MIXENT_LAYER_FLATTEN] = export_flatten,       [MIXENT_LAYER_ADD] = export_add,
    [MIXENT_LAYER_CONCAT] = export_concat,         [MIXENT_LAYER_SPLIT] = export_split};

static mixent_status export_layer(exporter *e, int l) {
  mixent_layer_kind kind = layer_at(e, l)->type->kind;
  if (exports[kind]) {
    exports[kind](e, l);
    return MIXENT_OK;
  }
  return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "layer %s: '%s' has no form in ONNX yet", layer_at(e, l)->name,
                     layer_at(e, l)->type->name);
}

/* images [N, C, H, W], pixels of 0 to 1, or features [N, C] -> (x - mean) / deviation, the network's input. */
static void export_input(exporter *e) {
  const mixent_model *model = e->model;
  const int64_t shape[] = {1, model->channels, 1, 1};
  form form = model->side == 1 ? VECTOR : MAP;
  int dimensions = form == MAP ? 4 : 2;
  const char *name = form == MAP ? "images" : "features";
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
static void export_temperature(exporter *e, const char *logits) {
  const float temperature = (float)mixent_model_temperature(e->model);
  mixent_onnx_add_floats(&e->onnx, "temperature/value", 1, (int64_t[]){1}, &temperature);
  const mixent_onnx_node node = {
      .type = "Div", .name = "temperature/divide", .inputs = {logits, "temperature/value"}, .output = output};
  mixent_onnx_add_node(&e->onnx, &node);
}

static mixent_status export_network(exporter *e) {
  int last = e->folded.graph->layer_count - 1;
  export_input(e);
  for (int l = 1; l <= last; l++) MIXENT_TRY(export_layer(e, l));
  const char *logits = value_as(e, last, VECTOR);
  if (mixent_model_temperature(e->model) != 1) export_temperature(e, logits);
  mixent_onnx_add_output(&e->onnx,
                         &(mixent_onnx_value){.name = output, .dimensions = 1, .shape = {e->model->classes}});
  return MIXENT_OK;
}

/* What layers are called may hold no '/', so that these names stand apart from those of tensors. */
static mixent_status make_names(exporter *e) {
  int count = e->folded.graph->layer_count;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &e->names));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &e->made));
  for (int l = 0; l < count; l++)
    for (int form = MAP; form <= VECTOR; form++) {
      mixent_text name = {0};
      if (l == count - 1 && form == VECTOR && mixent_model_temperature(e->model) == 1)
        mixent_text_append(&name, output);
      else
        mixent_text_append(&name, "%s/%s", layer_at(e, l)->name, form == MAP ? "map" : "vector");
      MIXENT_TRY(mixent_text_status(&name));
      e->names[l][form] = name.data;
    }
  return MIXENT_OK;
}

/* Takes the JSON value over. */
static mixent_status add_json(exporter *e, const char *key, json_t *json) {
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
static mixent_status name_loss(exporter *e) {
  mixent_recipe recipe;
  mixent_status status =
      mixent_recipe_parse(e->model->recipe, "the recipe in the checkpoint", "checkpoint", NULL, 0, &recipe);
  if (status == MIXENT_ERROR_MEMORY) return status;
  e->loss = status == MIXENT_OK ? mixent_loss_names[mixent_recipe_loss(&recipe).kind] : "?";
  return MIXENT_OK;
}

static mixent_status add_properties(exporter *e) {
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
  const float temperature = (float)mixent_model_temperature(model);
  if (temperature != 1) MIXENT_TRY(add_json(e, "temperature", numbers(&temperature, 1)));
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"net", model->graph->name});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"data", model->data});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"loss", e->loss});
  mixent_onnx_add_property(&e->onnx, (mixent_onnx_property){"recipe", model->recipe});
  return MIXENT_OK;
}

static mixent_status write_model(const exporter *e, const char *path) {
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

static void free_exporter(exporter *e) {
  for (int l = 0; e->names && l < e->folded.graph->layer_count; l++)
    free(e->names[l][MAP]), free(e->names[l][VECTOR]);
  free(e->names);
  free(e->made);
  mixent_onnx_free(&e->onnx);
  mixent_folded_free(&e->folded);
}

mixent_status mixent_model_export_onnx(const mixent_model *model, const char *path) {
  MIXENT_NEED(path);
  MIXENT_TRY(mixent_model_check(model));
  exporter e = {.model = model};
  MIXENT_TRY(mixent_fold(model->graph, model->parameters, model->statistics, &e.folded));
  mixent_status status = make_names(&e);
  if (status == MIXENT_OK) status = export_network(&e);
  if (status == MIXENT_OK) status = name_loss(&e);
  if (status == MIXENT_OK) status = add_properties(&e);
  if (status == MIXENT_OK) status = write_model(&e, path);
  free_exporter(&e);
  return status;
}
