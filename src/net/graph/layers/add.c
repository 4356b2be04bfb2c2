/* The sum of maps of the same size. The first has the most channels; one with fewer counts as padded with
 * zero channels equally on both sides: the shortcut without parameters of He et al. 2016 (option A of "Deep
 * residual learning"). */
#include "net/graph/layers/kind.h"

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_several(layer, fields));
  const mixent_layer *first = mixent_layer_input(graph, layer, 0);
  layer->channels = first->channels, layer->height = first->height, layer->width = first->width;
  for (int i = 1; i < layer->input_count; i++) {
    const mixent_layer *input = mixent_layer_input(graph, layer, i);
    if (input->height != first->height || input->width != first->width)
      return mixent_yaml_fail(fields, "add: %s gives a map of %dx%d, %s one of %dx%d", first->name,
                              first->height, first->width, input->name, input->height, input->width);
    int missing = first->channels - input->channels;
    if (missing < 0)
      return mixent_yaml_fail(fields, "add: %s has %d channels, more than the %d of %s; name it first",
                              input->name, input->channels, first->channels, first->name);
    if (missing % 2)
      return mixent_yaml_fail(fields, "add: %s has %d channels, %s %d: the difference must be even",
                              first->name, first->channels, input->name, input->channels);
  }
  return MIXENT_OK;
}

/* Pixels [begin, end) of rows x height x width. */
static void forward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer_call *call = work->call;
  size_t channels = (size_t)work->layer->channels;
  double sum[MIXENT_PIECE], x[MIXENT_PIECE];
  for (size_t p = begin; p < end; p++)
    for (size_t first = 0, n; first < channels; first += n) {
      n = mixent_piece(channels - first);
      mixent_load(call->inputs[0], p * channels + first, n, sum);
      for (int i = 1; i < work->layer->input_count; i++) {
        size_t own = (size_t)mixent_layer_input(work->graph, work->layer, i)->channels,
               pad = (channels - own) / 2;
        size_t from = first > pad ? first : pad, to = first + n < pad + own ? first + n : pad + own;
        if (from >= to) continue;
        mixent_load(call->inputs[i], p * own + from - pad, to - from, x);
        for (size_t c = from; c < to; c++) sum[c - first] += x[c - from];
      }
      mixent_store(call->output, p * channels + first, n, sum);
    }
}

static void backward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  size_t channels = (size_t)work->layer->channels;
  for (int i = 0; i < work->layer->input_count; i++) {
    mixent_typed_array gradient = work->call->input_gradients[i];
    size_t own = (size_t)mixent_layer_input(work->graph, work->layer, i)->channels,
           pad = (channels - own) / 2;
    for (size_t p = begin; p < end && gradient.data; p++)
      mixent_copy(gradient, p * own, work->call->output_gradient, p * channels + pad, own);
  }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_over_pixels(graph, layer, call, forward_pixels);
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_over_pixels(graph, layer, call, backward_pixels);
}

const mixent_layer_type mixent_layer_add = {
    .kind = MIXENT_LAYER_ADD,
    .name = "add",
    .summary = "from: [a, b]: their sum; b may have fewer channels (zeros on both sides)",
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
