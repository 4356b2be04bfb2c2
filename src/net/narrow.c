/* Convolutions of few input channels as steps of a plan: images are copied into float with their padding, one at a
 * time; sums over images are made over fixed groups of them and added in order, whatever the threads. */
#include "net/narrow.h"
#include "core/memory.h"
#include "core/threads.h"
#include "net/kernels/kernels.h"
#include "net/onednn/patterns.h"

#include <stdlib.h>

enum { MOST_CHANNELS = 4, GROUP = 4 /* images whose sums are one */ };

typedef struct narrow_step {
  const mixent_plan *plan;
  const mixent_kernels *kernels;
  const mixent_layer *layer, *input;
  mixent_narrow shape;
  int from, to, weights,
      images; /* buffers; weights: packed, or the sums of every group; images: a thread's each */
  size_t image_floats, group_floats;
  bool relu;
  /* of the run under way */
  const char *source;
  char *target; /* backward: the gradient */
  float *packed, *padded;
} narrow_step;

static mixent_typed_array values_at(const narrow_step *step, const char *base, const mixent_layer *layer,
                                    size_t row) {
  mixent_data_type type = step->plan->value_type;
  size_t bytes = mixent_layer_row(layer) * mixent_data_type_size(type);
  return (mixent_typed_array){(void *)(uintptr_t)(base + row * bytes), type};
}

/* Image `row` in the middle of `padded`, whose margins are 0 and stay so. */
static void copy_image(const narrow_step *step, size_t row, float *padded) {
  mixent_typed_array image = values_at(step, step->source, step->input, row);
  size_t line = (size_t)step->input->width * (size_t)step->input->channels;
  size_t margin = (size_t)step->layer->padding;
  for (size_t y = 0; y < (size_t)step->input->height; y++) {
    float *to = padded + (y + margin) * step->shape.pitch + margin * (size_t)step->input->channels;
    for (size_t i = 0; i < line; i++) to[i] = (float)mixent_get(image, y * line + i);
  }
}

static float *own_image(const narrow_step *step) {
  return step->padded + (size_t)mixent_thread() * step->image_floats;
}

/* One row of the value (or of its gradient), and where its windows begin. */
static char *target_row(const narrow_step *step, size_t image, int y) {
  size_t row = (size_t)step->layer->width * (size_t)step->layer->channels;
  return step->target + (image * (size_t)step->layer->height + (size_t)y) * row *
                            mixent_data_type_size(step->plan->value_type);
}

static const float *window_row(const narrow_step *step, const float *padded, int y) {
  return padded + (size_t)(y * step->shape.stride) * step->shape.pitch;
}

static size_t taps_of(const narrow_step *step) {
  size_t kernel = (size_t)step->shape.kernel;
  return kernel * kernel * (size_t)step->shape.inputs;
}

/* Weight (tap, output) in the packed order, and in PyTorch's [out, in, kh, kw]. */
static size_t torch_index(const narrow_step *step, size_t tap, size_t output) {
  size_t inputs = (size_t)step->shape.inputs;
  size_t area = (size_t)step->shape.kernel * (size_t)step->shape.kernel;
  return (output * inputs + tap % inputs) * area + tap / inputs;
}

static void convolve(void *context, size_t begin, size_t end) {
  const narrow_step *step = context;
  float *padded = own_image(step);
  const float *bias = step->packed + taps_of(step) * (size_t)step->shape.filled;
  for (size_t image = begin; image < end; image++) {
    copy_image(step, image, padded);
    for (int y = 0; y < step->layer->height; y++)
      step->kernels->narrow->forward(&step->shape, window_row(step, padded, y), step->packed, bias,
                                     step->relu, target_row(step, image, y));
  }
}

static void find_sums(void *context, size_t begin, size_t end) {
  const narrow_step *step = context;
  float *padded = own_image(step);
  size_t rows = (size_t)step->plan->rows;
  for (size_t group = begin; group < end; group++) {
    float *sums = step->packed + group * step->group_floats;
    float *bias_sums = sums + taps_of(step) * (size_t)step->shape.filled;
    memset(sums, 0, step->group_floats * sizeof *sums);
    for (size_t image = group * GROUP; image < (group + 1) * GROUP && image < rows; image++) {
      copy_image(step, image, padded);
      for (int y = 0; y < step->layer->height; y++)
        step->kernels->narrow->weights(&step->shape, window_row(step, padded, y), target_row(step, image, y),
                                       sums, bias_sums);
    }
  }
}

static mixent_status open_run(narrow_step *step, const mixent_step_context *context) {
  MIXENT_TRY(mixent_plan_check_threads(step->plan));
  step->source = mixent_plan_address(step->plan, context, step->from);
  step->target = mixent_plan_address(step->plan, context, step->to);
  step->packed = mixent_plan_address(step->plan, context, step->weights);
  step->padded = mixent_plan_address(step->plan, context, step->images);
  memset(step->padded, 0, (size_t)step->plan->threads * step->image_floats * sizeof(float));
  return MIXENT_OK;
}

static size_t offset_of(const narrow_step *step, int which) {
  return step->plan->graph->parameters[step->layer->parameters[which]].offset;
}

static mixent_status run_forward(void *state, const mixent_step_context *context) {
  narrow_step *step = state;
  MIXENT_TRY(open_run(step, context));
  const float *parameters = (const float *)(const void *)context->parameters;
  size_t filled = (size_t)step->shape.filled, outputs = (size_t)step->shape.outputs;
  memset(step->packed, 0, step->group_floats * sizeof(float));
  for (size_t tap = 0; tap < taps_of(step); tap++)
    for (size_t k = 0; k < outputs; k++)
      step->packed[tap * filled + k] = parameters[offset_of(step, 0) + torch_index(step, tap, k)];
  if (step->layer->parameters[1] >= 0)
    memcpy(step->packed + taps_of(step) * filled, parameters + offset_of(step, 1), outputs * sizeof(float));
  mixent_parallel_for((size_t)step->plan->rows, GROUP, convolve, step);
  return MIXENT_OK;
}

static size_t groups_of(const narrow_step *step) {
  return ((size_t)step->plan->rows + GROUP - 1) / GROUP;
}

static mixent_status run_weights(void *state, const mixent_step_context *context) {
  narrow_step *step = state;
  MIXENT_TRY(open_run(step, context));
  float *gradients = (float *)(void *)context->gradients, *total = step->packed;
  size_t filled = (size_t)step->shape.filled, outputs = (size_t)step->shape.outputs;
  mixent_parallel_for(groups_of(step), 1, find_sums, step);
  for (size_t group = 1; group < groups_of(step); group++)
    for (size_t i = 0; i < step->group_floats; i++) total[i] += step->packed[group * step->group_floats + i];
  for (size_t tap = 0; tap < taps_of(step); tap++)
    for (size_t k = 0; k < outputs; k++)
      gradients[offset_of(step, 0) + torch_index(step, tap, k)] = total[tap * filled + k];
  if (step->layer->parameters[1] >= 0)
    memcpy(gradients + offset_of(step, 1), total + taps_of(step) * filled, outputs * sizeof(float));
  return MIXENT_OK;
}

bool mixent_narrow_covers(const mixent_plan *plan, int layer, mixent_pass pass) {
  const mixent_layer *l = &plan->graph->layers[layer];
  if (pass == MIXENT_BACKWARD_WEIGHTS && !mixent_onednn_finds_weight_gradient(plan, layer)) return true;
  return pass != MIXENT_BACKWARD_DATA && plan->graph->layers[l->inputs[0]].channels <= MOST_CHANNELS;
}

static narrow_step describe(const mixent_plan *plan, int layer, mixent_pass pass, int gradient) {
  const mixent_layer *l = &plan->graph->layers[layer], *input = &plan->graph->layers[l->inputs[0]];
  bool forward = pass == MIXENT_FORWARD;
  narrow_step step = {.plan = plan,
                      .kernels = mixent_kernels_choose(plan->value_type == MIXENT_TYPE_BF16),
                      .layer = l,
                      .input = input,
                      .relu = forward && mixent_plan_takes_relu(plan, layer),
                      .from = plan->values[l->inputs[0]]};
  step.to = forward ? plan->values[step.relu ? layer + 1 : layer] : gradient;
  int lanes = step.kernels->lanes;
  step.shape = (mixent_narrow){.kernel = l->kernel,
                               .stride = l->stride,
                               .inputs = input->channels,
                               .outputs = l->channels,
                               .filled = (l->channels + lanes - 1) / lanes * lanes,
                               .width = l->width,
                               .pitch = (size_t)((input->width + 2 * l->padding) * input->channels)};
  step.image_floats = step.shape.pitch * (size_t)(input->height + 2 * l->padding);
  step.group_floats = (taps_of(&step) + 1) * (size_t)step.shape.filled;
  return step;
}

mixent_status mixent_narrow_lower_pass(mixent_plan *plan, int layer, mixent_pass pass, int gradient) {
  narrow_step made = describe(plan, layer, pass, gradient), *step;
  size_t groups = pass == MIXENT_FORWARD ? 1 : groups_of(&made);
  MIXENT_TRY(mixent_plan_add_buffer(plan, groups * made.group_floats * sizeof(float), &made.weights));
  MIXENT_TRY(
      mixent_plan_add_buffer(plan, (size_t)plan->threads * made.image_floats * sizeof(float), &made.images));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = made;
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = mixent_pass_names[pass],
                                            .backend = "narrow",
                                            .backward = pass != MIXENT_FORWARD,
                                            .state = step,
                                            .run = pass == MIXENT_FORWARD ? run_forward : run_weights,
                                            .destroy = free},
                              (int[]){made.from, made.to, made.weights, made.images, -1});
}
