/* A trained model from an ONNX file: its nodes become a description of our network (YAML) with values for its tensors, and what it
 * says of itself a model's description. Files of this library say all that a checkpoint does; others have numbers for classes. */
#include "model/import_onnx.h"
#include "core/json.h"
#include "core/memory.h"
#include "model/description.h"
#include "model/state_dict.h"
#include "model/temperature.h"
#include "net/graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------- nodes ---- */

static const mixent_onnx_operator_entry *find_operator(const mixent_onnx_operator_entry *entry,
                                                       mixent_bytes type) {
  while (entry->type && !mixent_bytes_are(type, entry->type)) entry++;
  return entry->type ? entry : NULL;
}

static mixent_status fail_operator(const mixent_importer *importer) {
  mixent_text known = {0};
  size_t count = 0;
  const mixent_onnx_operator_entry *const lists[] = {mixent_onnx_layer_operators, mixent_onnx_form_operators,
                                                     mixent_onnx_arithmetic_operators};
  for (int i = 0; i < 3; i++)
    for (const mixent_onnx_operator_entry *entry = lists[i]; entry->type; entry++)
      mixent_text_append_item(&known, count++, "%s", entry->type);
  mixent_status status = mixent_text_status(&known);
  if (status == MIXENT_OK)
    status = mixent_onnx_fail(importer, "the operator is not supported; supported are %s", known.data);
  mixent_text_free(&known);
  return status;
}

/* One that is not known may change what the operator computes. */
static mixent_status check_attributes(const mixent_importer *importer,
                                      const mixent_onnx_operator_entry *entry) {
  enum { MOST = sizeof entry->attributes / sizeof *entry->attributes };
  mixent_bytes name;
  for (size_t i = 0; mixent_onnx_attribute_at(&importer->step, i, &name); i++) {
    bool known = false;
    if (i == 64) return mixent_onnx_fail(importer, "it has too many attributes");
    for (int j = 0; j < MOST && entry->attributes[j]; j++)
      known |= mixent_bytes_are(name, entry->attributes[j]);
    if (!known)
      return mixent_onnx_fail(importer, "attribute '%.*s' is not supported",
                              (int)(name.size < 100 ? name.size : 100),
                              name.size ? (const char *)name.data : "");
  }
  return MIXENT_OK;
}

static mixent_status take_node(mixent_importer *importer) {
  const mixent_onnx_step *step = &importer->step;
  const mixent_onnx_operator_entry *entry = find_operator(mixent_onnx_layer_operators, step->type);
  bool done;
  if (!entry) entry = find_operator(mixent_onnx_form_operators, step->type);
  if (!entry) entry = find_operator(mixent_onnx_arithmetic_operators, step->type);
  if (!entry || (step->domain.size && !mixent_bytes_are(step->domain, "ai.onnx")))
    return fail_operator(importer);
  MIXENT_TRY(check_attributes(importer, entry));
  MIXENT_TRY(mixent_onnx_compute_numbers(importer, &done));
  if (done) return MIXENT_OK;
  return entry->take ? entry->take(importer)
                     : mixent_onnx_fail(
                           importer,
                           "expected whole numbers of a shape, got a value of the network or other numbers");
}

/* ---------------------------------------------------------------- what comes before ---- */

static mixent_status add_input(mixent_importer *importer) {
  const mixent_onnx_file *file = &importer->file;
  enum { MOST = 65536 }; /* pixels a side or features: what windows and rows add to it stays an int */
  const int64_t *shape = file->shape;
  mixent_onnx_made input = {.channels = (int)shape[1], .height = 1, .width = 1};
  bool image = file->dimensions == 4, row = file->dimensions == 2, square = image && shape[2] == shape[3];
  bool known = shape[1] >= 1 && shape[1] <= MOST && (!image || (shape[2] >= 1 && shape[2] <= MOST));
  if (!(row || square) || !known)
    return mixent_fail(
        MIXENT_ERROR_UNSUPPORTED,
        "%s: input '%.*s': expected square images [N, channels, side, side] or rows [N, features] of a known size of 1 to %d",
        file->origin, (int)(file->input.size < 100 ? file->input.size : 100), (const char *)file->input.data,
        MOST);
  if (image) input.height = input.width = (int)shape[2];
  MIXENT_TRY(MIXENT_GROW(&importer->layers, 0, file->origin));
  MIXENT_TRY(mixent_copy_text("input", &input.name));
  importer->layers[0] = input;
  importer->layer_count = 1;
  importer->step = (mixent_onnx_step){.outputs = {file->input}, .output_count = 1};
  mixent_onnx_item item;
  MIXENT_TRY(mixent_onnx_affine_make(importer, &(mixent_onnx_item){.rank = file->dimensions}, &item));
  return mixent_onnx_give(importer, 0, item);
}

static mixent_status add_tensor(mixent_importer *importer, const mixent_onnx_tensor *tensor) {
  mixent_onnx_numbers *numbers;
  importer->step = (mixent_onnx_step){.outputs = {tensor->name}, .output_count = 1};
  if (tensor->type != MIXENT_ONNX_INT64 || tensor->count > MIXENT_ONNX_NUMBERS)
    return mixent_onnx_give(importer, 0, (mixent_onnx_item){.kind = MIXENT_ONNX_TENSOR, .tensor = tensor});
  MIXENT_TRY(MIXENT_ALLOCATE(1, &numbers));
  numbers->dimensions = tensor->dimensions, numbers->count = (int)tensor->count;
  memcpy(numbers->shape, tensor->shape, sizeof numbers->shape);
  MIXENT_TRY(
      mixent_onnx_give(importer, 0, (mixent_onnx_item){.kind = MIXENT_ONNX_WHOLE, .numbers = numbers}));
  return mixent_onnx_tensor_integers(&importer->file, tensor, numbers->values);
}

/* ----------------------------------------------------------------- what comes after ---- */

/* The layer that gives the logits. Softmax and its logarithm at the end are left out: what reads the logits computes them. */
static mixent_status find_logits(mixent_importer *importer, int *out) {
  const mixent_onnx_file *file = &importer->file;
  mixent_onnx_item *item = mixent_onnx_name_find(importer, file->output)->item;
  double scale;
  importer->step = (mixent_onnx_step){.name = file->output, .type = {(const unsigned char *)"output", 6}};
  if (!item) return mixent_onnx_fail(importer, "no node gives it");
  bool softmax = item->kind == MIXENT_ONNX_SOFTMAX && item->layer_count == 1;
  if (softmax || item->kind == MIXENT_ONNX_LOG_SOFTMAX) item->kind = MIXENT_ONNX_LOG_SOFTMAX;
  bool ours = mixent_bytes_are(file->producer, "mixent");
  if (ours && item->kind == MIXENT_ONNX_AFFINE && item->layer &&
      mixent_onnx_is_scaled(importer, item, &scale) && scale > 0)
    importer->temperature = 1 / scale;
  else if (item->kind != MIXENT_ONNX_LOG_SOFTMAX)
    MIXENT_TRY(mixent_onnx_settle(importer, item));
  const mixent_onnx_made *layer = &importer->layers[item->layer];
  if (!item->layer || layer->height != 1 || layer->width != 1)
    return mixent_onnx_fail(importer, "expected logits [N, classes] that layers compute");
  *out = item->layer;
  return MIXENT_OK;
}

static void mark_used(mixent_importer *importer, int last) {
  importer->layers[last].used = true;
  for (int l = last; l > 0; l--)
    for (int i = 0; importer->layers[l].used && i < importer->layers[l].input_count; i++)
      importer->layers[importer->layers[l].inputs[i]].used = true;
}

static bool has_values(const mixent_onnx_values *values) {
  return values->made || values->bytes.size;
}

static void write_fields(const mixent_onnx_made *layer, mixent_text *out) {
  switch (layer->kind) {
  case MIXENT_LAYER_CONV2D:
    mixent_text_append(out, ", channels: %d, kernel: %d, stride: %d, padding: %d", layer->channels,
                       layer->kernel, layer->stride, layer->padding);
    break;
  case MIXENT_LAYER_LINEAR: mixent_text_append(out, ", features: %d", layer->channels); break;
  case MIXENT_LAYER_MAX_POOL:
    mixent_text_append(out, ", size: %d, stride: %d, padding: %d", layer->kernel, layer->stride,
                       layer->padding);
    break;
  case MIXENT_LAYER_SPLIT: mixent_text_append(out, ", begin: %d, end: %d", layer->begin, layer->end); break;
  default: break;
  }
  if ((layer->kind == MIXENT_LAYER_CONV2D || layer->kind == MIXENT_LAYER_LINEAR) &&
      !has_values(&layer->values[1]))
    mixent_text_append(out, ", bias: false");
}

static const char *name_kind(mixent_layer_kind kind) {
  int i = 0;
  while (mixent_layer_types[i]->kind != kind) i++;
  return mixent_layer_types[i]->name;
}

static void write_layer(const mixent_importer *importer, const mixent_onnx_made *layer, mixent_text *out) {
  mixent_text_append(out, "  - %s: {name: \"%s\", from: [", name_kind(layer->kind), layer->name);
  for (int i = 0; i < layer->input_count; i++)
    mixent_text_append_item(out, (size_t)i, "\"%s\"", importer->layers[layer->inputs[i]].name);
  mixent_text_append(out, "]");
  write_fields(layer, out);
  mixent_text_append(out, "}\n");
}

/* The name of a network in a file of ours: letters, digits, '.', '_' and '-'; else "onnx". */
static void write_name(const mixent_importer *importer, mixent_text *out) {
  mixent_bytes name;
  bool known = mixent_bytes_are(importer->file.producer, "mixent") &&
               mixent_onnx_property_find(&importer->file, "net", &name) && name.size < 100;
  for (size_t i = 0; known && i < name.size; i++)
    known = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", name.data[i]) &&
            name.data[i];
  if (known && name.size)
    mixent_text_append(out, "name: \"%.*s\"\nlayers:\n", (int)name.size, (const char *)name.data);
  else
    mixent_text_append(out, "name: onnx\nlayers:\n");
}

static mixent_status make_graph(mixent_importer *importer, int last, mixent_graph **out) {
  mixent_text text = {0};
  const mixent_onnx_made *input = &importer->layers[0];
  const mixent_graph_options options = {.channels = input->channels,
                                        .side = input->height,
                                        .classes = importer->layers[last].channels,
                                        .dropout = -1};
  mark_used(importer, last);
  write_name(importer, &text);
  for (int l = 1; l <= last; l++)
    if (importer->layers[l].used) write_layer(importer, &importer->layers[l], &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_graph_parse(text.data, "its network", &options, out);
  mixent_text_free(&text);
  if (status == MIXENT_OK || status == MIXENT_ERROR_MEMORY) return status;
  return mixent_fail_within(MIXENT_ERROR_UNSUPPORTED, "%s", importer->file.origin);
}

/* [in, out] of the file becomes [out, in]. */
static void copy_transposed(mixent_bytes from, const mixent_tensor *tensor, float *out) {
  size_t rows = (size_t)tensor->shape[0], columns = (size_t)tensor->shape[1];
  for (size_t row = 0; row < rows; row++)
    for (size_t column = 0; column < columns; column++)
      memcpy(&out[row * columns + column], from.data + (column * rows + row) * sizeof *out, sizeof *out);
}

static void copy_values(const mixent_onnx_values *values, const mixent_tensor *tensor, bool transposed,
                        float *array) {
  float *out = array + tensor->offset;
  if (values->made)
    memcpy(out, values->made, tensor->count * sizeof *out);
  else if (transposed)
    copy_transposed(values->bytes, tensor, out);
  else
    memcpy(out, values->bytes.data, tensor->count * sizeof *out);
}

/* The layers of the graph are those that are used, in their order. */
static mixent_status copy_arrays(mixent_importer *importer, mixent_model *model) {
  const mixent_graph *graph = model->graph;
  size_t all = mixent_graph_parameter_count(graph) + mixent_graph_statistic_count(graph);
  int at = 1;
  if (all > importer->budget)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: the network has %zu weights, more than a file of this size should",
                       importer->file.origin, all);
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_parameter_count(graph), &model->parameters));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_statistic_count(graph), &model->statistics));
  for (int l = 1; at < graph->layer_count; l++) {
    const mixent_onnx_made *made = &importer->layers[l];
    if (!made->used) continue;
    const mixent_layer *layer = &graph->layers[at++];
    for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++) {
      if (layer->parameters[i] >= 0)
        copy_values(&made->values[i], &graph->parameters[layer->parameters[i]], made->transposed && i == 0,
                    model->parameters);
      if (layer->statistics[i] >= 0)
        copy_values(&made->values[2 + i], &graph->statistics[layer->statistics[i]], false, model->statistics);
    }
  }
  if (mixent_all_finite(model->parameters, mixent_graph_parameter_count(graph)) &&
      mixent_all_finite(model->statistics, mixent_graph_statistic_count(graph)))
    return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_NUMERIC, "%s: some of its weights are not finite", importer->file.origin);
}

/* ------------------------------------------------------------------------- the model ---- */

static void free_importer(mixent_importer *importer) {
  for (int l = 0; l < importer->layer_count; l++) mixent_onnx_made_clear(&importer->layers[l]);
  for (size_t i = 0; i < importer->item_count; i++) {
    mixent_onnx_item_clear(importer->items[i]);
    free(importer->items[i]);
  }
  free(importer->layers);
  free(importer->items);
  free(importer->names);
  free(importer->mean);
  mixent_onnx_close(&importer->file);
}

static mixent_status read_nodes(mixent_importer *importer, int *last) {
  const mixent_onnx_file *file = &importer->file;
  MIXENT_TRY(mixent_onnx_name_all(importer));
  MIXENT_TRY(add_input(importer));
  for (size_t i = 0; i < file->tensor_count; i++) MIXENT_TRY(add_tensor(importer, &file->tensors[i]));
  for (size_t i = 0; i < file->node_count; i++) {
    mixent_onnx_step_read(file->nodes[i], &importer->step);
    MIXENT_TRY(take_node(importer));
  }
  return find_logits(importer, last);
}

static mixent_status make_model(mixent_importer *importer, mixent_onnx_description *description,
                                mixent_model *model) {
  const mixent_described from = {
      .path = importer->file.origin, .source = description, .find = mixent_onnx_description_find};
  int last = 0;
  /* every number of a file once, and some that are made of a few; a tensor that many layers share is rare */
  importer->budget = mixent_onnx_size(&importer->file) + (1 << 16);
  importer->temperature = 1;
  MIXENT_TRY(read_nodes(importer, &last));
  MIXENT_TRY(make_graph(importer, last, &model->graph));
  MIXENT_TRY(copy_arrays(importer, model));
  MIXENT_TRY(mixent_onnx_describe(importer, model->graph, description));
  MIXENT_TRY(mixent_description_read(&from, model));
  model->temperature = model->fitted_temperature > 0 ? model->fitted_temperature : 1;
  return MIXENT_OK;
}

/* Takes over what the importer holds. */
static mixent_status import(mixent_importer *importer, mixent_model **out) {
  mixent_onnx_description description = {0};
  mixent_model *model = NULL;
  mixent_status status = MIXENT_ALLOCATE(1, &model);
  if (status == MIXENT_OK) status = make_model(importer, &description, model);
  mixent_onnx_description_free(&description);
  free_importer(importer);
  if (status != MIXENT_OK) {
    mixent_model_free(model);
    return status;
  }
  *out = model;
  return MIXENT_OK;
}

mixent_status mixent_model_parse_onnx(const char *bytes, size_t size, const char *origin,
                                      mixent_model **out) {
  mixent_importer importer = {0};
  *out = NULL;
  MIXENT_TRY(mixent_onnx_parse(bytes, size, origin, &importer.file));
  return import(&importer, out);
}

mixent_status mixent_model_import_onnx(const char *path, mixent_model **out) {
  mixent_importer importer = {0};
  *out = NULL;
  MIXENT_TRY(mixent_onnx_open(path, &importer.file));
  return import(&importer, out);
}
