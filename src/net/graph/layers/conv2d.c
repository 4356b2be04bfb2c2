/* Two-dimensional convolution (cross-correlation, as everywhere in this field), padded with zeros. With stride s and
 * padding p:
 *
 *   y[n, v, u, o] = bias[o] + sum_{a, b, i} x[n, v s + a - p, u s + b - p, i] w[o, i, a, b]
 */
#include "net/graph/layers/kind.h"
#include <math.h>

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", "channels", "kernel", "stride", "padding", "bias", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_one(layer, fields));
  MIXENT_TRY(mixent_field_require(fields, "channels"));
  MIXENT_TRY(mixent_field_require(fields, "kernel"));
  bool bias = true;
  layer->stride = 1;
  MIXENT_TRY(mixent_field_integer(fields, "channels", 1, 65536, &layer->channels));
  MIXENT_TRY(mixent_field_integer(fields, "kernel", 1, 31, &layer->kernel));
  MIXENT_TRY(mixent_field_integer(fields, "stride", 1, 31, &layer->stride));
  MIXENT_TRY(mixent_field_integer(fields, "padding", 0, layer->kernel - 1, &layer->padding));
  MIXENT_TRY(mixent_field_boolean(fields, "bias", &bias));
  MIXENT_TRY(mixent_layer_set_window(graph, layer, fields));

  int inputs = mixent_layer_input(graph, layer, 0)->channels, area = layer->kernel * layer->kernel;
  const int64_t shape[] = {layer->channels, inputs, layer->kernel, layer->kernel};
  double deviation = sqrt(2.0 / ((double)area * layer->channels));
  double bound = 1 / sqrt((double)area * inputs);
  MIXENT_TRY(mixent_graph_add_parameter(graph, layer, "weight", 4, shape, MIXENT_INIT_NORMAL, deviation,
                                        &layer->parameters[0]));
  if (!bias) return MIXENT_OK;
  return mixent_graph_add_parameter(graph, layer, "bias", 1, shape, MIXENT_INIT_UNIFORM, bound,
                                    &layer->parameters[1]);
}

/* Room for the weights in double, in the order each pass likes; nothing in it outlives a call. */
static size_t saved_bytes(const mixent_graph *graph, const mixent_layer *layer, int rows) {
  (void)rows;
  size_t area = (size_t)layer->kernel * (size_t)layer->kernel;
  return sizeof(double) * area * (size_t)mixent_layer_input(graph, layer, 0)->channels *
         (size_t)layer->channels;
}

/* Forward and the gradient of the input are one computation: each pixel of `to` gathers the pixels of `from`
 * that the kernel ties to it, through weights [kernel position, from channel, to channel]. */
typedef struct gather {
  const mixent_layer *layer;
  bool backward;
  const mixent_layer *from_shape, *to_shape;
  mixent_typed_array from, to, bias;
  const double *weights;
} gather;

/* The coordinate in `from` that kernel offset k ties to coordinate `at` of `to`; -1 if there is none. */
static int source(const mixent_layer *layer, bool backward, int at, int k, int limit) {
  int index = backward ? at + layer->padding - k : at * layer->stride + k - layer->padding;
  if (backward && index >= 0) index = index % layer->stride ? -1 : index / layer->stride;
  return index < limit ? index : -1;
}

/* sums[j] += sum_c from[pixel, c] weights[c, j] for `count` channels of `to`. */
static void add_pixel(const gather *g, size_t pixel, const double *weights, size_t count, double *sums) {
  size_t channels = (size_t)g->from_shape->channels, stride = (size_t)g->to_shape->channels;
  double values[MIXENT_PIECE];
  for (size_t first = 0, n; first < channels; first += n) {
    n = mixent_piece(channels - first);
    mixent_load(g->from, pixel * channels + first, n, values);
    for (size_t c = 0; c < n; c++)
      for (size_t j = 0; j < count; j++) sums[j] += values[c] * weights[(first + c) * stride + j];
  }
}

/* Lines [begin, end) of rows x height of `to`. */
static void gather_lines(void *context, size_t begin, size_t end) {
  const gather *g = context;
  const mixent_layer *from = g->from_shape, *to = g->to_shape;
  int kernel = g->layer->kernel;
  size_t channels = (size_t)to->channels, position = (size_t)from->channels * channels;
  for (size_t line = begin; line < end; line++) {
    size_t row = line / (size_t)to->height;
    int v = (int)(line % (size_t)to->height);
    for (int u = 0; u < to->width; u++)
      for (size_t first = 0, n; first < channels; first += n) {
        double sums[MIXENT_PIECE] = {0};
        n = mixent_piece(channels - first);
        if (g->bias.data) mixent_load(g->bias, first, n, sums);
        for (int a = 0; a < kernel; a++) {
          int y = source(g->layer, g->backward, v, a, from->height);
          for (int b = 0; b < kernel && y >= 0; b++) {
            int x = source(g->layer, g->backward, u, b, from->width);
            size_t pixel = (row * (size_t)from->height + (size_t)y) * (size_t)from->width + (size_t)x;
            if (x >= 0)
              add_pixel(g, pixel, g->weights + (size_t)(a * kernel + b) * position + first, n, sums);
          }
        }
        mixent_store(g->to, (line * (size_t)to->width + (size_t)u) * channels + first, n, sums);
      }
  }
}

/* packed[k, i, o] (forward) or packed[k, o, i] (backward) = w[o, i, k]. */
static void pack_weights(const mixent_layer_call *call, size_t outputs, size_t inputs, size_t area,
                         bool backward, double *packed) {
  for (size_t o = 0; o < outputs; o++)
    for (size_t i = 0; i < inputs; i++)
      for (size_t k = 0; k < area; k++)
        packed[k * outputs * inputs + (backward ? o * inputs + i : i * outputs + o)] =
            mixent_get(call->parameters[0], (o * inputs + i) * area + k);
}

static void run_gather(gather *g, const mixent_layer_call *call, const mixent_layer *input) {
  size_t area = (size_t)g->layer->kernel * (size_t)g->layer->kernel;
  pack_weights(call, (size_t)g->layer->channels, (size_t)input->channels, area, g->backward, call->saved);
  g->weights = call->saved;
  mixent_parallel_for((size_t)call->rows * (size_t)g->to_shape->height, 4, gather_lines, g);
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  gather g = {.layer = layer,
              .from_shape = input,
              .to_shape = layer,
              .from = call->inputs[0],
              .to = call->output,
              .bias = call->parameters[1]};
  run_gather(&g, call, input);
}

/* sums[k, i] = sum over all output pixels of dy[…, o] x[the pixel that k ties to it, i]; returns sum dy[…,
 * o]. */
static double sum_products(const mixent_layer_work *work, size_t o, double *sums) {
  const mixent_layer *layer = work->layer, *input = mixent_layer_input(work->graph, layer, 0);
  const mixent_layer_call *call = work->call;
  size_t inputs = (size_t)input->channels, pixel = 0;
  double total = 0, values[MIXENT_PIECE];
  for (size_t row = 0; row < (size_t)call->rows; row++)
    for (int v = 0; v < layer->height; v++)
      for (int u = 0; u < layer->width; u++, pixel++) {
        double gradient = mixent_get(call->output_gradient, pixel * (size_t)layer->channels + o);
        total += gradient;
        for (int k = 0; k < layer->kernel * layer->kernel; k++) {
          int y = source(layer, false, v, k / layer->kernel, input->height);
          int x = source(layer, false, u, k % layer->kernel, input->width);
          if (y < 0 || x < 0) continue;
          size_t at = ((row * (size_t)input->height + (size_t)y) * (size_t)input->width + (size_t)x) * inputs;
          for (size_t first = 0, n; first < inputs; first += n) {
            n = mixent_piece(inputs - first);
            mixent_load(call->inputs[0], at + first, n, values);
            for (size_t i = 0; i < n; i++) sums[(size_t)k * inputs + first + i] += gradient * values[i];
          }
        }
      }
  return total;
}

/* Gradients of the weights and biases of output channels [begin, end). */
static void weight_gradients(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer_call *call = work->call;
  size_t inputs = (size_t)mixent_layer_input(work->graph, work->layer, 0)->channels;
  size_t area = (size_t)work->layer->kernel * (size_t)work->layer->kernel;
  for (size_t o = begin; o < end; o++) {
    double *sums = (double *)call->saved + o * area * inputs;
    memset(sums, 0, area * inputs * sizeof *sums);
    double total = sum_products(work, o, sums);
    if (call->parameter_gradients[1].data) mixent_put(call->parameter_gradients[1], o, total);
    for (size_t i = 0; i < inputs; i++)
      for (size_t k = 0; k < area; k++)
        mixent_put(call->parameter_gradients[0], (o * inputs + i) * area + k, sums[k * inputs + i]);
  }
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  if (call->input_gradients[0].data) {
    gather g = {.layer = layer,
                .backward = true,
                .from_shape = layer,
                .to_shape = input,
                .from = call->output_gradient,
                .to = call->input_gradients[0]};
    run_gather(&g, call, input);
  }
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for((size_t)layer->channels, 1, weight_gradients, &work);
}

const mixent_layer_type mixent_layer_conv2d = {
    .kind = MIXENT_LAYER_CONV2D,
    .name = "conv2d",
    .summary = "channels, kernel, stride (1), padding (0), bias (true): convolution",
    .describe = describe,
    .saved_bytes = saved_bytes,
    .forward = forward,
    .backward = backward,
};
