/* Maximum over windows, rounded down at the border; padding never wins. Of equal values the first in
 * row-major order is the maximum and gets the gradient, as in PyTorch. */
#include "net/graph/layers/kind.h"
#include <math.h>

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", "size", "stride", "padding", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_one(layer, fields));
  MIXENT_TRY(mixent_field_require(fields, "size"));
  MIXENT_TRY(mixent_field_integer(fields, "size", 1, 31, &layer->kernel));
  layer->stride = layer->kernel;
  MIXENT_TRY(mixent_field_integer(fields, "stride", 1, 31, &layer->stride));
  MIXENT_TRY(mixent_field_integer(fields, "padding", 0, layer->kernel / 2, &layer->padding));
  layer->channels = mixent_layer_input(graph, layer, 0)->channels;
  return mixent_layer_set_window(graph, layer, fields);
}

/* saved: int32 per element of the value, the position (y width + x) of its maximum in the input's map. */
static size_t saved_bytes(const mixent_graph *graph, const mixent_layer *layer, int rows) {
  (void)graph;
  return sizeof(int32_t) * (size_t)rows * mixent_layer_row(layer);
}

static int larger(int a, int b) {
  return a > b ? a : b;
}
static int smaller(int a, int b) {
  return a < b ? a : b;
}

/* Lines [begin, end) of rows x height of the value. */
static void forward_lines(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer *layer = work->layer, *input = mixent_layer_input(work->graph, layer, 0);
  const mixent_layer_call *call = work->call;
  size_t channels = (size_t)layer->channels;
  for (size_t line = begin; line < end; line++) {
    size_t row = line / (size_t)layer->height * mixent_layer_row(input);
    int top = (int)(line % (size_t)layer->height) * layer->stride - layer->padding;
    for (int u = 0; u < layer->width; u++) {
      int left = u * layer->stride - layer->padding;
      for (size_t c = 0; c < channels; c++) {
        double best = -INFINITY;
        int32_t position = -1;
        for (int y = larger(top, 0); y < smaller(top + layer->kernel, input->height); y++)
          for (int x = larger(left, 0); x < smaller(left + layer->kernel, input->width); x++) {
            int32_t at = y * input->width + x;
            double value = mixent_get(call->inputs[0], row + (size_t)at * channels + c);
            if (position < 0 || value > best || isnan(value)) best = value, position = at;
          }
        size_t out = (line * (size_t)layer->width + (size_t)u) * channels + c;
        mixent_put(call->output, out, best);
        ((int32_t *)call->saved)[out] = position;
      }
    }
  }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for((size_t)call->rows * (size_t)layer->height, 4, forward_lines, &work);
}

/* Lines [begin, end) of rows x height of the input: each pixel gathers from the windows that hold it. */
static void backward_lines(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer *layer = work->layer, *input = mixent_layer_input(work->graph, layer, 0);
  const mixent_layer_call *call = work->call;
  const int32_t *places = call->saved;
  size_t channels = (size_t)layer->channels;
  for (size_t line = begin; line < end; line++) {
    size_t row = line / (size_t)input->height * mixent_layer_row(layer);
    int y = (int)(line % (size_t)input->height);
    /* window v covers y if v stride - padding <= y < v stride - padding + kernel */
    int v0 = larger(0, y + layer->padding - layer->kernel + layer->stride) / layer->stride;
    int v1 = smaller(layer->height - 1, (y + layer->padding) / layer->stride);
    for (int x = 0; x < input->width; x++) {
      int u0 = larger(0, x + layer->padding - layer->kernel + layer->stride) / layer->stride;
      int u1 = smaller(layer->width - 1, (x + layer->padding) / layer->stride);
      for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int v = v0; v <= v1; v++)
          for (int u = u0; u <= u1; u++) {
            size_t out = row + (size_t)(v * layer->width + u) * channels + c;
            if (places[out] == y * input->width + x) sum += mixent_get(call->output_gradient, out);
          }
        mixent_put(call->input_gradients[0], (line * (size_t)input->width + (size_t)x) * channels + c, sum);
      }
    }
  }
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  if (!call->input_gradients[0].data) return;
  mixent_layer_work work = {graph, layer, call};
  int height = mixent_layer_input(graph, layer, 0)->height;
  mixent_parallel_for((size_t)call->rows * (size_t)height, 4, backward_lines, &work);
}

const mixent_layer_type mixent_layer_max_pool = {
    .kind = MIXENT_LAYER_MAX_POOL,
    .name = "max_pool",
    .summary = "size, stride (size), padding (0): maximum over windows",
    .describe = describe,
    .saved_bytes = saved_bytes,
    .forward = forward,
    .backward = backward,
};
