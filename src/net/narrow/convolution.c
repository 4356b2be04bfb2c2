/* Convolutions of few input channels as steps of a plan; sums over images are made over fixed groups of them and added
 * in order, whatever the threads. */
#include "net/narrow/convolution.h"
#include "core/memory.h"
#include "core/threads.h"
#include "net/narrow/images.h"
#include "net/onednn/patterns.h"

#include <stdlib.h>
#include <string.h>

typedef struct narrow_step {
  mixent_narrow_images images;
  int to, weights; /* buffers; weights: packed, or the sums of every group */
  size_t group_floats;
  bool relu;
  /* of the run under way */
  char *target; /* backward: the gradient */
  float *packed;
} narrow_step;

static void convolve(void *context, size_t begin, size_t end) {
  const narrow_step *step = context;
  mixent_narrow_convolve(&step->images, step->packed, step->relu, begin, end, step->target);
}

static void find_sums(void *context, size_t begin, size_t end) {
  const narrow_step *step = context;
  const mixent_narrow_images *images = &step->images;
  size_t rows = (size_t)images->plan->rows;
  for (size_t group = begin; group < end; group++) {
    float *sums = step->packed + group * step->group_floats;
    float *bias_sums = sums + images->taps * (size_t)images->shape.filled;
    memset(sums, 0, step->group_floats * sizeof *sums);
    for (size_t row = group * MIXENT_NARROW_GROUP; row < (group + 1) * MIXENT_NARROW_GROUP && row < rows;
         row++) {
      const float *image = mixent_narrow_image(images, row);
      for (int y = 0; y < images->layer->height; y++)
        images->kernels->narrow->weights(&images->shape, mixent_narrow_windows(images, image, y),
                                         mixent_narrow_row(images, step->target, row, y), sums, bias_sums);
    }
  }
}

static mixent_status open_run(narrow_step *step, const mixent_step_context *context) {
  step->target = mixent_plan_address(step->images.plan, context, step->to);
  step->packed = mixent_plan_address(step->images.plan, context, step->weights);
  return mixent_narrow_images_open(&step->images, context);
}

static mixent_status run_forward(void *state, const mixent_step_context *context) {
  narrow_step *step = state;
  const mixent_narrow_images *images = &step->images;
  MIXENT_TRY(open_run(step, context));
  const float *parameters = (const float *)(const void *)context->parameters;
  size_t filled = (size_t)images->shape.filled, outputs = (size_t)images->shape.outputs;
  memset(step->packed, 0, step->group_floats * sizeof(float));
  for (size_t tap = 0; tap < images->taps; tap++)
    for (size_t k = 0; k < outputs; k++)
      step->packed[tap * filled + k] =
          parameters[mixent_narrow_offset(images, 0) + mixent_narrow_weight(images, tap, k)];
  if (images->layer->parameters[1] >= 0)
    memcpy(step->packed + images->taps * filled, parameters + mixent_narrow_offset(images, 1),
           outputs * sizeof(float));
  mixent_parallel_for((size_t)images->plan->rows, MIXENT_NARROW_GROUP, convolve, step);
  return MIXENT_OK;
}

static mixent_status run_weights(void *state, const mixent_step_context *context) {
  narrow_step *step = state;
  const mixent_narrow_images *images = &step->images;
  MIXENT_TRY(open_run(step, context));
  float *gradients = (float *)(void *)context->gradients, *total = step->packed;
  size_t filled = (size_t)images->shape.filled, outputs = (size_t)images->shape.outputs;
  mixent_parallel_for(mixent_narrow_groups(images), 1, find_sums, step);
  for (size_t group = 1; group < mixent_narrow_groups(images); group++)
    for (size_t i = 0; i < step->group_floats; i++) total[i] += step->packed[group * step->group_floats + i];
  for (size_t tap = 0; tap < images->taps; tap++)
    for (size_t k = 0; k < outputs; k++)
      gradients[mixent_narrow_offset(images, 0) + mixent_narrow_weight(images, tap, k)] =
          total[tap * filled + k];
  if (images->layer->parameters[1] >= 0)
    memcpy(gradients + mixent_narrow_offset(images, 1), total + images->taps * filled,
           outputs * sizeof(float));
  return MIXENT_OK;
}

bool mixent_narrow_covers(const mixent_plan *plan, int layer, mixent_pass pass) {
  const mixent_layer *l = &plan->graph->layers[layer];
  if (pass == MIXENT_BACKWARD_WEIGHTS && !mixent_onednn_finds_weight_gradient(plan, layer)) return true;
  return pass != MIXENT_BACKWARD_DATA &&
         plan->graph->layers[l->inputs[0]].channels <= MIXENT_NARROW_MOST_CHANNELS;
}

mixent_status mixent_narrow_lower_pass(mixent_plan *plan, int layer, mixent_pass pass, int gradient) {
  bool forward = pass == MIXENT_FORWARD;
  narrow_step made = {.relu = forward && mixent_plan_takes_relu(plan, layer)}, *step;
  MIXENT_TRY(mixent_narrow_images_make(plan, layer, &made.images));
  made.to = forward ? plan->values[made.relu ? layer + 1 : layer] : gradient;
  made.group_floats = (made.images.taps + 1) * (size_t)made.images.shape.filled;
  size_t groups = forward ? 1 : mixent_narrow_groups(&made.images);
  MIXENT_TRY(mixent_plan_add_buffer(plan, groups * made.group_floats * sizeof(float), &made.weights));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = made;
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = mixent_pass_names[pass],
                                            .backend = "narrow",
                                            .backward = !forward,
                                            .state = step,
                                            .run = forward ? run_forward : run_weights,
                                            .destroy = free},
                              (int[]){made.images.from, made.to, made.weights, made.images.padded, -1});
}
