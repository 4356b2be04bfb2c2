/* A map [height, width, channels] becomes one long vector in PyTorch's order (channels, height, width). */
#include "net/graph/layers/kind.h"

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  MIXENT_TRY(mixent_layer_describe_same(graph, layer, fields));
  size_t length = mixent_layer_row(layer);
  if (length > 1 << 24)
    return mixent_yaml_fail(fields,
                            "flatten: %d channels of %dx%d are too many for one vector; pool them first",
                            layer->channels, layer->height, layer->width);
  layer->channels = (int)length;
  layer->height = layer->width = 1;
  return MIXENT_OK;
}

typedef struct order {
  mixent_typed_array map, vector;
  size_t channels, pixels;
  bool backward;
} order;

static void reorder_rows(void *context, size_t begin, size_t end) {
  const order *order = context;
  size_t length = order->channels * order->pixels;
  for (size_t row = begin; row < end; row++) {
    if (order->pixels == 1 || order->channels == 1) { /* the orders agree */
      if (order->backward)
        mixent_copy(order->map, row * length, order->vector, row * length, length);
      else
        mixent_copy(order->vector, row * length, order->map, row * length, length);
      continue;
    }
    for (size_t p = 0; p < order->pixels; p++)
      for (size_t c = 0; c < order->channels; c++) {
        size_t in_map = row * length + p * order->channels + c,
               in_vector = row * length + c * order->pixels + p;
        if (order->backward)
          mixent_put(order->map, in_map, mixent_get(order->vector, in_vector));
        else
          mixent_put(order->vector, in_vector, mixent_get(order->map, in_map));
      }
  }
}

static void reorder(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call,
                    bool backward) {
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  order order = {.map = backward ? call->input_gradients[0] : call->inputs[0],
                 .vector = backward ? call->output_gradient : call->output,
                 .channels = (size_t)input->channels,
                 .pixels = (size_t)input->height * (size_t)input->width,
                 .backward = backward};
  mixent_parallel_for((size_t)call->rows, 8, reorder_rows, &order);
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  reorder(graph, layer, call, false);
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  if (call->input_gradients[0].data) reorder(graph, layer, call, true);
}

const mixent_layer_type mixent_layer_flatten = {
    .kind = MIXENT_LAYER_FLATTEN,
    .name = "flatten",
    .summary = "the map as one vector",
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
