/* Batch norm: the statistics of a batch, the running ones, and the line of channels made of them. */
#include "core/threads.h"
#include "net/norm/norm.h"

#include <math.h>

static const float *parameter(const mixent_norm_step *step, const mixent_step_context *context, int which) {
  return (const float *)(const void *)context->parameters +
         step->plan->graph->parameters[mixent_norm_layer_of(step)->parameters[which]].offset;
}

static float *statistic(const mixent_norm_step *step, const mixent_step_context *context, int which) {
  return (float *)(void *)context->statistics +
         step->plan->graph->statistics[mixent_norm_layer_of(step)->statistics[which]].offset;
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

/* Mean and biased variance of a channel, from its blocks' means and squares. */
static void combine(const mixent_norm_step *step, int c, double *mean, double *variance) {
  size_t in_block = MIXENT_NORM_BLOCK / (size_t)step->channels + 1,
         blocks = mixent_norm_statistics_blocks(step);
  double total = (double)step->pixels, last = (double)(step->pixels - (blocks - 1) * in_block), sum = 0,
         square = 0;
  for (size_t b = 0; b < blocks; b++)
    sum += mixent_norm_block_sums(step, b, 0)[c] * (b + 1 < blocks ? (double)in_block : last);
  *mean = sum / total;
  for (size_t b = 0; b < blocks; b++) {
    double apart = mixent_norm_block_sums(step, b, 0)[c] - *mean;
    square +=
        mixent_norm_block_sums(step, b, 1)[c] + apart * apart * (b + 1 < blocks ? (double)in_block : last);
  }
  *variance = square / total;
}

static void move_running(float *running, double momentum, double value) {
  /* the first of an estimate: whatever was there does not count, not even a NaN */
  *running = (float)(momentum == 1 ? value : (1 - momentum) * *running + momentum * value);
}

/* The batch's statistics, or the running ones, as a line. */
void mixent_norm_line_make(mixent_norm_step *step, const mixent_step_context *context) {
  const mixent_layer *layer = mixent_norm_layer_of(step);
  const float *gamma = parameter(step, context, 0), *beta = parameter(step, context, 1);
  float *running_mean = statistic(step, context, 0), *running_variance = statistic(step, context, 1);
  double momentum = context->mode == MIXENT_ESTIMATE ? 1.0 / (double)(context->step + 1) : layer->momentum;
  double unbiased = step->pixels > 1 ? (double)step->pixels / (double)(step->pixels - 1) : 1;
  if (context->mode != MIXENT_EVALUATE)
    mixent_parallel_for(mixent_norm_statistics_blocks(step), 4, find_statistics, step);
  for (int c = 0; c < step->channels; c++) {
    double mean = running_mean[c], variance = running_variance[c];
    if (context->mode != MIXENT_EVALUATE) {
      combine(step, c, &mean, &variance);
      move_running(&running_mean[c], momentum, mean);
      move_running(&running_variance[c], momentum, unbiased * variance);
    }
    double inverse = 1 / sqrt(variance + layer->epsilon);
    mixent_norm_line_array(step, context, MIXENT_NORM_MEAN)[c] = (float)mean;
    mixent_norm_line_array(step, context, MIXENT_NORM_SCALE)[c] = (float)(gamma[c] * inverse);
    mixent_norm_line_array(step, context, MIXENT_NORM_SHIFT)[c] = beta[c];
    mixent_norm_line_array(step, context, MIXENT_NORM_INVERSE)[c] = (float)inverse;
  }
}
