/* Some channels of the input: y[n, v, u, c] = x[n, v, u, begin + c], begin <= begin + c < end. */
#include "net/graph/layers/kind.h"

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", "begin", "end", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_one(layer, fields));
  MIXENT_TRY(mixent_field_require(fields, "begin"));
  MIXENT_TRY(mixent_field_require(fields, "end"));
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  MIXENT_TRY(mixent_field_integer(fields, "begin", 0, input->channels - 1, &layer->begin));
  MIXENT_TRY(mixent_field_integer(fields, "end", layer->begin + 1, input->channels, &layer->end));
  layer->channels = layer->end - layer->begin, layer->height = input->height, layer->width = input->width;
  return MIXENT_OK;
}

/* Pixels [begin, end) of rows x height x width. */
static void forward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  size_t inputs = (size_t)mixent_layer_input(work->graph, work->layer, 0)->channels;
  size_t first = (size_t)work->layer->begin, channels = (size_t)work->layer->channels;
  for (size_t p = begin; p < end; p++)
    mixent_copy(work->call->output, p * channels, work->call->inputs[0], p * inputs + first, channels);
}

/* The channels left out get gradient 0. */
static void backward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer_call *call = work->call;
  size_t inputs = (size_t)mixent_layer_input(work->graph, work->layer, 0)->channels;
  size_t first = (size_t)work->layer->begin, channels = (size_t)work->layer->channels;
  mixent_zero(call->input_gradients[0], begin * inputs, (end - begin) * inputs);
  for (size_t p = begin; p < end; p++)
    mixent_copy(call->input_gradients[0], p * inputs + first, call->output_gradient, p * channels, channels);
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for(mixent_layer_pixels(layer, call->rows), 64, forward_pixels, &work);
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  if (!call->input_gradients[0].data) return;
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for(mixent_layer_pixels(layer, call->rows), 64, backward_pixels, &work);
}

const mixent_layer_type mixent_layer_split = {
    .kind = MIXENT_LAYER_SPLIT,
    .name = "split",
    .summary = "begin, end: the channels from begin to before end",
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
