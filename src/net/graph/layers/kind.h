/* What the layer kinds share: reading their fields, and arrays in pieces of doubles. The references compute
 * in double on pieces of at most MIXENT_PIECE elements, so that the switch over types stays outside the
 * loops. */
#ifndef MIXENT_NET_GRAPH_LAYERS_KIND_H
#define MIXENT_NET_GRAPH_LAYERS_KIND_H

#include "core/threads.h"
#include "net/graph/layer.h"

extern const mixent_layer_type mixent_layer_conv2d, mixent_layer_batch_norm, mixent_layer_relu,
    mixent_layer_max_pool, mixent_layer_global_pool, mixent_layer_flatten, mixent_layer_linear,
    mixent_layer_dropout, mixent_layer_split, mixent_layer_concat, mixent_layer_add,
    mixent_layer_mean_probability, mixent_layer_gelu, mixent_layer_silu;

/* Each leaves *out as it is, the default, if the field is absent. */
mixent_status mixent_field_integer(const mixent_yaml *fields, const char *key, int low, int high, int *out);
mixent_status mixent_field_number(const mixent_yaml *fields, const char *key, double low, double high,
                                  double *out);
mixent_status mixent_field_boolean(const mixent_yaml *fields, const char *key, bool *out);
/* Complains if the field is absent. */
mixent_status mixent_field_require(const mixent_yaml *fields, const char *key);

/* Complains unless the layer reads exactly one layer / two or more. */
mixent_status mixent_layer_need_one(const mixent_layer *layer, const mixent_yaml *fields);
mixent_status mixent_layer_need_several(const mixent_layer *layer, const mixent_yaml *fields);

/* For kinds without fields whose value has its input's shape. */
mixent_status mixent_layer_describe_same(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields);

/* The height and width of a convolution's or pooling's value, rounded down. */
mixent_status mixent_layer_set_window(const mixent_graph *graph, mixent_layer *layer,
                                      const mixent_yaml *fields);

static inline const mixent_layer *mixent_layer_input(const mixent_graph *graph, const mixent_layer *layer,
                                                     int i) {
  return &graph->layers[layer->inputs[i]];
}

/* Pixels of `rows` rows of the layer's value. */
static inline size_t mixent_layer_pixels(const mixent_layer *layer, int rows) {
  return (size_t)rows * (size_t)layer->height * (size_t)layer->width;
}

/* What a reference hands to its parallel work. */
typedef struct mixent_layer_work {
  const mixent_graph *graph;
  const mixent_layer *layer;
  const mixent_layer_call *call;
} mixent_layer_work;

enum { MIXENT_PIECE = 256 };

static inline size_t mixent_piece(size_t left) {
  return left < MIXENT_PIECE ? left : MIXENT_PIECE;
}

/* Runs `work` over the pixels of the layer's value, in pieces; its context is a mixent_layer_work. */
static inline void mixent_layer_over_pixels(const mixent_graph *graph, const mixent_layer *layer,
                                            const mixent_layer_call *call, mixent_range_work *work) {
  mixent_layer_work context = {graph, layer, call};
  mixent_parallel_for(mixent_layer_pixels(layer, call->rows), 64, work, &context);
}

/* out[i] = array[begin + i] for `count` elements, and back. */
static inline void mixent_load(mixent_typed_array array, size_t begin, size_t count, double *out) {
  switch (array.type) {
  case MIXENT_TYPE_F64: memcpy(out, (const double *)array.data + begin, count * sizeof *out); break;
  case MIXENT_TYPE_F32:
    for (size_t i = 0; i < count; i++) out[i] = ((const float *)array.data + begin)[i];
    break;
  default:
    for (size_t i = 0; i < count; i++)
      out[i] = mixent_bf16_to_float(((const uint16_t *)array.data + begin)[i]);
  }
}

static inline void mixent_store(mixent_typed_array array, size_t begin, size_t count, const double *in) {
  switch (array.type) {
  case MIXENT_TYPE_F64: memcpy((double *)array.data + begin, in, count * sizeof *in); break;
  case MIXENT_TYPE_F32:
    for (size_t i = 0; i < count; i++) ((float *)array.data + begin)[i] = (float)in[i];
    break;
  default:
    for (size_t i = 0; i < count; i++)
      ((uint16_t *)array.data + begin)[i] = mixent_bf16_from_float((float)in[i]);
  }
}

/* to[to_begin…] = from[from_begin…] for `count` elements, whatever the types. */
static inline void mixent_copy(mixent_typed_array to, size_t to_begin, mixent_typed_array from,
                               size_t from_begin, size_t count) {
  if (to.type == from.type) {
    size_t size = mixent_data_type_size(to.type);
    memcpy((char *)to.data + to_begin * size, (const char *)from.data + from_begin * size, count * size);
    return;
  }
  double piece[MIXENT_PIECE];
  for (size_t done = 0, n; done < count; done += n) {
    n = mixent_piece(count - done);
    mixent_load(from, from_begin + done, n, piece);
    mixent_store(to, to_begin + done, n, piece);
  }
}

static inline void mixent_zero(mixent_typed_array array, size_t begin, size_t count) {
  size_t size = mixent_data_type_size(array.type); /* all bits zero is 0 in each type */
  memset((char *)array.data + begin * size, 0, count * size);
}

#endif
