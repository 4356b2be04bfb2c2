/* Batch normalisation (Ioffe and Szegedy 2015), per channel over rows and pixels:
 *
 *   y = gamma (x - m) / sqrt(v + epsilon) + beta
 *
 * m, v: mean and biased variance of the batch in training, the running ones in evaluation. The running variance takes
 * the unbiased variance v N / (N - 1), as PyTorch's does. */
#include "net/graph/layers/kind.h"
#include <math.h>

enum { CHANNELS = 16 }; /* of one piece of work */

static mixent_status describe(mixent_graph *graph, mixent_layer *layer, const mixent_yaml *fields) {
  MIXENT_TRY(mixent_layer_describe_same(graph, layer, fields));
  layer->epsilon = 1e-5;
  layer->momentum = 0.1;
  const int64_t shape[] = {layer->channels};
  MIXENT_TRY(mixent_graph_add_parameter(graph, layer, "weight", 1, shape, MIXENT_INIT_CONSTANT, 1,
                                        &layer->parameters[0]));
  MIXENT_TRY(mixent_graph_add_parameter(graph, layer, "bias", 1, shape, MIXENT_INIT_CONSTANT, 0,
                                        &layer->parameters[1]));
  MIXENT_TRY(
      mixent_graph_add_statistic(graph, layer, "running_mean", layer->channels, &layer->statistics[0]));
  return mixent_graph_add_statistic(graph, layer, "running_var", layer->channels, &layer->statistics[1]);
}

/* saved: double [2, channels], the mean and 1 / sqrt(variance + epsilon) that forward used. */
static size_t saved_bytes(const mixent_graph *graph, const mixent_layer *layer, int rows) {
  (void)graph, (void)rows;
  return 2 * sizeof(double) * (size_t)layer->channels;
}

/* Mean and biased variance of channels [first, first + n), in two passes. */
static void batch_moments(const mixent_layer_work *work, size_t first, size_t n, double *mean,
                          double *variance) {
  size_t pixels = mixent_layer_pixels(work->layer, work->call->rows),
         channels = (size_t)work->layer->channels;
  double x[CHANNELS], sums[CHANNELS] = {0}, squares[CHANNELS] = {0};
  for (size_t p = 0; p < pixels; p++) {
    mixent_load(work->call->inputs[0], p * channels + first, n, x);
    for (size_t c = 0; c < n; c++) sums[c] += x[c];
  }
  for (size_t c = 0; c < n; c++) mean[c] = sums[c] / (double)pixels;
  for (size_t p = 0; p < pixels; p++) {
    mixent_load(work->call->inputs[0], p * channels + first, n, x);
    for (size_t c = 0; c < n; c++) squares[c] += (x[c] - mean[c]) * (x[c] - mean[c]);
  }
  for (size_t c = 0; c < n; c++) variance[c] = squares[c] / (double)pixels;
}

/* old + share (value - old); share 1 forgets the old value, whatever it was. */
static void move(mixent_typed_array statistic, size_t c, double share, double value) {
  double old = mixent_get(statistic, c);
  mixent_put(statistic, c, share < 1 ? old + share * (value - old) : value);
}

/* Share 1 / (step + 1) makes the running value the mean over the calls. */
static void move_statistics(const mixent_layer_work *work, size_t first, size_t n, const double *mean,
                            const double *variance) {
  const mixent_layer_call *call = work->call;
  double share = call->mode == MIXENT_ESTIMATE ? 1 / ((double)call->step + 1) : work->layer->momentum;
  double pixels = (double)mixent_layer_pixels(work->layer, call->rows);
  double unbiased = pixels > 1 ? pixels / (pixels - 1) : 1;
  for (size_t c = 0; c < n; c++) {
    move(call->statistics[0], first + c, share, mean[c]);
    move(call->statistics[1], first + c, share, variance[c] * unbiased);
  }
}

/* Blocks [begin, end) of CHANNELS channels. */
static void forward_blocks(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer_call *call = work->call;
  size_t channels = (size_t)work->layer->channels, pixels = mixent_layer_pixels(work->layer, call->rows);
  for (size_t block = begin; block < end; block++) {
    size_t first = block * CHANNELS, n = channels - first < CHANNELS ? channels - first : CHANNELS;
    double mean[CHANNELS], variance[CHANNELS], gamma[CHANNELS], beta[CHANNELS], x[CHANNELS];
    double *saved_mean = (double *)call->saved + first, *saved_inverse = saved_mean + channels;
    if (call->mode == MIXENT_EVALUATE) {
      mixent_load(call->statistics[0], first, n, mean);
      mixent_load(call->statistics[1], first, n, variance);
    } else {
      batch_moments(work, first, n, mean, variance);
      move_statistics(work, first, n, mean, variance);
    }
    for (size_t c = 0; c < n; c++) {
      saved_mean[c] = mean[c];
      saved_inverse[c] = 1 / sqrt(variance[c] + work->layer->epsilon);
    }
    mixent_load(call->parameters[0], first, n, gamma);
    mixent_load(call->parameters[1], first, n, beta);
    for (size_t p = 0; p < pixels; p++) {
      mixent_load(call->inputs[0], p * channels + first, n, x);
      for (size_t c = 0; c < n; c++) x[c] = gamma[c] * (x[c] - mean[c]) * saved_inverse[c] + beta[c];
      mixent_store(call->output, p * channels + first, n, x);
    }
  }
}

static void forward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for(((size_t)layer->channels + CHANNELS - 1) / CHANNELS, 1, forward_blocks, &work);
}

/* With h = (x - m) / sqrt(v + epsilon) and N pixels:
 *   dbeta = sum dy      dgamma = sum dy h      dx = gamma / sqrt(v + epsilon) (dy - dbeta / N - h dgamma / N)
 */
static void backward_blocks(void *context, size_t begin, size_t end) {
  const mixent_layer_work *work = context;
  const mixent_layer_call *call = work->call;
  size_t channels = (size_t)work->layer->channels, pixels = mixent_layer_pixels(work->layer, call->rows);
  for (size_t block = begin; block < end; block++) {
    size_t first = block * CHANNELS, n = channels - first < CHANNELS ? channels - first : CHANNELS;
    const double *mean = (const double *)call->saved + first, *inverse = mean + channels;
    double x[CHANNELS], dy[CHANNELS], gamma[CHANNELS], dgamma[CHANNELS] = {0}, dbeta[CHANNELS] = {0};
    for (size_t p = 0; p < pixels; p++) {
      mixent_load(call->inputs[0], p * channels + first, n, x);
      mixent_load(call->output_gradient, p * channels + first, n, dy);
      for (size_t c = 0; c < n; c++) {
        dbeta[c] += dy[c];
        dgamma[c] += dy[c] * (x[c] - mean[c]) * inverse[c];
      }
    }
    mixent_store(call->parameter_gradients[0], first, n, dgamma);
    mixent_store(call->parameter_gradients[1], first, n, dbeta);
    if (!call->input_gradients[0].data) continue;
    mixent_load(call->parameters[0], first, n, gamma);
    for (size_t p = 0; p < pixels; p++) {
      mixent_load(call->inputs[0], p * channels + first, n, x);
      mixent_load(call->output_gradient, p * channels + first, n, dy);
      for (size_t c = 0; c < n; c++) {
        double h = (x[c] - mean[c]) * inverse[c];
        x[c] = gamma[c] * inverse[c] * (dy[c] - (dbeta[c] + h * dgamma[c]) / (double)pixels);
      }
      mixent_store(call->input_gradients[0], p * channels + first, n, x);
    }
  }
}

static void backward(const mixent_graph *graph, const mixent_layer *layer, const mixent_layer_call *call) {
  mixent_layer_work work = {graph, layer, call};
  mixent_parallel_for(((size_t)layer->channels + CHANNELS - 1) / CHANNELS, 1, backward_blocks, &work);
}

const mixent_layer_type mixent_layer_batch_norm = {
    .kind = MIXENT_LAYER_BATCH_NORM,
    .name = "batch_norm",
    .summary = "batch normalisation per channel",
    .describe = describe,
    .saved_bytes = saved_bytes,
    .forward = forward,
    .backward = backward,
};
