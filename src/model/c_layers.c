/* A trained network's layers as C: one function per kind. */
#include "model/c_layers.h"
#include "core/locale.h"
#include "net/graph/layer.h"

#include <math.h>
#include <stdlib.h>

const char *const mixent_c_function_names[MIXENT_C_FUNCTIONS] = {
    [MIXENT_C_EXPONENTIAL] = "exponential",
    [MIXENT_C_LOGARITHM] = "logarithm",
    [MIXENT_C_NORMALISE_PIXELS] = "normalise_pixels",
    [MIXENT_C_NORMALISE_FEATURES] = "normalise_features",
    [MIXENT_C_FLOAT_WEIGHTS] = "float_weights",
    [MIXENT_C_INT8_WEIGHTS] = "int8_weights",
    [MIXENT_C_CONVOLVE] = "convolve",
    [MIXENT_C_BATCH_NORM] = "batch_norm",
    [MIXENT_C_RELU] = "relu",
    [MIXENT_C_GELU] = "gelu",
    [MIXENT_C_SILU] = "silu",
    [MIXENT_C_MAX_POOL] = "max_pool",
    [MIXENT_C_GLOBAL_POOL] = "global_pool",
    [MIXENT_C_FLATTEN] = "flatten",
    [MIXENT_C_COPY_CHANNELS] = "copy_channels",
    [MIXENT_C_ADD_CHANNELS] = "add_channels",
    [MIXENT_C_MEAN_PROBABILITY] = "mean_probability",
    [MIXENT_C_SOFTMAX] = "softmax"};

static const mixent_layer *layer_at(const mixent_c_exporter *e, int l) {
  return &e->folded.graph->layers[l];
}

static int pixels_of(const mixent_layer *layer) {
  return layer->height * layer->width;
}

static const float *parameter(const mixent_c_exporter *e, int index) {
  return index < 0 ? NULL : e->folded.parameters + e->folded.graph->parameters[index].offset;
}

/* ", memory + 784, memory + 0);" */
static void end_call(mixent_c_exporter *e, int from, int to) {
  mixent_text_append(&e->calls, ", memory + %zu, memory + %zu);\n", mixent_c_place(&e->plan, from),
                     mixent_c_place(&e->plan, to));
}

static void add_floats(mixent_c_exporter *e, const char *kind, int layer, const float *values, size_t count) {
  char name[32];
  mixent_print(name, sizeof name, "%s_%d", kind, layer);
  mixent_c_append_floats(&e->constants, name, values, count);
  e->constant_bytes += count * sizeof(float);
}

/* Weights [channels, inputs, area] as convolve() reads them, in a new array of *count. */
static mixent_status pack_weights(const float *weights, size_t channels, size_t inputs, size_t area,
                                  float **out, size_t *count) {
  enum { BLOCK = MIXENT_C_BLOCK };
  *count = (channels + BLOCK - 1) / BLOCK * BLOCK * inputs * area;
  MIXENT_TRY(MIXENT_ALLOCATE(*count, out));
  for (size_t o = 0; o < channels; o++)
    for (size_t i = 0; i < inputs; i++)
      for (size_t k = 0; k < area; k++)
        (*out)[((o / BLOCK * area + k) * inputs + i) * BLOCK + o % BLOCK] =
            weights[(o * inputs + i) * area + k];
  return MIXENT_OK;
}

/* Each output channel of [channels, row] by its own largest weight: weights become whole numbers of -127 to 127. Weights too small
 * for a scale become 0. */
static void quantize(float *weights, size_t channels, size_t row, float *scale) {
  for (size_t o = 0; o < channels; o++) {
    float largest = 0;
    for (size_t i = 0; i < row; i++) largest = fmaxf(largest, fabsf(weights[o * row + i]));
    scale[o] = isnormal(largest / 127) ? largest / 127 : 1;
    for (size_t i = 0; i < row; i++) weights[o * row + i] = rintf(weights[o * row + i] / scale[o]);
  }
}

static void add_float_weights(mixent_c_exporter *e, int layer, const float *packed, size_t count) {
  mixent_text_append(&e->constants,
                     "static const union {\n  uint32_t bits[%zu];\n  float values[%zu];\n} weights_%d = {{",
                     count, count, layer);
  mixent_c_append_bits(&e->constants, packed, count);
  mixent_text_append(&e->constants, "}};\n");
  e->constant_bytes += count * sizeof(float);
}

static mixent_status add_integer_weights(mixent_c_exporter *e, int layer, const float *packed, size_t count) {
  int8_t *integers;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &integers));
  for (size_t i = 0; i < count; i++) integers[i] = (int8_t)packed[i];
  mixent_text_append(&e->constants, "static const int8_t weights_%d[%zu] = {", layer, count);
  mixent_c_append_bytes(&e->constants, integers, count);
  mixent_text_append(&e->constants, "};\n");
  e->constant_bytes += count;
  free(integers);
  return MIXENT_OK;
}

/* `own`: a copy of the layer's weights, which quantizing changes; `scale`: room for [channels]. */
static mixent_status add_weights(mixent_c_exporter *e, int l, float *own, float *scale) {
  const mixent_layer *layer = layer_at(e, l);
  const mixent_tensor *tensor = &e->folded.graph->parameters[layer->parameters[0]];
  size_t channels = (size_t)layer->channels, inputs = (size_t)layer_at(e, layer->inputs[0])->channels;
  size_t count;
  float *packed = NULL;
  memcpy(own, parameter(e, layer->parameters[0]), tensor->count * sizeof *own);
  if (e->options.int8) quantize(own, channels, tensor->count / channels, scale);
  mixent_status status =
      pack_weights(own, channels, inputs, tensor->count / channels / inputs, &packed, &count);
  if (status == MIXENT_OK) {
    mixent_text_append(&e->constants, "\n/* %s */\n", layer->name);
    if (e->options.int8)
      status = add_integer_weights(e, l, packed, count);
    else
      add_float_weights(e, l, packed, count);
  }
  free(packed);
  if (status == MIXENT_OK && e->options.int8) add_floats(e, "scale", l, scale, channels);
  return status;
}

static mixent_status export_weights(mixent_c_exporter *e, int l) {
  const mixent_layer *layer = layer_at(e, l);
  float *own = NULL, *scale = NULL;
  mixent_status status = MIXENT_ALLOCATE(e->folded.graph->parameters[layer->parameters[0]].count, &own);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(layer->channels, &scale);
  if (status == MIXENT_OK) status = add_weights(e, l, own, scale);
  free(own);
  free(scale);
  if (status == MIXENT_OK && layer->parameters[1] >= 0)
    add_floats(e, "bias", l, parameter(e, layer->parameters[1]), (size_t)layer->channels);
  return status;
}

/* conv2d, linear: a linear layer has a window of one pixel. */
static mixent_status export_convolution(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer), *from = layer_at(e, layer->inputs[0]),
                     *to = layer_at(e, step->value);
  bool linear = mixent_layer_is(layer, MIXENT_LAYER_LINEAR);
  MIXENT_TRY(export_weights(e, step->layer));
  e->needs[MIXENT_C_CONVOLVE] = true;
  e->needs[e->options.int8 ? MIXENT_C_INT8_WEIGHTS : MIXENT_C_FLOAT_WEIGHTS] = true;
  mixent_text_append(
      &e->calls,
      "  convolve(&(const convolution){.from_height = %d, .from_width = %d, .from_channels = %d,\n"
      "                                .height = %d, .width = %d, .channels = %d,\n"
      "                                .kernel = %d, .stride = %d, .padding = %d, .pool = %d, .relu = %d,\n"
      "                                .weights = weights_%d%s",
      from->height, from->width, from->channels, to->height, to->width, to->channels,
      linear ? 1 : layer->kernel, linear ? 1 : layer->stride, linear ? 0 : layer->padding, step->pool,
      step->relu, step->layer, e->options.int8 ? "" : ".values");
  if (e->options.int8) mixent_text_append(&e->calls, ", .scale = scale_%d", step->layer);
  if (layer->parameters[1] >= 0) mixent_text_append(&e->calls, ", .bias = bias_%d", step->layer);
  mixent_text_append(&e->calls, "}");
  end_call(e, layer->inputs[0], step->value);
  return MIXENT_OK;
}

/* gamma (x - mean) / sqrt(variance + epsilon) + beta = factor x + shift */
static mixent_status export_batch_norm(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer);
  const mixent_tensor *statistics = e->folded.graph->statistics;
  const float *gamma = parameter(e, layer->parameters[0]), *beta = parameter(e, layer->parameters[1]);
  const float *mean = e->folded.statistics + statistics[layer->statistics[0]].offset;
  const float *variance = e->folded.statistics + statistics[layer->statistics[1]].offset;
  size_t channels = (size_t)layer->channels;
  float *factor;
  MIXENT_TRY(MIXENT_ALLOCATE(2 * channels, &factor));
  for (size_t c = 0; c < channels; c++) {
    double a = gamma[c] / sqrt(variance[c] + layer->epsilon);
    factor[c] = (float)a;
    factor[channels + c] = (float)(beta[c] - a * mean[c]);
  }
  mixent_text_append(&e->constants, "\n");
  add_floats(e, "factor", step->layer, factor, channels);
  add_floats(e, "shift", step->layer, factor + channels, channels);
  free(factor);
  e->needs[MIXENT_C_BATCH_NORM] = true;
  mixent_text_append(&e->calls, "  batch_norm(%d, %d, factor_%d, shift_%d", pixels_of(layer), layer->channels,
                     step->layer, step->layer);
  end_call(e, layer->inputs[0], step->value);
  return MIXENT_OK;
}

/* relu, gelu, silu */
static mixent_status export_elementwise(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer);
  mixent_c_function function = mixent_layer_is(layer, MIXENT_LAYER_RELU)   ? MIXENT_C_RELU
                               : mixent_layer_is(layer, MIXENT_LAYER_GELU) ? MIXENT_C_GELU
                                                                           : MIXENT_C_SILU;
  e->needs[function] = true;
  if (function != MIXENT_C_RELU) e->needs[MIXENT_C_EXPONENTIAL] = true;
  mixent_text_append(&e->calls, "  %s(%zu", mixent_c_function_names[function], mixent_layer_row(layer));
  end_call(e, layer->inputs[0], step->value);
  return MIXENT_OK;
}

static mixent_status export_max_pool(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer), *from = layer_at(e, layer->inputs[0]);
  e->needs[MIXENT_C_MAX_POOL] = true;
  mixent_text_append(
      &e->calls,
      "  max_pool(&(const pooling){.from_height = %d, .from_width = %d, .height = %d, .width = %d,\n"
      "                            .channels = %d, .size = %d, .stride = %d, .padding = %d}",
      from->height, from->width, layer->height, layer->width, layer->channels, layer->kernel, layer->stride,
      layer->padding);
  end_call(e, layer->inputs[0], step->value);
  return MIXENT_OK;
}

/* global_pool, flatten: of the map that they read. */
static mixent_status export_over_map(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer), *from = layer_at(e, layer->inputs[0]);
  mixent_c_function function =
      mixent_layer_is(layer, MIXENT_LAYER_FLATTEN) ? MIXENT_C_FLATTEN : MIXENT_C_GLOBAL_POOL;
  e->needs[function] = true;
  mixent_text_append(&e->calls, "  %s(%d, %d", mixent_c_function_names[function], pixels_of(from),
                     from->channels);
  end_call(e, layer->inputs[0], step->value);
  return MIXENT_OK;
}

/* `count` channels of layer `from`, its `begin`th the first, to those of `to` from `at` on: copied or added. */
static void move_channels(mixent_c_exporter *e, mixent_c_function function, int count, int from, int begin,
                          int to, int at) {
  e->needs[function] = true;
  mixent_text_append(&e->calls, "  %s(%d, %d, %d, memory + %zu, %d, memory + %zu);\n",
                     mixent_c_function_names[function], pixels_of(layer_at(e, to)), count,
                     layer_at(e, from)->channels, mixent_c_place(&e->plan, from) + (size_t)begin,
                     layer_at(e, to)->channels, mixent_c_place(&e->plan, to) + (size_t)at);
}

static mixent_status export_split(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer);
  move_channels(e, MIXENT_C_COPY_CHANNELS, layer->channels, layer->inputs[0], layer->begin, step->layer, 0);
  return MIXENT_OK;
}

static mixent_status export_concat(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer);
  for (int i = 0, at = 0; i < layer->input_count; i++) {
    int channels = layer_at(e, layer->inputs[i])->channels;
    move_channels(e, MIXENT_C_COPY_CHANNELS, channels, layer->inputs[i], 0, step->layer, at);
    at += channels;
  }
  return MIXENT_OK;
}

/* A narrower map counts as padded with zero channels equally on both sides. */
static mixent_status export_add(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer);
  for (int i = step->in_place; i < layer->input_count; i++) {
    int channels = layer_at(e, layer->inputs[i])->channels;
    move_channels(e, i ? MIXENT_C_ADD_CHANNELS : MIXENT_C_COPY_CHANNELS, channels, layer->inputs[i], 0,
                  step->layer, (layer->channels - channels) / 2);
  }
  return MIXENT_OK;
}

static mixent_status export_mean_probability(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer);
  e->needs[MIXENT_C_EXPONENTIAL] = e->needs[MIXENT_C_LOGARITHM] = e->needs[MIXENT_C_MEAN_PROBABILITY] = true;
  mixent_text_append(&e->calls, "  mean_probability(%d, %d, %d, (const float *const[]){", layer->input_count,
                     pixels_of(layer), layer->channels);
  for (int i = 0; i < layer->input_count; i++) {
    mixent_text_append_item(&e->calls, (size_t)i, "memory + %zu", mixent_c_place(&e->plan, layer->inputs[i]));
  }
  mixent_text_append(&e->calls, "},\n                   memory + %zu, memory + %zu);\n",
                     mixent_c_place(&e->plan, step->layer) + mixent_layer_row(layer),
                     mixent_c_place(&e->plan, step->layer));
  return MIXENT_OK;
}

/* Of each kind of layer; NULL: it has no form in C. Dropout is gone from a network for evaluation. */
static mixent_status (*const exports[MIXENT_LAYER_KINDS])(mixent_c_exporter *e, const mixent_c_step *step) = {
    [MIXENT_LAYER_CONV2D] = export_convolution,
    [MIXENT_LAYER_LINEAR] = export_convolution,
    [MIXENT_LAYER_BATCH_NORM] = export_batch_norm,
    [MIXENT_LAYER_RELU] = export_elementwise,
    [MIXENT_LAYER_GELU] = export_elementwise,
    [MIXENT_LAYER_SILU] = export_elementwise,
    [MIXENT_LAYER_MAX_POOL] = export_max_pool,
    [MIXENT_LAYER_GLOBAL_POOL] = export_over_map,
    [MIXENT_LAYER_FLATTEN] = export_over_map,
    [MIXENT_LAYER_SPLIT] = export_split,
    [MIXENT_LAYER_CONCAT] = export_concat,
    [MIXENT_LAYER_ADD] = export_add,
    [MIXENT_LAYER_MEAN_PROBABILITY] = export_mean_probability};

mixent_status mixent_c_check_layers(const mixent_graph *graph) {
  for (int l = 1; l < graph->layer_count; l++)
    if (!exports[graph->layers[l].type->kind])
      return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "layer %s: '%s' has no form in C yet",
                         graph->layers[l].name, graph->layers[l].type->name);
  return MIXENT_OK;
}

/* The names of the layers of a step, and what becomes of their value's shape, as a comment. */
static void append_remark(mixent_c_exporter *e, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(e, step->layer), *from = layer_at(e, layer->inputs[0]),
                     *to = layer_at(e, step->value);
  mixent_text_append(&e->calls, "\n  /* ");
  for (int l = step->layer; l <= step->value; l++)
    mixent_text_append_item(&e->calls, (size_t)(l - step->layer), "%s", layer_at(e, l)->name);
  mixent_text_append(&e->calls, ": %dx%dx%d -> %dx%dx%d */\n", from->height, from->width, from->channels,
                     to->height, to->width, to->channels);
}

mixent_status mixent_c_export_step(mixent_c_exporter *e, const mixent_c_step *step) {
  append_remark(e, step);
  return exports[layer_at(e, step->layer)->type->kind](e, step);
}
