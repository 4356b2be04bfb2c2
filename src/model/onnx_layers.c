/* A trained network's layers as nodes of ONNX: one function per kind. */
#include "model/onnx_layers.h"
#include "core/memory.h"
#include "core/status.h"

#include <stdlib.h>

/* The axes that Slice and Unsqueeze want as a tensor, put into the file when first asked for. */
typedef enum axes { CHANNELS, PIXELS } axes;

static const char *axes_named(mixent_exporter *e, axes which) {
  static const char *const names[] = {"axes/channels", "axes/pixels"};
  if (!e->axes[which] && which == CHANNELS)
    mixent_onnx_add_integers(&e->onnx, names[which], 1, (int64_t[]){1});
  if (!e->axes[which] && which == PIXELS)
    mixent_onnx_add_integers(&e->onnx, names[which], 2, (int64_t[]){2, 3});
  e->axes[which] = true;
  return names[which];
}

/* The form its layer gave a value. */
static mixent_onnx_form own_form(const mixent_exporter *e, int index) {
  return e->made[index][MIXENT_MAP] ? MIXENT_MAP : MIXENT_VECTOR;
}

/* The name of a value in that form, which is made if it is not there. The node that does it is called as the
 * value it reads: that name has a '/', which a layer's has not. */
const char *mixent_onnx_value_as(mixent_exporter *e, int index, mixent_onnx_form form) {
  if (!e->made[index][form]) {
    mixent_onnx_node node = {.type = "Flatten",
                             .name = e->names[index][!form],
                             .inputs = {e->names[index][!form]},
                             .output = e->names[index][form],
                             .attributes = {{.name = "axis", .integers = {1}}}};
    if (form == MIXENT_MAP)
      node.type = "Unsqueeze", node.inputs[1] = axes_named(e, PIXELS), node.attributes[0].name = NULL;
    mixent_onnx_add_node(&e->onnx, &node);
    e->made[index][form] = true;
  }
  return e->names[index][form];
}

/* The node that gives a layer's value, in that form; operator, inputs and attributes are the caller's. */
static void add_value(mixent_exporter *e, int index, mixent_onnx_form form, mixent_onnx_node node) {
  node.name = mixent_onnx_layer(e, index)->name;
  node.output = e->names[index][form];
  mixent_onnx_add_node(&e->onnx, &node);
  e->made[index][form] = true;
}

/* The layer's parameter (weight, bias) or statistic as a tensor of the file; its name. NULL: it has none. */
static const char *add_tensor(mixent_exporter *e, const mixent_tensor *tensors, int index,
                              const float *values) {
  if (index < 0) return NULL;
  const mixent_tensor *tensor = &tensors[index];
  mixent_onnx_add_floats(&e->onnx, tensor->name, tensor->dimensions, tensor->shape, values + tensor->offset);
  return tensor->name;
}

static const char *add_parameter(mixent_exporter *e, int layer, int i) {
  return add_tensor(e, e->folded.graph->parameters, mixent_onnx_layer(e, layer)->parameters[i],
                    e->folded.parameters);
}

static const char *add_statistic(mixent_exporter *e, int layer, int i) {
  return add_tensor(e, e->folded.graph->statistics, mixent_onnx_layer(e, layer)->statistics[i],
                    e->folded.statistics);
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
static mixent_onnx_node weighted_node(mixent_exporter *e, int l, const char *type, mixent_onnx_form form) {
  mixent_onnx_node node = {.type = type};
  node.inputs[0] = mixent_onnx_value_as(e, mixent_onnx_layer(e, l)->inputs[0], form);
  node.inputs[1] = add_parameter(e, l, 0);
  node.inputs[2] = add_parameter(e, l, 1);
  return node;
}

static void export_conv2d(mixent_exporter *e, int l) {
  mixent_onnx_node node = weighted_node(e, l, "Conv", MIXENT_MAP);
  set_window(&node, mixent_onnx_layer(e, l));
  add_value(e, l, MIXENT_MAP, node);
}

static void export_linear(mixent_exporter *e, int l) {
  mixent_onnx_node node = weighted_node(e, l, "Gemm", MIXENT_VECTOR);
  node.attributes[0] = (mixent_onnx_attribute){.name = "transB", .integers = {1}};
  add_value(e, l, MIXENT_VECTOR, node);
}

static void export_batch_norm(mixent_exporter *e, int l) {
  mixent_onnx_form form = own_form(e, mixent_onnx_layer(e, l)->inputs[0]);
  mixent_onnx_node node = weighted_node(e, l, "BatchNormalization", form);
  node.inputs[3] = add_statistic(e, l, 0);
  node.inputs[4] = add_statistic(e, l, 1);
  node.attributes[0] = (mixent_onnx_attribute){
      .name = "epsilon", .count = -1, .number = (float)mixent_onnx_layer(e, l)->epsilon};
  add_value(e, l, form, node);
}

static void export_relu(mixent_exporter *e, int l) {
  int input = mixent_onnx_layer(e, l)->inputs[0];
  mixent_onnx_form form = own_form(e, input);
  add_value(e, l, form, (mixent_onnx_node){.type = "Relu", .inputs = {mixent_onnx_value_as(e, input, form)}});
}

static void export_max_pool(mixent_exporter *e, int l) {
  mixent_onnx_node node = {
      .type = "MaxPool", .inputs = {mixent_onnx_value_as(e, mixent_onnx_layer(e, l)->inputs[0], MIXENT_MAP)}};
  set_window(&node, mixent_onnx_layer(e, l));
  add_value(e, l, MIXENT_MAP, node);
}

static void export_global_pool(mixent_exporter *e, int l) {
  const char *input = mixent_onnx_value_as(e, mixent_onnx_layer(e, l)->inputs[0], MIXENT_MAP);
  add_value(e, l, MIXENT_MAP, (mixent_onnx_node){.type = "GlobalAveragePool", .inputs = {input}});
}

static void export_flatten(mixent_exporter *e, int l) {
  int input = mixent_onnx_layer(e, l)->inputs[0];
  add_value(e, l, MIXENT_VECTOR,
            (mixent_onnx_node){.type = "Flatten",
                               .inputs = {mixent_onnx_value_as(e, input, own_form(e, input))},
                               .attributes = {{.name = "axis", .integers = {1}}}});
}

/* Input i of an add, with zero channels on both sides where it is narrower than the sum. */
static const char *padded_input(mixent_exporter *e, int l, int i, mixent_onnx_form form, mixent_text *name) {
  const mixent_layer *layer = mixent_onnx_layer(e, l);
  const char *input = mixent_onnx_value_as(e, layer->inputs[i], form);
  int64_t margin = (layer->channels - mixent_onnx_layer(e, layer->inputs[i])->channels) / 2;
  if (margin == 0) return input;
  mixent_text pads = {0};
  mixent_text_append(name, "%s/input%d", layer->name, i);
  mixent_text_append(&pads, "%s/pads%d", layer->name, i);
  if (name->data && pads.data) {
    mixent_onnx_add_integers(&e->onnx, pads.data, form == MIXENT_MAP ? 8 : 4,
                             form == MIXENT_MAP ? (int64_t[]){0, margin, 0, 0, 0, margin, 0, 0}
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
static void export_add(mixent_exporter *e, int l) {
  const mixent_layer *layer = mixent_onnx_layer(e, l);
  mixent_onnx_form form = own_form(e, layer->inputs[0]);
  mixent_text sums[MIXENT_MAX_INPUTS] = {{0}}, padded = {0};
  const char *sum = mixent_onnx_value_as(e, layer->inputs[0], form);
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

static void export_concat(mixent_exporter *e, int l) {
  const mixent_layer *layer = mixent_onnx_layer(e, l);
  mixent_onnx_form form = own_form(e, layer->inputs[0]);
  mixent_onnx_node node = {.type = "Concat", .attributes = {{.name = "axis", .integers = {1}}}};
  for (int i = 0; i < layer->input_count; i++)
    node.inputs[i] = mixent_onnx_value_as(e, layer->inputs[i], form);
  add_value(e, l, form, node);
}

static void export_split(mixent_exporter *e, int l) {
  const mixent_layer *layer = mixent_onnx_layer(e, l);
  mixent_onnx_form form = own_form(e, layer->inputs[0]);
  mixent_text begin = {0}, end = {0};
  mixent_text_append(&begin, "%s/begin", layer->name);
  mixent_text_append(&end, "%s/end", layer->name);
  if (begin.data && end.data) {
    mixent_onnx_add_integers(&e->onnx, begin.data, 1, &(int64_t){layer->begin});
    mixent_onnx_add_integers(&e->onnx, end.data, 1, &(int64_t){layer->end});
    add_value(e, l, form,
              (mixent_onnx_node){.type = "Slice",
                                 .inputs = {mixent_onnx_value_as(e, layer->inputs[0], form), begin.data,
                                            end.data, axes_named(e, CHANNELS)}});
  }
  e->onnx.nodes.failed |= begin.failed || end.failed;
  mixent_text_free(&begin);
  mixent_text_free(&end);
}

/* Softmax of each input, their mean, its logarithm. */
static void export_mean_probability(mixent_exporter *e, int l) {
  const mixent_layer *layer = mixent_onnx_layer(e, l);
  mixent_onnx_form form = own_form(e, layer->inputs[0]);
  mixent_text names[MIXENT_MAX_INPUTS + 1] = {{0}};
  mixent_onnx_node mean = {.type = "Mean"};
  bool failed = false;
  for (int i = 0; i <= layer->input_count; i++) {
    if (i < layer->input_count)
      mixent_text_append(&names[i], "%s/softmax%d", layer->name, i);
    else
      mixent_text_append(&names[i], "%s/mean", layer->name);
    failed |= names[i].failed;
  }
  for (int i = 0; i < layer->input_count && !failed; i++) {
    const mixent_onnx_node softmax = {.type = "Softmax",
                                      .name = names[i].data,
                                      .inputs = {mixent_onnx_value_as(e, layer->inputs[i], form)},
                                      .output = names[i].data,
                                      .attributes = {{.name = "axis", .integers = {1}}}};
    mixent_onnx_add_node(&e->onnx, &softmax);
    mean.inputs[i] = names[i].data;
  }
  mean.name = mean.output = names[layer->input_count].data;
  if (!failed) {
    mixent_onnx_add_node(&e->onnx, &mean);
    add_value(e, l, form, (mixent_onnx_node){.type = "Log", .inputs = {mean.output}});
  }
  e->onnx.nodes.failed |= failed;
  for (int i = 0; i <= layer->input_count; i++) mixent_text_free(&names[i]);
}

/* A node of its own name whose value is NAME/part; returns that name, which the caller frees. */
static char *add_part(mixent_exporter *e, int l, const char *part, mixent_onnx_node node) {
  mixent_text name = {0};
  mixent_text_append(&name, "%s/%s", mixent_onnx_layer(e, l)->name, part);
  e->onnx.nodes.failed |= name.failed;
  node.name = node.output = name.data;
  if (name.data) mixent_onnx_add_node(&e->onnx, &node);
  return name.data;
}

/* x Sigmoid(x) */
static void export_silu(mixent_exporter *e, int l) {
  int input = mixent_onnx_layer(e, l)->inputs[0];
  mixent_onnx_form form = own_form(e, input);
  const char *x = mixent_onnx_value_as(e, input, form);
  char *sigmoid = add_part(e, l, "sigmoid", (mixent_onnx_node){.type = "Sigmoid", .inputs = {x}});
  if (sigmoid) add_value(e, l, form, (mixent_onnx_node){.type = "Mul", .inputs = {x, sigmoid}});
  free(sigmoid);
}

/* Erf(x / sqrt 2) x / 2 + x / 2; operators for it came with a later version than the file's. */
static void export_gelu(mixent_exporter *e, int l) {
  static const char half_name[] = "gelu/half", root_name[] = "gelu/root";
  const float half = 0.5F, root = 0.70710678F;
  int input = mixent_onnx_layer(e, l)->inputs[0];
  mixent_onnx_form form = own_form(e, input);
  const char *x = mixent_onnx_value_as(e, input, form);
  if (!e->gelu) {
    mixent_onnx_add_floats(&e->onnx, half_name, 1, (int64_t[]){1}, &half);
    mixent_onnx_add_floats(&e->onnx, root_name, 1, (int64_t[]){1}, &root);
    e->gelu = true;
  }
  char *scaled = add_part(e, l, "scaled", (mixent_onnx_node){.type = "Mul", .inputs = {x, root_name}});
  char *erf = add_part(e, l, "erf", (mixent_onnx_node){.type = "Erf", .inputs = {scaled}});
  char *halved = add_part(e, l, "half", (mixent_onnx_node){.type = "Mul", .inputs = {x, half_name}});
  char *product = add_part(e, l, "product", (mixent_onnx_node){.type = "Mul", .inputs = {halved, erf}});
  if (product && halved)
    add_value(e, l, form, (mixent_onnx_node){.type = "Add", .inputs = {halved, product}});
  free(scaled);
  free(erf);
  free(halved);
  free(product);
}

/* Of each kind of layer; NULL: it has no form in ONNX. Dropout is gone from a network for evaluation. */
static void (*const exports[MIXENT_LAYER_KINDS])(mixent_exporter *e, int layer) = {
    [MIXENT_LAYER_CONV2D] = export_conv2d,
    [MIXENT_LAYER_LINEAR] = export_linear,
    [MIXENT_LAYER_BATCH_NORM] = export_batch_norm,
    [MIXENT_LAYER_RELU] = export_relu,
    [MIXENT_LAYER_MAX_POOL] = export_max_pool,
    [MIXENT_LAYER_GLOBAL_POOL] = export_global_pool,
    [MIXENT_LAYER_FLATTEN] = export_flatten,
    [MIXENT_LAYER_ADD] = export_add,
    [MIXENT_LAYER_CONCAT] = export_concat,
    [MIXENT_LAYER_SPLIT] = export_split,
    [MIXENT_LAYER_MEAN_PROBABILITY] = export_mean_probability,
    [MIXENT_LAYER_GELU] = export_gelu,
    [MIXENT_LAYER_SILU] = export_silu};

mixent_status mixent_onnx_export_layer(mixent_exporter *e, int l) {
  mixent_layer_kind kind = mixent_onnx_layer(e, l)->type->kind;
  if (exports[kind]) {
    exports[kind](e, l);
    return MIXENT_OK;
  }
  return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "layer %s: '%s' has no form in ONNX yet",
                     mixent_onnx_layer(e, l)->name, mixent_onnx_layer(e, l)->type->name);
}
