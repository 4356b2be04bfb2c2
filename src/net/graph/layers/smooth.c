/* Smooth rectifiers: GELU (Hendrycks and Gimpel 2016) and SiLU (Elfwing et al. 2018), as torch.nn.GELU() and torch.nn.SiLU():
 *
 *   GELU  y = x P(x),  P(x) = (1 + erf(x / sqrt 2)) / 2     dy/dx = P(x) + x exp(-x^2 / 2) / sqrt(2 pi)
 *   SiLU  y = x s,     s = 1 / (1 + exp(-x))                dy/dx = s (1 + x (1 - s)) */
#include "net/graph/layers/kind.h"

#include <math.h>

static double gelu(double x) {
  return x * 0.5 * (1 + erf(x * M_SQRT1_2));
}

static double gelu_slope(double x) {
  return 0.5 * (1 + erf(x * M_SQRT1_2)) + x * exp(-0.5 * x * x) * (0.5 * M_SQRT1_2 * M_2_SQRTPI);
}

static double silu(double x) {
  return x / (1 + exp(-x));
}

static double silu_slope(double x) {
  double s = 1 / (1 + exp(-x));
  return s * (1 + x * (1 - s));
}

static void forward_range(const mixent_layer_call *call, double (*f)(double), size_t begin, size_t end) {
  double x[MIXENT_PIECE];
  for (size_t n; begin < end; begin += n) {
    n = mixent_piece(end - begin);
    mixent_load(call->inputs[0], begin, n, x);
    for (size_t i = 0; i < n; i++) x[i] = f(x[i]);
    mixent_store(call->output, begin, n, x);
  }
}

static void backward_range(const mixent_layer_call *call, double (*slope)(double), size_t begin, size_t end) {
  double x[MIXENT_PIECE], dy[MIXENT_PIECE];
  for (size_t n; begin < end; begin += n) {
    n = mixent_piece(end - begin);
    mixent_load(call->inputs[0], begin, n, x);
    mixent_load(call->output_gradient, begin, n, dy);
    for (size_t i = 0; i < n; i++) dy[i] *= slope(x[i]);
    mixent_store(call->input_gradients[0], begin, n, dy);
  }
}

static void forward_gelu(void *context, size_t begin, size_t end) {
  forward_range(context, gelu, begin, end);
}
static void backward_gelu(void *context, size_t begin, size_t end) {
  backward_range(context, gelu_slope, begin, end);
}
static void forward_silu(void *context, size_t begin, size_t end) {
  forward_range(context, silu, begin, end);
}
static void backward_silu(void *context, size_t begin, size_t end) {
  backward_range(context, silu_slope, begin, end);
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  (void)graph;
  mixent_parallel_for((size_t)call->rows * mixent_layer_row(layer), 16 * MIXENT_PIECE,
                      mixent_layer_is(layer, MIXENT_LAYER_GELU) ? forward_gelu : forward_silu, (void *)call);
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  (void)graph;
  if (!call->input_gradients[0].data) return;
  mixent_parallel_for((size_t)call->rows * mixent_layer_row(layer), 16 * MIXENT_PIECE,
                      mixent_layer_is(layer, MIXENT_LAYER_GELU) ? backward_gelu : backward_silu,
                      (void *)call);
}

const mixent_layer_type mixent_layer_gelu = {.kind = MIXENT_LAYER_GELU,
                                             .name = "gelu",
                                             .summary = "x (1 + erf(x / sqrt 2)) / 2",
                                             .describe = mixent_layer_describe_same,
                                             .forward = forward,
                                             .backward = backward};

const mixent_layer_type mixent_layer_silu = {.kind = MIXENT_LAYER_SILU,
                                             .name = "silu",
                                             .summary = "x / (1 + exp(-x))",
                                             .describe = mixent_layer_describe_same,
                                             .forward = forward,
                                             .backward = backward};
