/* Batch norm: the statistics of a batch, the running ones, and the line of channels made of them. */
#include "core/threads.h"
#include "net/norm/norm.h"

#include <math.h>

static const float *parameter(const mixent_plan *plan, const mixent_step_context *context, int layer,
                              int which) {
  int index = plan->graph->layers[layer].parameters[which];
  return (const float *)(const void *)context->parameters + plan->graph->parameters[index].offset;
}

static float *statistic(const mixent_plan *plan, const mixent_step_context *context, int layer, int which) {
  int index = plan->graph->layers[layer].statistics[which];
  return (float *)(void *)context->statistics + plan->graph->statistics[index].offset;
}

/* Pixels first..first+count-1 of a block of the statistics, which know nothing of windows. */
static void find_statistics(void *context, size_t begin, size_t end) {
  const mixent_norm_step *step = context;
  size_t in_block = MIXENT_NORM_BLOCK / (size_t)step->channels + 1;
  for (size_t block = begin; block < end; block++) {
    size_t first = block * in_block,
           count = step->pixels - first < in_block ? step->pixels - first : in_block;
    const char *x = (const char *)step->x + first * (size_t)step->channels * mixent_norm_value_size(step);
    step->kernels->norm->statistics(step->channels, count, x, mixent_norm_block_sums(step, block, 0),
                                    mixent_norm_block_sums(step, block, 1));
  }
}

size_t mixent_norm_statistics_blocks(const mixent_norm_step *step) {
  size_t in_block = MIXENT_NORM_BLOCK / (size_t)step->channels + 1;
  return (step->pixels + in_block - 1) / in_block;
}

/* Mean and biased variance of channels c..c+count-1, from their blocks' means and squares. */
static void combine(const mixent_norm_step *step, int c, int count, double *mean, double *variance) {
  size_t in_block = MIXENT_NORM_BLOCK / (size_t)step->channels + 1,
         blocks = mixent_norm_statistics_blocks(step);
  double total = (double)step->pixels, last = (double)(step->pixels - (blocks - 1) * in_block);
  double sums[MIXENT_NORM_TOGETHER] = {0}, squares[MIXENT_NORM_TOGETHER] = {0};
  for (size_t b = 0; b < blocks; b++) {
    const float *means = mixent_norm_block_sums(step, b, 0) + c;
    double pixels = b + 1 < blocks ? (double)in_block : last;
    for (int i = 0; i < count; i++) sums[i] += means[i] * pixels;
  }
  for (int i = 0; i < count; i++) mean[i] = sums[i] / total;
  for (size_t b = 0; b < blocks; b++) {
    const float *means = mixent_norm_block_sums(step, b, 0) + c,
                *spread = mixent_norm_block_sums(step, b, 1) + c;
    double pixels = b + 1 < blocks ? (double)in_block : last;
    for (int i = 0; i < count; i++) {
      double apart = means[i] - mean[i];
      squares[i] += spread[i] + apart * apart * pixels;
    }
  }
  for (int i = 0; i < count; i++) variance[i] = squares[i] / total;
}

static void move_running(float *running, double momentum, double value) {
  /* the first of an estimate: whatever was there does not count, not even a NaN */
  *running = (float)(momentum == 1 ? value : (1 - momentum) * *running + momentum * value);
}

mixent_norm_channel mixent_norm_channel_make(const mixent_plan *plan, const mixent_step_context *context,
                                             int layer, size_t pixels, int c, double mean, double variance) {
  const mixent_layer *norm = &plan->graph->layers[layer];
  float *running_mean = statistic(plan, context, layer, 0) + c,
        *running_variance = statistic(plan, context, layer, 1) + c;
  if (context->mode == MIXENT_EVALUATE) {
    mean = *running_mean, variance = *running_variance;
  } else {
    double momentum = context->mode == MIXENT_ESTIMATE ? 1.0 / (double)(context->step + 1) : norm->momentum;
    double unbiased = pixels > 1 ? (double)pixels / (double)(pixels - 1) : 1;
    move_running(running_mean, momentum, mean);
    move_running(running_variance, momentum, unbiased * variance);
  }
  double inverse = 1 / sqrt(variance + norm->epsilon);
  return (mixent_norm_channel){.mean = (float)mean,
                               .scale = (float)(parameter(plan, context, layer, 0)[c] * inverse),
                               .shift = parameter(plan, context, layer, 1)[c],
                               .inverse = (float)inverse};
}

/* Groups of TOGETHER channels. */
static void make_channels(void *state, size_t begin, size_t end) {
  const mixent_norm_step *step = state;
  const mixent_step_context *context = step->context;
  for (size_t group = begin; group < end; group++) {
    int first = (int)group * MIXENT_NORM_TOGETHER, left = step->channels - first;
    int count = left < MIXENT_NORM_TOGETHER ? left : MIXENT_NORM_TOGETHER;
    double means[MIXENT_NORM_TOGETHER] = {0}, variances[MIXENT_NORM_TOGETHER] = {0};
    if (context->mode != MIXENT_EVALUATE) combine(step, first, count, means, variances);
    for (int i = 0; i < count; i++) {
      int c = first + i;
      mixent_norm_channel made =
          mixent_norm_channel_make(step->plan, context, step->layer, step->pixels, c, means[i], variances[i]);
      mixent_norm_line_array(step, context, MIXENT_NORM_MEAN)[c] = made.mean;
      mixent_norm_line_array(step, context, MIXENT_NORM_SCALE)[c] = made.scale;
      mixent_norm_line_array(step, context, MIXENT_NORM_SHIFT)[c] = made.shift;
      mixent_norm_line_array(step, context, MIXENT_NORM_INVERSE)[c] = made.inverse;
    }
  }
}

/* The batch's statistics, or the running ones, as a line. */
void mixent_norm_line_make(mixent_norm_step *step) {
  if (step->context->mode != MIXENT_EVALUATE)
    mixent_parallel_for(mixent_norm_statistics_blocks(step), 4, find_statistics, step);
  mixent_parallel_for(mixent_norm_channel_groups(step), 1, make_channels, step);
}
