/* Batch norm, alone or together with what follows it, in two passes over memory each way.
 *
 *   shapes      x, y, dy, dx   [images, height, width, channels] in the plan's type of values (float or bfloat16)
 *               mean, scale, shift, …   [filled] floats: the channels, filled up to whole vectors
 *   forward     mean_c, var_c over all pixels of the batch (or the running ones, in evaluation)
 *               y = (x - mean_c) scale_c + shift_c,   scale_c = gamma_c / sqrt(var_c + epsilon),   shift_c = beta_c
 *   backward    with g = dy where the fused part lets it through, n pixels, i = 1 / sqrt(var_c + epsilon):
 *               dbeta_c  = sum g
 *               dgamma_c = i sum g (x - mean_c)
 *               dx       = scale_c (g - dbeta_c / n - (x - mean_c) i dgamma_c / n)
 *                        = scale_c g + slope_c (x - mean_c) + offset_c
 *
 * Pass 1 forward reads x for the statistics, pass 2 reads it again and writes y. Pass 1 backward reads x and dy for the two sums of each
 * channel, pass 2 reads them again and writes dx. Between forward and backward only the line of channels is kept (LINE_ARRAYS).
 *
 * Assumptions. Channels are the fastest dimension, so a pixel is one stretch of memory and pixels follow each other without a gap. Sums are made in
 * float over blocks of about BLOCK values and combined in double, block after block: the result does not depend on the threads. Running
 * statistics follow PyTorch: r += momentum (batch - r), with the unbiased variance.
 *
 * The work is dealt out in blocks of units. A unit is a pixel; with pooling it is the two rows of one row of 2x2 windows, so that a window
 * never lies in two units. */
#ifndef MIXENT_NET_NORM_NORM_H
#define MIXENT_NET_NORM_NORM_H

#include "net/kernels/kernels.h"
#include "net/plan/plan.h"

enum {
  MIXENT_NORM_BLOCK = 4096, /* values of a block, about */
  MIXENT_NORM_PADDED =
      2048, /* values of the other path that are padded at a time, with MIXENT_NORM_ADD_RELU */
  MIXENT_NORM_TOGETHER =
      16, /* channels whose blocks are combined together: a cache line of each block's sums */
};

struct mixent_norm_fusion;

typedef struct mixent_norm_step {
  const mixent_plan *plan;
  const mixent_kernels *kernels;
  int layer;
  const struct mixent_norm_fusion *fusion;
  size_t pixels; /* of all images, before pooling */
  int channels, filled, height, width;
  size_t units, units_in_block, blocks;
  int input, output, line, partial; /* buffers; line: mean, scale, shift, 1 / deviation, slope, offset */
  int output_gradient, more_gradient, input_gradient; /* more: added to the first, -1: none */
  /* with MIXENT_NORM_ADD_RELU: the other path's value and its channels, the gradient of either path, that of the other path where it has
   * fewer channels */
  int skip, narrow, both_gradient, narrow_gradient;
  /* of the run under way */
  const mixent_step_context *context;
  const void *x, *dy, *more, *other;
  void *y, *dx, *both, *narrow_part;
  float *sums; /* of each block, two for each channel */
  mixent_norm_line now;
  float *slope, *offset;
} mixent_norm_step;

static inline const mixent_layer *mixent_norm_layer_of(const mixent_norm_step *step) {
  return &step->plan->graph->layers[step->layer];
}

static inline size_t mixent_norm_value_size(const mixent_norm_step *step) {
  return mixent_data_type_size(step->plan->value_type);
}

/* One of the arrays in the buffer `line`. */
enum {
  MIXENT_NORM_MEAN,
  MIXENT_NORM_SCALE,
  MIXENT_NORM_SHIFT,
  MIXENT_NORM_INVERSE,
  MIXENT_NORM_SLOPE,
  MIXENT_NORM_OFFSET,
  MIXENT_NORM_LINE_ARRAYS
};
static inline float *mixent_norm_line_array(const mixent_norm_step *step, const mixent_step_context *context,
                                            int which) {
  return (float *)mixent_plan_address(step->plan, context, step->line) + (size_t)which * (size_t)step->filled;
}

/* The two sums of a block. */
static inline float *mixent_norm_block_sums(const mixent_norm_step *step, size_t block, int which) {
  return step->sums + (2 * block + (size_t)which) * (size_t)step->filled;
}

/* A batch norm with the layers after it that are computed in the same passes. */
typedef enum mixent_norm_fusion_kind {
  MIXENT_NORM_ALONE,
  MIXENT_NORM_RELU,
  MIXENT_NORM_RELU_POOL,
  MIXENT_NORM_ADD_RELU
} mixent_norm_fusion_kind;

/* Each function does units first..first+count-1 of one block. */
typedef struct mixent_norm_fusion {
  int layers;        /* covered */
  bool relu_of_norm; /* the ReLU is over what the norm gives; with an addition it comes after that */
  void (*apply)(const mixent_norm_step *step, size_t first, size_t count); /* x -> y */
  void (*sums)(const mixent_norm_step *step, size_t first, size_t count,
               float *const sums[2]); /* x, dy -> sum g, sum g (x - mean) */
  void (*gradient)(const mixent_norm_step *step, size_t first, size_t count); /* x, dy -> dx */
} mixent_norm_fusion;
extern const mixent_norm_fusion mixent_norm_fusions[]; /* by mixent_norm_fusion_kind; fusions.c */

static inline size_t mixent_norm_channel_groups(const mixent_norm_step *step) {
  return ((size_t)step->channels + MIXENT_NORM_TOGETHER - 1) / MIXENT_NORM_TOGETHER;
}

/* A channel's numbers in one run: y = scale (x - mean) + shift, inverse = 1 / deviation. */
typedef struct mixent_norm_channel {
  float mean, scale, shift, inverse;
} mixent_norm_channel;

/* statistics.c */
/* Channel c of batch norm `layer`: from the batch's mean and biased variance over `pixels`, which move the running ones, or in
 * evaluation from the running ones. */
mixent_norm_channel mixent_norm_channel_make(const mixent_plan *plan, const mixent_step_context *context,
                                             int layer, size_t pixels, int c, double mean, double variance);
/* Blocks that the statistics are made over, and the line of channels: from the batch, or from the running statistics. */
size_t mixent_norm_statistics_blocks(const mixent_norm_step *step);
void mixent_norm_line_make(mixent_norm_step *step);

#endif
