/* The mean of several predictions: of logits z_1 … z_M, with q_m = softmax(z_m),
 *
 *   y = ln p,   p = (q_1 + … + q_M) / M,     so that softmax(y) = p
 *
 *   dL/dz_mk = q_mk / M (dL/dy_k / p_k - sum_j q_mj dL/dy_j / p_j)
 *
 * A probability of 0 becomes the smallest there is, so that its logarithm is a number. */
#include "net/graph/layers/kind.h"

#include <float.h>
#include <math.h>

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  static const char *const keys[] = {"name", "from", NULL};
  MIXENT_TRY(mixent_yaml_check_keys(fields, keys));
  MIXENT_TRY(mixent_layer_need_several(layer, fields));
  const mixent_layer *first = mixent_layer_input(graph, layer, 0);
  layer->channels = first->channels, layer->height = first->height, layer->width = first->width;
  for (int i = 0; i < layer->input_count; i++) {
    const mixent_layer *input = mixent_layer_input(graph, layer, i);
    if (input->channels != first->channels || input->height != first->height || input->width != first->width)
      return mixent_yaml_fail(fields, "mean_probability: %s and %s differ in shape", first->name,
                              input->name);
  }
  return MIXENT_OK;
}

/* ln sum_k exp z_k of each input at one pixel. */
static void normalise(const mixent_layer_work *work, size_t at, double logs[MIXENT_MAX_INPUTS]) {
  size_t channels = (size_t)work->layer->channels;
  for (int m = 0; m < work->layer->input_count; m++) {
    double largest = -INFINITY, sum = 0;
    for (size_t k = 0; k < channels; k++) largest = fmax(largest, mixent_get(work->call->inputs[m], at + k));
    for (size_t k = 0; k < channels; k++) sum += exp(mixent_get(work->call->inputs[m], at + k) - largest);
    logs[m] = largest + log(sum);
  }
}

static double probability(const mixent_layer_work *work, int m, size_t at, const double *logs) {
  return exp(mixent_get(work->call->inputs[m], at) - logs[m]);
}

static double mean_probability(const mixent_layer_work *work, size_t at, const double *logs) {
  double sum = 0;
  for (int m = 0; m < work->layer->input_count; m++) sum += probability(work, m, at, logs);
  return fmax(sum / work->layer->input_count, DBL_MIN);
}

static void forward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  size_t channels = (size_t)work->layer->channels;
  double logs[MIXENT_MAX_INPUTS];
  for (size_t p = begin; p < end; p++) {
    normalise(work, p * channels, logs);
    for (size_t at = p * channels; at < (p + 1) * channels; at++)
      mixent_put(work->call->output, at, log(mean_probability(work, at, logs)));
  }
}

static void backward_pixels(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer_call *call = work->call;
  size_t channels = (size_t)work->layer->channels;
  double logs[MIXENT_MAX_INPUTS];
  for (size_t p = begin; p < end; p++) {
    double sums[MIXENT_MAX_INPUTS] = {0};
    normalise(work, p * channels, logs);
    for (size_t at = p * channels; at < (p + 1) * channels; at++) {
      double slope = mixent_get(call->output_gradient, at) / mean_probability(work, at, logs);
      for (int m = 0; m < work->layer->input_count; m++) sums[m] += slope * probability(work, m, at, logs);
    }
    for (size_t at = p * channels; at < (p + 1) * channels; at++) {
      double slope = mixent_get(call->output_gradient, at) / mean_probability(work, at, logs);
      for (int m = 0; m < work->layer->input_count; m++)
        if (call->input_gradients[m].data)
          mixent_put(call->input_gradients[m], at,
                     probability(work, m, at, logs) / work->layer->input_count * (slope - sums[m]));
    }
  }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_over_pixels(graph, layer, call, forward_pixels);
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_over_pixels(graph, layer, call, backward_pixels);
}

const mixent_layer_type mixent_layer_mean_probability = {
    .kind = MIXENT_LAYER_MEAN_PROBABILITY,
    .name = "mean_probability",
    .summary = "from: [a, b, …]: the logarithm of the mean of their softmax",
    .describe = describe,
    .forward = forward,
    .backward = backward,
};
