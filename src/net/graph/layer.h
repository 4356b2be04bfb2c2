/* A kind of layer: how it is described, its shapes and parameters, and its plain reference in one place. The
 * reference computes in double and rounds to the type of the value it writes, so that one source serves
 * double, float and bfloat16; it is what every fast back end is held to, and what runs where no back end has
 * the layer. One file per kind in
 * net/graph/layers/, one line per kind in mixent_layer_kind and in net/graph/layers/registry.c. */
#ifndef MIXENT_NET_GRAPH_LAYER_H
#define MIXENT_NET_GRAPH_LAYER_H

#include "core/half.h"
#include "net/graph/graph.h"

typedef enum mixent_data_type { MIXENT_TYPE_F32, MIXENT_TYPE_BF16, MIXENT_TYPE_F64 } mixent_data_type;

static inline size_t mixent_data_type_size(mixent_data_type type) {
  return type == MIXENT_TYPE_F64 ? 8 : type == MIXENT_TYPE_F32 ? 4 : 2;
}

/* An array whose element type is known at run time. */
typedef struct mixent_typed_array {
  void *data; /* NULL: not there */
  mixent_data_type type;
} mixent_typed_array;

static inline double mixent_get(mixent_typed_array array, size_t i) {
  switch (array.type) {
  case MIXENT_TYPE_F64: return ((const double *)array.data)[i];
  case MIXENT_TYPE_F32: return ((const float *)array.data)[i];
  default: return mixent_bf16_to_float(((const uint16_t *)array.data)[i]);
  }
}

static inline void mixent_put(mixent_typed_array array, size_t i, double value) {
  switch (array.type) {
  case MIXENT_TYPE_F64: ((double *)array.data)[i] = value; break;
  case MIXENT_TYPE_F32: ((float *)array.data)[i] = (float)value; break;
  default: ((uint16_t *)array.data)[i] = mixent_bf16_from_float((float)value);
  }
}

/* What one layer's reference reads and writes in one call. */
typedef struct mixent_layer_call {
  int rows, first_row; /* first_row: of the step's batch, where the rows are a part of it */
  mixent_mode mode;
  uint64_t seed, step;                                  /* dropout, MIXENT_ESTIMATE */
  mixent_typed_array inputs[MIXENT_MAX_INPUTS], output; /* values [rows, height, width, channels] */
  mixent_typed_array parameters[MIXENT_MAX_LAYER_TENSORS],
      statistics[MIXENT_MAX_LAYER_TENSORS]; /* this layer's tensors */
  void *saved; /* saved_bytes() from forward to backward: mask, argmax, batch mean and variance; 64-byte
                  aligned */
  /* backward only: reads output_gradient; overwrites input_gradients (each the layer's own; data NULL: not
   * wanted) and parameter_gradients */
  mixent_typed_array output_gradient, input_gradients[MIXENT_MAX_INPUTS],
      parameter_gradients[MIXENT_MAX_LAYER_TENSORS];
} mixent_layer_call;

/* What code asks for; names are for people and files. */
typedef enum mixent_layer_kind {
  MIXENT_LAYER_CONV2D,
  MIXENT_LAYER_BATCH_NORM,
  MIXENT_LAYER_RELU,
  MIXENT_LAYER_MAX_POOL,
  MIXENT_LAYER_GLOBAL_POOL,
  MIXENT_LAYER_FLATTEN,
  MIXENT_LAYER_LINEAR,
  MIXENT_LAYER_DROPOUT,
  MIXENT_LAYER_SPLIT,
  MIXENT_LAYER_CONCAT,
  MIXENT_LAYER_ADD,
  MIXENT_LAYER_MEAN_PROBABILITY,
  MIXENT_LAYER_GELU,
  MIXENT_LAYER_SILU,
  MIXENT_LAYER_KINDS
} mixent_layer_kind;

struct mixent_layer_type {
  mixent_layer_kind kind;
  const char *name;    /* "conv2d", as in descriptions */
  const char *summary; /* one line: its fields and what it does */
  /* Reads `fields` (a mapping, or an empty scalar), checks the inputs' shapes, sets the value's shape, adds
   * parameters. The keys "name" and "from" are read by the caller before. */
  mixent_status (*describe)(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields);
  size_t (*saved_bytes)(const mixent_graph *graph, const mixent_layer *layer, int rows); /* NULL: none */
  /* Threads: the reference may use mixent_parallel_for, keeping the order of every sum. */
  void (*forward)(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call);
  void (*backward)(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call);
};

/* NULL-terminated. */
extern const mixent_layer_type *const mixent_layer_types[];
const mixent_layer_type *mixent_layer_type_find(const char *name);

/* False of the input, which is no layer of any kind. */
static inline bool mixent_layer_is(const mixent_layer *layer, mixent_layer_kind kind) {
  return layer->type && layer->type->kind == kind;
}

/* Elements of one row of the value of layer `index`. */
static inline size_t mixent_layer_row(const mixent_layer *layer) {
  return (size_t)layer->height * (size_t)layer->width * (size_t)layer->channels;
}

#endif
