/* Batch norm: its passes over blocks, which layers it covers, and its steps in a plan. */
#include "net/norm/norm.h"
#include "core/memory.h"
#include "core/threads.h"

#include <stdlib.h>
#include <string.h>

static void open_run(mixent_norm_step *step, const mixent_step_context *context) {
  const mixent_plan *plan = step->plan;
  step->context = context;
  step->x = mixent_plan_address(plan, context, step->input);
  step->y = mixent_plan_address(plan, context, step->output);
  step->dy = mixent_plan_address(plan, context, step->output_gradient);
  step->more = mixent_plan_address(plan, context, step->more_gradient);
  step->dx = mixent_plan_address(plan, context, step->input_gradient);
  step->other = mixent_plan_address(plan, context, step->skip);
  step->both = mixent_plan_address(plan, context, step->both_gradient);
  step->narrow_part = mixent_plan_address(plan, context, step->narrow_gradient);
  step->sums = mixent_plan_address(plan, context, step->partial);
  step->slope = mixent_norm_line_array(step, context, MIXENT_NORM_SLOPE);
  step->offset = mixent_norm_line_array(step, context, MIXENT_NORM_OFFSET);
  step->now = (mixent_norm_line){.channels = step->channels,
                                 .relu = step->fusion->relu_of_norm,
                                 .mean = mixent_norm_line_array(step, context, MIXENT_NORM_MEAN),
                                 .scale = mixent_norm_line_array(step, context, MIXENT_NORM_SCALE),
                                 .shift = mixent_norm_line_array(step, context, MIXENT_NORM_SHIFT)};
}

/* ---- The passes, over blocks ---- */

static size_t units_of_block(const mixent_norm_step *step, size_t block, size_t *first) {
  *first = block * step->units_in_block;
  size_t left = step->units - *first;
  return left < step->units_in_block ? left : step->units_in_block;
}

static void apply(void *context, size_t begin, size_t end) {
  const mixent_norm_step *step = context;
  for (size_t block = begin; block < end; block++) {
    size_t first, count = units_of_block(step, block, &first);
    step->fusion->apply(step, first, count);
  }
}

static void find_sums(void *context, size_t begin, size_t end) {
  const mixent_norm_step *step = context;
  for (size_t block = begin; block < end; block++) {
    float *const sums[] = {mixent_norm_block_sums(step, block, 0), mixent_norm_block_sums(step, block, 1)};
    memset(sums[0], 0, 2 * (size_t)step->filled * sizeof(float));
    size_t first, count = units_of_block(step, block, &first);
    step->fusion->sums(step, first, count, sums);
  }
}

static void write_gradient(void *context, size_t begin, size_t end) {
  const mixent_norm_step *step = context;
  for (size_t block = begin; block < end; block++) {
    size_t first, count = units_of_block(step, block, &first);
    step->fusion->gradient(step, first, count);
  }
}

static mixent_status run_forward(void *state, const mixent_step_context *context) {
  mixent_norm_step *step = state;
  open_run(step, context);
  mixent_norm_line_make(step);
  mixent_parallel_for(step->blocks, 4, apply, step);
  return MIXENT_OK;
}

/* From the sums of all blocks, in order: the gradients of gamma and beta, slope and offset. Groups of TOGETHER channels. */
static void combine_sums(void *state, size_t begin, size_t end) {
  const mixent_norm_step *step = state;
  const mixent_layer *layer = mixent_norm_layer_of(step);
  float *gradients = (float *)(void *)step->context->gradients;
  float *gamma = gradients + step->plan->graph->parameters[layer->parameters[0]].offset;
  float *beta = gradients + step->plan->graph->parameters[layer->parameters[1]].offset;
  for (size_t group = begin; group < end; group++) {
    int first = (int)group * MIXENT_NORM_TOGETHER, left = step->channels - first;
    int count = left < MIXENT_NORM_TOGETHER ? left : MIXENT_NORM_TOGETHER;
    double sums[MIXENT_NORM_TOGETHER] = {0}, products[MIXENT_NORM_TOGETHER] = {0};
    for (size_t b = 0; b < step->blocks; b++)
      for (int i = 0; i < count; i++) {
        sums[i] += mixent_norm_block_sums(step, b, 0)[first + i];
        products[i] += mixent_norm_block_sums(step, b, 1)[first + i];
      }
    for (int i = 0; i < count; i++) {
      int c = first + i;
      double inverse = mixent_norm_line_array(step, step->context, MIXENT_NORM_INVERSE)[c];
      double share = step->now.scale[c] / (double)step->pixels;
      gamma[c] = (float)(products[i] * inverse);
      beta[c] = (float)sums[i];
      step->slope[c] = (float)(-share * inverse * inverse * products[i]);
      step->offset[c] = (float)(-share * sums[i]);
    }
  }
}

static mixent_status run_backward(void *state, const mixent_step_context *context) {
  mixent_norm_step *step = state;
  open_run(step, context);
  mixent_parallel_for(step->blocks, 4, find_sums, step);
  mixent_parallel_for(mixent_norm_channel_groups(step), 1, combine_sums, step);
  if (step->dx) mixent_parallel_for(step->blocks, 4, write_gradient, step);
  return MIXENT_OK;
}

/* Whether an addition of another value with as many channels or fewer, computed before, comes next and then a ReLU. */
static bool joins(const mixent_plan *plan, int layer) {
  if (layer + 1 >= plan->graph->layer_count || plan->consumers[layer] != 1) return false;
  const mixent_layer *add = &plan->graph->layers[layer + 1];
  if (!mixent_layer_is(add, MIXENT_LAYER_ADD) || add->input_count != 2 ||
      !mixent_plan_follows(plan, layer + 1, MIXENT_LAYER_RELU))
    return false;
  int other = add->inputs[add->inputs[0] == layer];
  return (add->inputs[0] == layer || add->inputs[1] == layer) && other < layer &&
         plan->types[other] == plan->value_type && plan->graph->layers[layer].channels == add->channels &&
         add->channels <= MIXENT_NORM_PADDED;
}

static bool covers(const mixent_plan *plan, int layer) {
  return plan->value_type != MIXENT_TYPE_F64 && plan->types[layer] == plan->value_type &&
         mixent_layer_is(&plan->graph->layers[layer], MIXENT_LAYER_BATCH_NORM);
}

static mixent_norm_fusion_kind find_fusion(const mixent_plan *plan, int layer) {
  if (joins(plan, layer)) return MIXENT_NORM_ADD_RELU;
  if (!mixent_plan_follows(plan, layer, MIXENT_LAYER_RELU)) return MIXENT_NORM_ALONE;
  if (!mixent_plan_follows(plan, layer + 1, MIXENT_LAYER_MAX_POOL)) return MIXENT_NORM_RELU;
  const mixent_layer *pool = &plan->graph->layers[layer + 2], *input = &plan->graph->layers[layer];
  bool by_two = pool->kernel == 2 && pool->stride == 2 && pool->padding == 0;
  return by_two && input->height > 1 && input->width > 1 ? MIXENT_NORM_RELU_POOL : MIXENT_NORM_RELU;
}

static int match(const mixent_plan *plan, int layer) {
  return covers(plan, layer) ? mixent_norm_fusions[find_fusion(plan, layer)].layers : 0;
}

bool mixent_norm_adds_gradients(const mixent_plan *plan, int layer) {
  return find_fusion(plan, layer) == MIXENT_NORM_ADD_RELU;
}

static mixent_norm_step describe(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer];
  mixent_norm_fusion_kind kind = find_fusion(plan, layer);
  int last = layer + mixent_norm_fusions[kind].layers - 1;
  mixent_norm_step step = {.plan = plan,
                           .kernels = mixent_kernels_choose(plan->value_type == MIXENT_TYPE_BF16),
                           .layer = layer,
                           .fusion = &mixent_norm_fusions[kind],
                           .skip = -1,
                           .both_gradient = -1,
                           .narrow_gradient = -1,
                           .pixels = (size_t)plan->rows * (size_t)l->height * (size_t)l->width,
                           .channels = l->channels,
                           .height = l->height,
                           .width = l->width,
                           .input = plan->values[l->inputs[0]],
                           .output = plan->values[last],
                           .output_gradient = plan->value_gradients[last],
                           .more_gradient = plan->more_gradients[last],
                           .input_gradient = plan->input_gradients[layer][0]};
  if (kind == MIXENT_NORM_ADD_RELU) {
    const mixent_layer *add = l + 1;
    int other = add->inputs[0] == layer;
    step.skip = plan->values[add->inputs[other]];
    step.narrow = plan->graph->layers[add->inputs[other]].channels;
    *(step.narrow < l->channels ? &step.narrow_gradient : &step.both_gradient) =
        plan->input_gradients[layer + 1][other];
  }
  size_t values = (size_t)l->channels * (kind == MIXENT_NORM_RELU_POOL ? 2 * (size_t)l->width : 1);
  step.filled = (l->channels + step.kernels->lanes - 1) / step.kernels->lanes * step.kernels->lanes;
  step.units = kind == MIXENT_NORM_RELU_POOL ? (size_t)plan->rows * (size_t)(l->height / 2) : step.pixels;
  step.units_in_block = MIXENT_NORM_BLOCK / values + 1;
  step.blocks = (step.units + step.units_in_block - 1) / step.units_in_block;
  return step;
}

static mixent_status add_step(mixent_plan *plan, const mixent_norm_step *made, bool backward) {
  mixent_norm_step *step;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = *made;
  const int touched[] = {step->input,          step->output,         step->line,
                         step->partial,        step->skip,           step->output_gradient,
                         step->more_gradient,  step->input_gradient, step->both_gradient,
                         step->narrow_gradient};
  enum { TOUCHED = sizeof touched / sizeof *touched };
  int buffers[TOUCHED + 1], count = 0;
  for (int i = 0; i < TOUCHED; i++)
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

static mixent_status add_partial(mixent_plan *plan, mixent_norm_step *step) {
  size_t blocks =
      mixent_norm_statistics_blocks(step) > step->blocks ? mixent_norm_statistics_blocks(step) : step->blocks;
  return mixent_plan_add_buffer(plan, 2 * blocks * (size_t)step->filled * sizeof(float), &step->partial);
}

static mixent_status lower_forward(mixent_plan *plan, int layer, void **shared) {
  mixent_norm_step step = describe(plan, layer);
  int *line;
  MIXENT_TRY(mixent_plan_allocate(plan, sizeof *line, (void **)&line));
  MIXENT_TRY(
      mixent_plan_add_buffer(plan, MIXENT_NORM_LINE_ARRAYS * (size_t)step.filled * sizeof(float), line));
  step.line = *line;
  step.output_gradient = step.more_gradient = step.input_gradient = -1;
  step.both_gradient = step.narrow_gradient = -1;
  MIXENT_TRY(add_partial(plan, &step));
  *shared = line;
  return add_step(plan, &step, false);
}

static mixent_status lower_backward(mixent_plan *plan, int layer, void *shared) {
  mixent_norm_step step = describe(plan, layer);
  step.line = *(const int *)shared;
  step.skip = -1;
  bool adds = step.fusion == &mixent_norm_fusions[MIXENT_NORM_ADD_RELU];
  if (!adds) step.output = -1;          /* the others find the ReLU's sign again from x */
  if (adds && step.both_gradient < 0) { /* nobody else wants all of it */
    size_t bytes = step.pixels * (size_t)step.channels * mixent_norm_value_size(&step);
    MIXENT_TRY(mixent_plan_add_buffer(plan, bytes, &step.both_gradient));
  }
  MIXENT_TRY(add_partial(plan, &step));
  return add_step(plan, &step, true);
}

const mixent_backend_pattern mixent_norm_patterns[] = {
    {"batch_norm", match, lower_forward, lower_backward},
    {0},
};
