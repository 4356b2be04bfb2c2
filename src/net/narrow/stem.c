/* The stem: a convolution of the images, its batch norm and its ReLU, in one pass over memory each way. Nothing between image and ReLU is
 * stored: a convolution of few channels is cheaper to compute again than to read back.
 *
 *   x_pt   what tap t of pixel p's window sees, n pixels in all           [n, taps]
 *   z_pk = b_k + sum_t x_pt w_tk                                          the convolution
 *   y_pk = max(0, s_k (z_pk - m_k) + h_k)                                 batch norm and ReLU: s = gamma i, i = 1 / deviation, h = beta
 *
 * Forward. z is linear in x, so its statistics follow from the mean u and the covariance C of the windows, which all channels share:
 *
 *   m_k = b_k + sum_t u_t w_tk            variance_k = sum_rt w_rk C_rt w_tk
 *
 * and y is the convolution with weights s_k w_tk and bias s_k (b_k - m_k) + h_k.
 *
 * Backward, with g = dy where y > 0. One pass over dy gives G_tk = sum_p x_pt g_pk and S_k = sum_p g_pk. All else is linear in them:
 *
 *   P_k     = sum_p g_pk (z_pk - m_k) = sum_t w_tk G_tk + (b_k - m_k) S_k
 *   dbeta_k = S_k                         dgamma_k = i_k P_k
 *   dz_pk   = s_k (g_pk - S_k / n - (z_pk - m_k) i_k^2 P_k / n)           as in norm.h
 *   dw_tk   = sum_p x_pt dz_pk = s_k (G_tk - u_t S_k - i_k^2 P_k sum_r C_tr w_rk)
 *   db_k    = sum_p dz_pk = 0
 *
 * Assumptions. At most MOST_TAPS taps. Products of a row of windows are summed in float, rows and groups of images in double, in order: the
 * result does not depend on the threads. */
#include "core/memory.h"
#include "core/threads.h"
#include "net/narrow/convolution.h"
#include "net/narrow/images.h"
#include "net/norm/norm.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TAPS = 36, LAYERS = 3 /* covered: convolution, batch norm, ReLU */ };

/* Buffers that the backward step shares with the forward step. */
typedef struct stem_buffers {
  int windows;  /* [taps + 1][taps] doubles: the mean of the windows, then their covariance */
  int channels; /* [outputs] mixent_norm_channel */
  int folded;   /* [taps + 1][filled] floats: weights and bias of the forward convolution */
} stem_buffers;

typedef struct stem_step {
  mixent_narrow_images images;
  int norm; /* the batch norm's layer */
  stem_buffers shared;
  int values; /* buffer: y forward, dy backward */
  int sums;   /* buffer: each group of images' sums */
  int rows;   /* buffer: each thread's row: sums of products forward, g backward */
  size_t pixels, group_bytes, row_bytes;
  size_t across; /* forward: taps and a 1, filled up to whole vectors */
  /* of the run under way */
  double *mean, *covariance;
  mixent_norm_channel *made;
  float *folded;
  char *group_sums, *own_rows, *target;
} stem_step;

static mixent_status open_run(stem_step *step, const mixent_step_context *context) {
  const mixent_plan *plan = step->images.plan;
  step->mean = mixent_plan_address(plan, context, step->shared.windows);
  step->covariance = step->mean + step->images.taps;
  step->made = mixent_plan_address(plan, context, step->shared.channels);
  step->folded = mixent_plan_address(plan, context, step->shared.folded);
  step->group_sums = mixent_plan_address(plan, context, step->sums);
  step->own_rows = mixent_plan_address(plan, context, step->rows);
  step->target = mixent_plan_address(plan, context, step->values);
  return mixent_narrow_images_open(&step->images, context);
}

static void *own_row(const stem_step *step) {
  return step->own_rows + (size_t)mixent_thread() * step->row_bytes;
}

/* Where images of group `group` begin and end. */
static size_t group_begin(const stem_step *step, size_t group) {
  size_t begin = group * MIXENT_NARROW_GROUP, rows = (size_t)step->images.plan->rows;
  return begin < rows ? begin : rows;
}

/* Weight and bias of a channel. */
static double weight(const stem_step *step, const mixent_step_context *context, size_t tap, size_t k) {
  const float *parameters = (const float *)(const void *)context->parameters;
  return parameters[mixent_narrow_offset(&step->images, 0) + mixent_narrow_weight(&step->images, tap, k)];
}

static double bias(const stem_step *step, const mixent_step_context *context, size_t k) {
  const float *parameters = (const float *)(const void *)context->parameters;
  return step->images.layer->parameters[1] < 0 ? 0 : parameters[mixent_narrow_offset(&step->images, 1) + k];
}

/* sum_r C_tr w_rk */
static double covariance_with(const stem_step *step, const mixent_step_context *context, size_t tap,
                              size_t k) {
  double sum = 0;
  for (size_t r = 0; r < step->images.taps; r++)
    sum += step->covariance[tap * step->images.taps + r] * weight(step, context, r, k);
  return sum;
}

/* ---- Forward ---- */

/* Groups begin..end-1: sums of x_pr x_pt, and with the 1 after the taps of x_pt. */
static void find_moments(void *context, size_t begin, size_t end) {
  const stem_step *step = context;
  const mixent_narrow_images *images = &step->images;
  size_t count = (images->taps + 1) * step->across;
  float *products = own_row(step), *window = products + count;
  for (size_t group = begin; group < end; group++) {
    double *sums = (double *)(void *)(step->group_sums + group * step->group_bytes);
    memset(sums, 0, step->group_bytes);
    for (size_t row = group_begin(step, group); row < group_begin(step, group + 1); row++) {
      const float *image = mixent_narrow_image(images, row);
      for (int y = 0; y < images->layer->height; y++) {
        memset(products, 0, count * sizeof *products);
        images->kernels->narrow->moments(&images->shape, mixent_narrow_windows(images, image, y), window,
                                         products);
        for (size_t i = 0; i < count; i++) sums[i] += products[i];
      }
    }
  }
}

/* Mean and covariance of the windows. */
static void find_windows(stem_step *step) {
  mixent_parallel_for(mixent_narrow_groups(&step->images), 1, find_moments, step);
  size_t taps = step->images.taps, count = (taps + 1) * step->across;
  double *sums = (double *)(void *)step->group_sums, n = (double)step->pixels;
  for (size_t group = 1; group < mixent_narrow_groups(&step->images); group++) {
    const double *more = (const double *)(const void *)(step->group_sums + group * step->group_bytes);
    for (size_t i = 0; i < count; i++) sums[i] += more[i];
  }
  for (size_t t = 0; t < taps; t++) step->mean[t] = sums[taps * step->across + t] / n;
  for (size_t r = 0; r < taps; r++)
    for (size_t t = 0; t < taps; t++)
      step->covariance[r * taps + t] = sums[r * step->across + t] / n - step->mean[r] * step->mean[t];
}

/* Channel k of the batch norm, and its weights and bias folded into the convolution's. */
static void fold_channel(stem_step *step, const mixent_step_context *context, size_t k) {
  size_t taps = step->images.taps, filled = (size_t)step->images.shape.filled;
  double mean = bias(step, context, k), variance = 0;
  for (size_t t = 0; t < taps && context->mode != MIXENT_EVALUATE; t++) {
    mean += step->mean[t] * weight(step, context, t, k);
    variance += covariance_with(step, context, t, k) * weight(step, context, t, k);
  }
  if (variance < 0) variance = 0; /* by rounding, where all windows are the same */
  mixent_norm_channel made =
      mixent_norm_channel_make(step->images.plan, context, step->norm, step->pixels, (int)k, mean, variance);
  for (size_t t = 0; t < taps; t++)
    step->folded[t * filled + k] = (float)(made.scale * weight(step, context, t, k));
  step->folded[taps * filled + k] = (float)(made.scale * (bias(step, context, k) - made.mean) + made.shift);
  step->made[k] = made;
}

static void convolve(void *context, size_t begin, size_t end) {
  const stem_step *step = context;
  mixent_narrow_convolve(&step->images, step->folded, true, begin, end, step->target);
}

static mixent_status run_forward(void *state, const mixent_step_context *context) {
  stem_step *step = state;
  MIXENT_TRY(open_run(step, context));
  if (context->mode != MIXENT_EVALUATE) find_windows(step);
  memset(step->folded, 0, (step->images.taps + 1) * (size_t)step->images.shape.filled * sizeof(float));
  for (size_t k = 0; k < (size_t)step->images.shape.outputs; k++) fold_channel(step, context, k);
  mixent_parallel_for((size_t)step->images.plan->rows, MIXENT_NARROW_GROUP, convolve, step);
  return MIXENT_OK;
}

/* ---- Backward ---- */

/* Groups begin..end-1: G and S. */
static void find_sums(void *context, size_t begin, size_t end) {
  const stem_step *step = context;
  const mixent_narrow_images *images = &step->images;
  size_t bias_at = images->taps * (size_t)images->shape.filled;
  void *g = own_row(step);
  for (size_t group = begin; group < end; group++) {
    float *sums = (float *)(void *)(step->group_sums + group * step->group_bytes);
    memset(sums, 0, step->group_bytes);
    for (size_t row = group_begin(step, group); row < group_begin(step, group + 1); row++) {
      const float *image = mixent_narrow_image(images, row);
      for (int y = 0; y < images->layer->height; y++) {
        const float *windows = mixent_narrow_windows(images, image, y);
        images->kernels->narrow->through_relu(&images->shape, windows, step->folded, step->folded + bias_at,
                                              mixent_narrow_row(images, step->target, row, y), g);
        images->kernels->narrow->weights(&images->shape, windows, g, sums, sums + bias_at);
      }
    }
  }
}

/* The gradients of channel k, from G [taps][filled] and S [filled]. */
static void write_gradients(const stem_step *step, const mixent_step_context *context, const double *G,
                            const double *S, size_t k) {
  const mixent_narrow_images *images = &step->images;
  const mixent_graph *graph = images->plan->graph;
  const mixent_layer *norm = &graph->layers[step->norm];
  float *gradients = (float *)(void *)context->gradients;
  size_t filled = (size_t)images->shape.filled;
  mixent_norm_channel channel = step->made[k];
  double P = (bias(step, context, k) - channel.mean) * S[k];
  for (size_t t = 0; t < images->taps; t++) P += weight(step, context, t, k) * G[t * filled + k];
  gradients[graph->parameters[norm->parameters[0]].offset + k] = (float)(channel.inverse * P);
  gradients[graph->parameters[norm->parameters[1]].offset + k] = (float)S[k];
  double inverse = channel.inverse;
  for (size_t t = 0; t < images->taps; t++) {
    double centred = G[t * filled + k] - step->mean[t] * S[k];
    double slope = inverse * inverse * P * covariance_with(step, context, t, k);
    gradients[mixent_narrow_offset(images, 0) + mixent_narrow_weight(images, t, k)] =
        (float)(channel.scale * (centred - slope));
  }
  if (images->layer->parameters[1] >= 0) gradients[mixent_narrow_offset(images, 1) + k] = 0;
}

static mixent_status run_backward(void *state, const mixent_step_context *context) {
  stem_step *step = state;
  MIXENT_TRY(open_run(step, context));
  const mixent_narrow_images *images = &step->images;
  size_t filled = (size_t)images->shape.filled, count = (images->taps + 1) * filled;
  mixent_parallel_for(mixent_narrow_groups(images), 1, find_sums, step);
  double *G = (double *)(void *)(step->group_sums + mixent_narrow_groups(images) * step->group_bytes);
  memset(G, 0, count * sizeof *G);
  for (size_t group = 0; group < mixent_narrow_groups(images); group++) {
    const float *sums = (const float *)(const void *)(step->group_sums + group * step->group_bytes);
    for (size_t i = 0; i < count; i++) G[i] += sums[i];
  }
  for (size_t k = 0; k < (size_t)images->shape.outputs; k++)
    write_gradients(step, context, G, G + images->taps * filled, k);
  return MIXENT_OK;
}

/* ---- Steps of a plan ---- */

/* Training plans only: in evaluation the batch norm is folded into the weights before there is a plan. A pool after the ReLU is taken
 * better by batch norm's own fusion, which keeps nothing between convolution and pool. */
static int match(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer];
  if (!plan->training || plan->value_type == MIXENT_TYPE_F64 || !mixent_layer_is(l, MIXENT_LAYER_CONV2D) ||
      plan->types[layer] != plan->value_type || l->inputs[0] != 0)
    return 0;
  int channels = plan->graph->layers[0].channels;
  bool small = channels <= MIXENT_NARROW_MOST_CHANNELS && l->kernel * l->kernel * channels <= MOST_TAPS;
  if (!small || !mixent_plan_follows(plan, layer, MIXENT_LAYER_BATCH_NORM) ||
      !mixent_plan_follows(plan, layer + 1, MIXENT_LAYER_RELU) ||
      mixent_plan_follows(plan, layer + 2, MIXENT_LAYER_MAX_POOL) ||
      mixent_convolution_is_chosen(plan, layer))
    return 0;
  return LAYERS;
}

static mixent_status add_step(mixent_plan *plan, stem_step *made, bool backward, size_t sums_bytes) {
  stem_step *step;
  int layer = made->norm - 1;
  const char **names;
  MIXENT_TRY(mixent_plan_add_buffer(plan, sums_bytes, &made->sums));
  MIXENT_TRY(mixent_plan_add_buffer(plan, (size_t)plan->threads * made->row_bytes, &made->rows));
  mixent_pass pass = backward ? MIXENT_BACKWARD_WEIGHTS : MIXENT_FORWARD;
  MIXENT_TRY(mixent_convolution_names(plan, layer, pass, &names));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = *made;
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = mixent_pass_names[pass],
                                            .backend = "stem",
                                            .candidates = names,
                                            .backward = backward,
                                            .state = step,
                                            .run = backward ? run_backward : run_forward,
                                            .destroy = free},
                              (int[]){step->images.from, step->images.padded, step->values, step->sums,
                                      step->rows, step->shared.windows, step->shared.channels,
                                      step->shared.folded, -1});
}

static mixent_status describe(mixent_plan *plan, int layer, stem_step *out) {
  const mixent_layer *l = &plan->graph->layers[layer];
  *out = (stem_step){.norm = layer + 1, .pixels = (size_t)plan->rows * (size_t)l->height * (size_t)l->width};
  return mixent_narrow_images_make(plan, layer, &out->images);
}

static size_t in_lines(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

static mixent_status lower_forward(mixent_plan *plan, int layer, void **shared) {
  stem_step step;
  stem_buffers *buffers;
  MIXENT_TRY(describe(plan, layer, &step));
  MIXENT_TRY(mixent_plan_allocate(plan, sizeof *buffers, (void **)&buffers));
  size_t taps = step.images.taps, filled = (size_t)step.images.shape.filled;
  MIXENT_TRY(mixent_plan_add_buffer(plan, (taps + 1) * taps * sizeof(double), &buffers->windows));
  MIXENT_TRY(mixent_plan_add_buffer(plan, filled * sizeof(mixent_norm_channel), &buffers->channels));
  MIXENT_TRY(mixent_plan_add_buffer(plan, (taps + 1) * filled * sizeof(float), &buffers->folded));
  *shared = buffers;
  step.shared = *buffers;
  step.values = plan->values[layer + LAYERS - 1];
  step.across = mixent_narrow_across(step.images.taps, step.images.kernels->lanes);
  step.group_bytes = (taps + 1) * step.across * sizeof(double);
  step.row_bytes = in_lines((taps + 2) * step.across * sizeof(float));
  return add_step(plan, &step, false, mixent_narrow_groups(&step.images) * step.group_bytes);
}

static mixent_status lower_backward(mixent_plan *plan, int layer, void *shared) {
  stem_step step;
  MIXENT_TRY(describe(plan, layer, &step));
  size_t count = (step.images.taps + 1) * (size_t)step.images.shape.filled;
  step.shared = *(const stem_buffers *)shared;
  step.values = plan->value_gradients[layer + LAYERS - 1];
  step.group_bytes = in_lines(count * sizeof(float));
  step.row_bytes =
      in_lines((size_t)step.images.shape.width * (size_t)step.images.shape.outputs * sizeof(float));
  size_t total = count * sizeof(double); /* G and S of all groups */
  return add_step(plan, &step, true, mixent_narrow_groups(&step.images) * step.group_bytes + total);
}

const mixent_backend_pattern mixent_stem_patterns[] = {
    {"conv2d+batch_norm+relu", match, lower_forward, lower_backward},
    {0},
};
