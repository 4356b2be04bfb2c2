/* The channels of several maps of the same size, one after another. */
#include "net/graph/layers/kind.h"

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_several(layer, fields));
  const mixent_layer *first = mixent_layer_input(graph, layer, 0);
  layer->height = first->height, layer->width = first->width;
  for (int i = 0; i < layer->input_count; i++) {
    const mixent_layer *input = mixent_layer_input(graph, layer, i);
    if (input->height != first->height || input->width != first->width)
      return mixent_yaml_fail(fields, "concat: %s gives a map of %dx%d, %s one of %dx%d", first->name,
                              first->height, first->width, input->name, input->height, input->width);
    layer->channels += input->channels;
  }
  return MIXENT_OK;
}

/* Pixels [begin, end) of rows x height x width. */
static void forward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  size_t at = begin * (size_t)work->layer->channels;
  for (size_t p = begin; p < end; p++)
    for (int i = 0; i < work->layer->input_count; i++) {
      size_t channels = (size_t)mixent_layer_input(work->graph, work->layer, i)->channels;
      mixent_copy(work->call->output, at, work->call->inputs[i], p * channels, channels);
      at += channels;
    }
}

static void backward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  size_t at = begin * (size_t)work->layer->channels;
  for (size_t p = begin; p < end; p++)
    for (int i = 0; i < work->layer->input_count; i++) {
      size_t channels = (size_t)mixent_layer_input(work->graph, work->layer, i)->channels;
      mixent_typed_array gradient = work->call->input_gradients[i];
      if (gradient.data) mixent_copy(gradient, p * channels, work->call->output_gradient, at, channels);
      at += channels;
    }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_over_pixels(graph, layer, call, forward_pixels);
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_over_pixels(graph, layer, call, backward_pixels);
}

const mixent_layer_type mixent_layer_concat = {
    .kind = MIXENT_LAYER_CONCAT,
    .name = "concat",
    .summary = "from: [a, b, …]: their channels one after another",
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
