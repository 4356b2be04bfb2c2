/* Mean over the whole map: y[n, c] = sum_{y, x} x[n, y, x, c] / (height width); adaptive average pooling to
 * 1x1. */
#include "net/graph/layers/kind.h"

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  MIXENT_TRY(mixent_layer_describe_same(graph, layer, fields));
  layer->height = layer->width = 1;
  return MIXENT_OK;
}

static void forward_rows(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer *input = mixent_layer_input(work->graph, work->layer, 0);
  size_t channels = (size_t)input->channels, pixels = (size_t)input->height * (size_t)input->width;
  double x[MIXENT_PIECE];
  for (size_t row = begin; row < end; row++)
    for (size_t first = 0, n; first < channels; first += n) {
      double sums[MIXENT_PIECE] = {0};
      n = mixent_piece(channels - first);
      for (size_t p = 0; p < pixels; p++) {
        mixent_load(work->call->inputs[0], (row * pixels + p) * channels + first, n, x);
        for (size_t c = 0; c < n; c++) sums[c] += x[c];
      }
      for (size_t c = 0; c < n; c++) sums[c] /= (double)pixels;
      mixent_store(work->call->output, row * channels + first, n, sums);
    }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for((size_t)call->rows, 1, forward_rows, &work);
}

static void backward_rows(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer *input = mixent_layer_input(work->graph, work->layer, 0);
  size_t channels = (size_t)input->channels, pixels = (size_t)input->height * (size_t)input->width;
  double dy[MIXENT_PIECE];
  for (size_t row = begin; row < end; row++)
    for (size_t first = 0, n; first < channels; first += n) {
      n = mixent_piece(channels - first);
      mixent_load(work->call->output_gradient, row * channels + first, n, dy);
      for (size_t c = 0; c < n; c++) dy[c] /= (double)pixels;
      for (size_t p = 0; p < pixels; p++)
        mixent_store(work->call->input_gradients[0], (row * pixels + p) * channels + first, n, dy);
    }
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  if (!call->input_gradients[0].data) return;
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for((size_t)call->rows, 1, backward_rows, &work);
}

const mixent_layer_type mixent_layer_global_pool = {
    .kind = MIXENT_LAYER_GLOBAL_POOL,
    .name = "global_pool",
    .summary = "mean over the map, which becomes 1x1",
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
