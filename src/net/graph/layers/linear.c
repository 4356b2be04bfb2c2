/* Fully connected: y[n, o] = bias[o] + sum_i w[o, i] x[n, i]. */
#include "net/graph/layers/kind.h"
#include <math.h>

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", "features", "bias", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_one(layer, fields));
  MIXENT_TRY(mixent_field_require(fields, "features"));
  const mixent_layer *input = mixent_layer_input(graph, layer, 0);
  if (input->height != 1 || input->width != 1)
    return mixent_yaml_fail(fields,
                            "linear: reads a vector, but %s gives a map of %dx%d; put flatten before it",
                            input->name, input->height, input->width);
  const mixent_yaml *features = mixent_yaml_find(fields, "features");
  bool bias = true;
  if (features->kind == MIXENT_YAML_SCALAR && strcmp(features->text, "classes") == 0)
    layer->channels = graph->options.classes;
  else
    MIXENT_TRY(mixent_field_integer(fields, "features", 1, 1 << 20, &layer->channels));
  MIXENT_TRY(mixent_field_boolean(fields, "bias", &bias));
  layer->height = layer->width = 1;

  const int64_t shape[] = {layer->channels, input->channels};
  double bound = 1 / sqrt(input->channels);
  MIXENT_TRY(mixent_graph_add_parameter(graph, layer, "weight", 2, shape, MIXENT_INIT_UNIFORM, bound,
                                        &layer->parameters[0]));
  if (!bias) return MIXENT_OK;
  return mixent_graph_add_parameter(graph, layer, "bias", 1, shape, MIXENT_INIT_UNIFORM, bound,
                                    &layer->parameters[1]);
}

static void forward_rows(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer_call *call = work->call;
  size_t inputs = (size_t)mixent_layer_input(work->graph, work->layer, 0)->channels;
  size_t outputs = (size_t)work->layer->channels;
  double x[MIXENT_PIECE], w[MIXENT_PIECE];
  for (size_t row = begin; row < end; row++)
    for (size_t o = 0; o < outputs; o++) {
      double sum = call->parameters[1].data ? mixent_get(call->parameters[1], o) : 0;
      for (size_t first = 0, n; first < inputs; first += n) {
        n = mixent_piece(inputs - first);
        mixent_load(call->inputs[0], row * inputs + first, n, x);
        mixent_load(call->parameters[0], o * inputs + first, n, w);
        for (size_t i = 0; i < n; i++) sum += w[i] * x[i];
      }
      mixent_put(call->output, row * outputs + o, sum);
    }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for((size_t)call->rows, 1, forward_rows, &work);
}

/* out[row, :] = sum_k factors[row row_stride + k k_stride] matrix[k, :] with `width` columns: dx = dy w and
 * dw = dy^T x. */
typedef struct product {
  mixent_typed_array factors, matrix, out;
  size_t row_stride, k_stride, sum_length, width;
} product;

static void product_rows(void *context, size_t begin, size_t end) {
  const product *product = context;
  double values[MIXENT_PIECE];
  for (size_t row = begin; row < end; row++)
    for (size_t first = 0, n; first < product->width; first += n) {
      double sums[MIXENT_PIECE] = {0};
      n = mixent_piece(product->width - first);
      for (size_t k = 0; k < product->sum_length; k++) {
        double factor = mixent_get(product->factors, row * product->row_stride + k * product->k_stride);
        mixent_load(product->matrix, k * product->width + first, n, values);
        for (size_t i = 0; i < n; i++) sums[i] += factor * values[i];
      }
      mixent_store(product->out, row * product->width + first, n, sums);
    }
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  size_t inputs = (size_t)mixent_layer_input(graph, layer, 0)->channels, outputs = (size_t)layer->channels;
  size_t rows = (size_t)call->rows;
  if (call->input_gradients[0].data) {
    product data = {.factors = call->output_gradient,
                    .matrix = call->parameters[0],
                    .out = call->input_gradients[0],
                    .row_stride = outputs,
                    .k_stride = 1,
                    .sum_length = outputs,
                    .width = inputs};
    mixent_parallel_for(rows, 1, product_rows, &data);
  }
  product weights = {.factors = call->output_gradient,
                     .matrix = call->inputs[0],
                     .out = call->parameter_gradients[0],
                     .row_stride = 1,
                     .k_stride = outputs,
                     .sum_length = rows,
                     .width = inputs};
  mixent_parallel_for(outputs, 1, product_rows, &weights);
  for (size_t o = 0; o < outputs && call->parameter_gradients[1].data; o++) {
    double sum = 0;
    for (size_t row = 0; row < rows; row++) sum += mixent_get(call->output_gradient, row * outputs + o);
    mixent_put(call->parameter_gradients[1], o, sum);
  }
}

const mixent_layer_type mixent_layer_linear = {
    .kind = MIXENT_LAYER_LINEAR,
    .name = "linear",
    .summary = "features (a number, or classes), bias (true): fully connected",
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
