/* Rectifier: y = max(x, 0); a NaN stays one. */
#include "net/graph/layers/kind.h"

static void forward_range(void *context, size_t begin, size_t end) {
  const mixent_layer_call *call = context;
  double x[MIXENT_PIECE];
  for (size_t n; begin < end; begin += n) {
    n = mixent_piece(end - begin);
    mixent_load(call->inputs[0], begin, n, x);
    for (size_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0 : x[i];
    mixent_store(call->output, begin, n, x);
  }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  (void)graph;
  mixent_parallel_for((size_t)call->rows * mixent_layer_row(layer), 16 * MIXENT_PIECE, forward_range,
                      (void *)call);
}

/* dx = dy where y > 0, else 0. */
static void backward_range(void *context, size_t begin, size_t end) {
  const mixent_layer_call *call = context;
  double y[MIXENT_PIECE], dy[MIXENT_PIECE];
  for (size_t n; begin < end; begin += n) {
    n = mixent_piece(end - begin);
    mixent_load(call->output, begin, n, y);
    mixent_load(call->output_gradient, begin, n, dy);
    for (size_t i = 0; i < n; i++) dy[i] = y[i] > 0 ? dy[i] : 0;
    mixent_store(call->input_gradients[0], begin, n, dy);
  }
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  (void)graph;
  if (!call->input_gradients[0].data) return;
  mixent_parallel_for((size_t)call->rows * mixent_layer_row(layer), 16 * MIXENT_PIECE, backward_range,
                      (void *)call);
}

const mixent_layer_type mixent_layer_relu = {
    .kind = MIXENT_LAYER_RELU,
    .name = "relu",
    .summary = "max(x, 0)",
    .describe = mixent_layer_describe_same,
    .forward = forward,
    .backward = backward,
};
