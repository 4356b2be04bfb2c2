/* Batch norm, with the ReLU and the 2x2 max pooling, or the addition of a residual block and its ReLU, where they follow:
 * forward reads the values once for the
 * statistics and once more to write what comes out; backward likewise, without anything kept between but the
 * statistics. Batch statistics are computed in float over blocks of pixels and combined in double, in order, so that
 * they do not depend on the threads. Running statistics follow PyTorch: r += momentum * (batch - r), with the
 * unbiased variance. */
#include "core/memory.h"
#include "core/threads.h"
#include "net/kernels/kernels.h"
#include "net/plan/plan.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 4096 }; /* values of a block, about */

typedef struct norm_step {
  const mixent_plan *plan;
  const mixent_kernels *kernels;
  int layer;
  bool relu, pool, add;
  size_t pixels; /* of all images, before pooling */
  int channels, filled, height, width;
  size_t units, units_in_block,
      blocks;                       /* a unit is a pixel, or with pooling the rows of one row of windows */
  int input, output, line, partial; /* buffers; line: mean, scale, shift, 1 / deviation, slope, offset */
  int output_gradient, input_gradient;
  int skip, both_gradient; /* add: the other path's value; the gradient of either path */
  /* of the run under way */
  const void *x, *dy, *other;
  void *y, *dx, *both;
  float *sums; /* of each block, two for each channel */
  mixent_norm_line now;
  float *slope, *offset;
} norm_step;

static const mixent_layer *layer_of(const norm_step *step) {
  return &step->plan->graph->layers[step->layer];
}

static size_t value_size(const norm_step *step) {
  return mixent_data_type_size(step->plan->value_type);
}

static const float *parameter(const norm_step *step, const mixent_run *run, int which) {
  return (const float *)(const void *)run->parameters +
         step->plan->graph->parameters[layer_of(step)->parameters[which]].offset;
}

static float *statistic(const norm_step *step, const mixent_run *run, int which) {
  return (float *)(void *)run->statistics +
         step->plan->graph->statistics[layer_of(step)->statistics[which]].offset;
}

/* One of the arrays in the buffer `line`. */
enum { MEAN, SCALE, SHIFT, INVERSE, SLOPE, OFFSET, LINE_ARRAYS };
static float *line_array(const norm_step *step, const mixent_run *run, int which) {
  return (float *)mixent_plan_address(step->plan, run, step->line) + (size_t)which * (size_t)step->filled;
}

/* The two sums of a block. */
static float *block_sums(const norm_step *step, size_t block, int which) {
  return step->sums + (2 * block + (size_t)which) * (size_t)step->filled;
}

/* Pixels first..first+count-1 of a block of the statistics, which know nothing of windows. */
static void find_statistics(void *context, size_t begin, size_t end) {
  const norm_step *step = context;
  size_t in_block = BLOCK / (size_t)step->channels + 1;
  for (size_t block = begin; block < end; block++) {
    size_t first = block * in_block,
           count = step->pixels - first < in_block ? step->pixels - first : in_block;
    const char *x = (const char *)step->x + first * (size_t)step->channels * value_size(step);
    step->kernels->norm->statistics(step->channels, count, x, block_sums(step, block, 0),
                                    block_sums(step, block, 1));
  }
}

static size_t statistics_blocks(const norm_step *step) {
  size_t in_block = BLOCK / (size_t)step->channels + 1;
  return (step->pixels + in_block - 1) / in_block;
}

/* Mean and biased variance of a channel, from its blocks' means and squares. */
static void combine(const norm_step *step, int c, double *mean, double *variance) {
  size_t in_block = BLOCK / (size_t)step->channels + 1, blocks = statistics_blocks(step);
  double total = (double)step->pixels, last = (double)(step->pixels - (blocks - 1) * in_block), sum = 0,
         square = 0;
  for (size_t b = 0; b < blocks; b++)
    sum += block_sums(step, b, 0)[c] * (b + 1 < blocks ? (double)in_block : last);
  *mean = sum / total;
  for (size_t b = 0; b < blocks; b++) {
    double apart = block_sums(step, b, 0)[c] - *mean;
    square += block_sums(step, b, 1)[c] + apart * apart * (b + 1 < blocks ? (double)in_block : last);
  }
  *variance = square / total;
}

static void move_running(float *running, double momentum, double value) {
  /* the first of an estimate: whatever was there does not count, not even a NaN */
  *running = (float)(momentum == 1 ? value : (1 - momentum) * *running + momentum * value);
}

/* The batch's statistics, or the running ones, as a line. */
static void make_line(norm_step *step, const mixent_run *run) {
  const mixent_layer *layer = layer_of(step);
  const float *gamma = parameter(step, run, 0), *beta = parameter(step, run, 1);
  float *running_mean = statistic(step, run, 0), *running_variance = statistic(step, run, 1);
  double momentum = run->mode == MIXENT_ESTIMATE ? 1.0 / (double)(run->step + 1) : layer->momentum;
  double unbiased = step->pixels > 1 ? (double)step->pixels / (double)(step->pixels - 1) : 1;
  if (run->mode != MIXENT_EVALUATE) mixent_parallel_for(statistics_blocks(step), 4, find_statistics, step);
  for (int c = 0; c < step->channels; c++) {
    double mean = running_mean[c], variance = running_variance[c];
    if (run->mode != MIXENT_EVALUATE) {
      combine(step, c, &mean, &variance);
      move_running(&running_mean[c], momentum, mean);
      move_running(&running_variance[c], momentum, unbiased * variance);
    }
    double inverse = 1 / sqrt(variance + layer->epsilon);
    line_array(step, run, MEAN)[c] = (float)mean;
    line_array(step, run, SCALE)[c] = (float)(gamma[c] * inverse);
    line_array(step, run, SHIFT)[c] = beta[c];
    line_array(step, run, INVERSE)[c] = (float)inverse;
  }
}

static void open_run(norm_step *step, const mixent_run *run) {
  const mixent_plan *plan = step->plan;
  step->x = mixent_plan_address(plan, run, step->input);
  step->y = mixent_plan_address(plan, run, step->output);
  step->dy = mixent_plan_address(plan, run, step->output_gradient);
  step->dx = mixent_plan_address(plan, run, step->input_gradient);
  step->other = mixent_plan_address(plan, run, step->skip);
  step->both = mixent_plan_address(plan, run, step->both_gradient);
  step->sums = mixent_plan_address(plan, run, step->partial);
  step->slope = line_array(step, run, SLOPE);
  step->offset = line_array(step, run, OFFSET);
  step->now = (mixent_norm_line){.channels = step->channels,
                                 .relu = step->relu && !step->add,
                                 .mean = line_array(step, run, MEAN),
                                 .scale = line_array(step, run, SCALE),
                                 .shift = line_array(step, run, SHIFT)};
}

/* Where a unit begins in the values before (x, dx) and after pooling (y, dy). */
typedef struct unit {
  size_t before, below, after; /* bytes */
} unit;

static unit find_unit(const norm_step *step, size_t index) {
  size_t pixel = (size_t)step->channels * value_size(step), rows = (size_t)step->height / 2;
  if (!step->pool) return (unit){index * pixel, 0, index * pixel};
  size_t row = index / rows * (size_t)step->height + index % rows * 2, line = (size_t)step->width * pixel;
  return (unit){row * line, (row + 1) * line, index * (size_t)(step->width / 2) * pixel};
}

/* Units begin..end-1 of one block are neighbours without pooling and go in one call. */
static size_t units_of_block(const norm_step *step, size_t block, size_t *first) {
  *first = block * step->units_in_block;
  size_t left = step->units - *first;
  return left < step->units_in_block ? left : step->units_in_block;
}

/* Without pooling a block is one stretch of memory, `at` bytes from the start. */
static void apply_stretch(const norm_step *step, size_t count, size_t at) {
  const mixent_norm_kernels *kernels = step->kernels->norm;
  const char *x = (const char *)step->x + at;
  char *y = (char *)step->y + at;
  if (step->add)
    kernels->apply_add(&step->now, count, x, (const char *)step->other + at, y);
  else
    kernels->apply(&step->now, count, x, y);
}

static void apply(void *context, size_t begin, size_t end) {
  const norm_step *step = context;
  for (size_t block = begin; block < end; block++) {
    size_t first, count = units_of_block(step, block, &first);
    if (!step->pool) apply_stretch(step, count, find_unit(step, first).before);
    for (size_t i = first; i < first + count && step->pool; i++) {
      unit u = find_unit(step, i);
      const char *x = step->x;
      step->kernels->norm->apply_pool(&step->now, (size_t)step->width / 2, x + u.before, x + u.below,
                                      (char *)step->y + u.after);
    }
  }
}

static void sum_stretch(const norm_step *step, size_t count, size_t at, float *const sums[2]) {
  const mixent_norm_kernels *kernels = step->kernels->norm;
  const char *x = (const char *)step->x + at, *dy = (const char *)step->dy + at;
  if (step->add)
    kernels->sums_add(&step->now, count, x, (const char *)step->y + at, dy, (char *)step->both + at, sums);
  else
    kernels->sums(&step->now, count, x, dy, sums);
}

static void find_sums(void *context, size_t begin, size_t end) {
  const norm_step *step = context;
  for (size_t block = begin; block < end; block++) {
    float *const sums[] = {block_sums(step, block, 0), block_sums(step, block, 1)};
    memset(sums[0], 0, 2 * (size_t)step->filled * sizeof(float));
    size_t first, count = units_of_block(step, block, &first);
    if (!step->pool) sum_stretch(step, count, find_unit(step, first).before, sums);
    for (size_t i = first; i < first + count && step->pool; i++) {
      unit u = find_unit(step, i);
      const char *x = step->x;
      step->kernels->norm->sums_pool(&step->now, (size_t)step->width / 2, x + u.before, x + u.below,
                                     (const char *)step->dy + u.after, sums);
    }
  }
}

/* Of a row of windows and, to the right and after the last row, the pixels that no window covers. */
static void write_unit_gradient(const norm_step *step, size_t index, unit u) {
  const mixent_norm_kernels *kernels = step->kernels->norm;
  size_t pixel = (size_t)step->channels * value_size(step), width = (size_t)step->width;
  const char *x = step->x, *dy = step->dy;
  char *dx = step->dx;
  kernels->gradient_pool(&step->now, step->slope, step->offset, width / 2, x + u.before, x + u.below,
                         dy + u.after, dx + u.before, dx + u.below);
  size_t right = (width - 1) * pixel, rows = (size_t)step->height / 2;
  for (int side = 0; side < 2 && width % 2; side++) {
    size_t at = (side ? u.below : u.before) + right;
    kernels->gradient_outside(&step->now, step->slope, step->offset, 1, x + at, dx + at);
  }
  if (step->height % 2 && index % rows == rows - 1) {
    size_t at = u.below + width * pixel;
    kernels->gradient_outside(&step->now, step->slope, step->offset, width, x + at, dx + at);
  }
}

static void write_gradient(void *context, size_t begin, size_t end) {
  const norm_step *step = context;
  for (size_t block = begin; block < end; block++) {
    size_t first, count = units_of_block(step, block, &first), at = find_unit(step, first).before;
    if (!step->pool) {
      const char *g = step->add ? step->both : step->dy;
      step->kernels->norm->gradient(&step->now, step->slope, step->offset, count, (const char *)step->x + at,
                                    g + at, (char *)step->dx + at);
    }
    for (size_t i = first; i < first + count && step->pool; i++)
      write_unit_gradient(step, i, find_unit(step, i));
  }
}

static mixent_status run_forward(void *state, const mixent_run *run) {
  norm_step *step = state;
  open_run(step, run);
  make_line(step, run);
  mixent_parallel_for(step->blocks, 4, apply, step);
  return MIXENT_OK;
}

static mixent_status run_backward(void *state, const mixent_run *run) {
  norm_step *step = state;
  const mixent_graph *graph = step->plan->graph;
  float *gradients = (float *)(void *)run->gradients;
  float *gamma = gradients + graph->parameters[layer_of(step)->parameters[0]].offset;
  float *beta = gradients + graph->parameters[layer_of(step)->parameters[1]].offset;
  open_run(step, run);
  mixent_parallel_for(step->blocks, 4, find_sums, step);
  for (int c = 0; c < step->channels; c++) {
    double sum = 0, product = 0, inverse = line_array(step, run, INVERSE)[c];
    for (size_t b = 0; b < step->blocks; b++) {
      sum += block_sums(step, b, 0)[c];
      product += block_sums(step, b, 1)[c];
    }
    gamma[c] = (float)(product * inverse);
    beta[c] = (float)sum;
    double share = step->now.scale[c] / (double)step->pixels;
    step->slope[c] = (float)(-share * inverse * inverse * product);
    step->offset[c] = (float)(-share * sum);
  }
  if (step->dx) mixent_parallel_for(step->blocks, 4, write_gradient, step);
  return MIXENT_OK;
}

static bool follows(const mixent_plan *plan, int layer, const char *kind) {
  return layer + 1 < plan->graph->layer_count && plan->consumers[layer] == 1 &&
         plan->graph->layers[layer + 1].inputs[0] == layer && plan->types[layer + 1] == plan->value_type &&
         strcmp(plan->graph->layers[layer + 1].type->name, kind) == 0;
}

/* Whether an addition of another value with as many channels, computed before, comes next and then a ReLU. */
static bool joins(const mixent_plan *plan, int layer) {
  if (layer + 1 >= plan->graph->layer_count || plan->consumers[layer] != 1) return false;
  const mixent_layer *add = &plan->graph->layers[layer + 1];
  if (strcmp(add->type->name, "add") != 0 || add->input_count != 2 || !follows(plan, layer + 1, "relu"))
    return false;
  int other = add->inputs[add->inputs[0] == layer];
  return (add->inputs[0] == layer || add->inputs[1] == layer) && other < layer &&
         plan->graph->layers[other].channels == add->channels && plan->types[other] == plan->value_type;
}

static int match(const mixent_plan *plan, int layer) {
  if (plan->value_type == MIXENT_TYPE_F64 || plan->types[layer] != plan->value_type ||
      strcmp(plan->graph->layers[layer].type->name, "batch_norm") != 0)
    return 0;
  if (joins(plan, layer)) return 3;
  if (!follows(plan, layer, "relu")) return 1;
  if (!follows(plan, layer + 1, "max_pool")) return 2;
  const mixent_layer *pool = &plan->graph->layers[layer + 2], *input = &plan->graph->layers[layer];
  bool by_two = pool->kernel == 2 && pool->stride == 2 && pool->padding == 0;
  return by_two && input->height > 1 && input->width > 1 ? 3 : 2;
}

static norm_step describe(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer];
  int covered = match(plan, layer), last = layer + covered - 1;
  norm_step step = {.plan = plan,
                    .kernels = mixent_kernels_choose(plan->value_type == MIXENT_TYPE_BF16),
                    .layer = layer,
                    .relu = covered > 1,
                    .pool = covered > 2 && !joins(plan, layer),
                    .add = joins(plan, layer),
                    .skip = -1,
                    .both_gradient = -1,
                    .pixels = (size_t)plan->rows * (size_t)l->height * (size_t)l->width,
                    .channels = l->channels,
                    .height = l->height,
                    .width = l->width,
                    .input = plan->values[l->inputs[0]],
                    .output = plan->values[last],
                    .output_gradient = plan->value_gradients[last],
                    .input_gradient = plan->input_gradients[layer][0]};
  if (step.add) {
    const mixent_layer *add = l + 1;
    int other = add->inputs[0] == layer;
    step.skip = plan->values[add->inputs[other]];
    step.both_gradient = plan->input_gradients[layer + 1][other];
  }
  size_t values = (size_t)l->channels * (step.pool ? 2 * (size_t)l->width : 1);
  step.filled = (l->channels + step.kernels->lanes - 1) / step.kernels->lanes * step.kernels->lanes;
  step.units = step.pool ? (size_t)plan->rows * (size_t)(l->height / 2) : step.pixels;
  step.units_in_block = BLOCK / values + 1;
  step.blocks = (step.units + step.units_in_block - 1) / step.units_in_block;
  return step;
}

static mixent_status add_step(mixent_plan *plan, const norm_step *made, bool backward) {
  norm_step *step;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = *made;
  const int touched[] = {step->input, step->output,          step->line,           step->partial,
                         step->skip,  step->output_gradient, step->input_gradient, step->both_gradient};
  int buffers[9], count = 0;
  for (int i = 0; i < 8; i++)
    if (touched[i] >= 0) buffers[count++] = touched[i];
  buffers[count] = -1;
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = step->layer,
                                            .pass = backward ? "backward" : "forward",
                                            .backend = step->kernels->name,
                                            .backward = backward,
                                            .state = step,
                                            .run = backward ? run_backward : run_forward,
                                            .destroy = free},
                              buffers);
}

static mixent_status add_partial(mixent_plan *plan, norm_step *step) {
  size_t blocks = statistics_blocks(step) > step->blocks ? statistics_blocks(step) : step->blocks;
  return mixent_plan_add_buffer(plan, 2 * blocks * (size_t)step->filled * sizeof(float), &step->partial);
}

static mixent_status lower_forward(mixent_plan *plan, int layer, void **shared) {
  norm_step step = describe(plan, layer);
  int *line;
  MIXENT_TRY(mixent_plan_allocate(plan, sizeof *line, (void **)&line));
  MIXENT_TRY(mixent_plan_add_buffer(plan, LINE_ARRAYS * (size_t)step.filled * sizeof(float), line));
  step.line = *line;
  step.output_gradient = step.input_gradient = step.both_gradient = -1;
  MIXENT_TRY(add_partial(plan, &step));
  *shared = line;
  return add_step(plan, &step, false);
}

static mixent_status lower_backward(mixent_plan *plan, int layer, void *shared) {
  norm_step step = describe(plan, layer);
  step.line = *(const int *)shared;
  step.skip = -1;
  if (!step.add) step.output = -1;
  if (step.add && step.both_gradient < 0) { /* nobody else wants it */
    size_t bytes = step.pixels * (size_t)step.channels * value_size(&step);
    MIXENT_TRY(mixent_plan_add_buffer(plan, bytes, &step.both_gradient));
  }
  MIXENT_TRY(add_partial(plan, &step));
  return add_step(plan, &step, true);
}

const mixent_backend_pattern mixent_norm_patterns[] = {
    {"batch_norm", match, lower_forward, lower_backward},
    {0},
};
