/* A plan under construction: its buffers, its steps, its memory; and what back ends ask of it. */
#include "net/plan/plan.h"
#include "core/memory.h"
#include "core/threads.h"

#include <stdlib.h>

mixent_status mixent_plan_add_buffer(mixent_plan *plan, size_t bytes, int *buffer) {
  MIXENT_TRY(MIXENT_GROW(&plan->buffers, plan->buffer_count, "the buffers of a plan"));
  *buffer = plan->buffer_count++;
  plan->buffers[*buffer] = (mixent_buffer){.bytes = (bytes + 63) / 64 * 64, .first = -1, .last = -1};
  return MIXENT_OK;
}

mixent_status mixent_plan_add_step(mixent_plan *plan, mixent_step step, const int *buffers) {
  mixent_status status = MIXENT_GROW(&plan->steps, plan->step_count, "the steps of a plan");
  while (status == MIXENT_OK && *buffers >= 0) {
    if (step.buffer_count == MIXENT_MAX_STEP_BUFFERS)
      status = mixent_fail(MIXENT_ERROR_ARGUMENT, "a step of layer %s uses more than %d buffers",
                           plan->graph->layers[step.layer].name, MIXENT_MAX_STEP_BUFFERS);
    else
      step.buffers[step.buffer_count++] = *buffers++;
  }
  if (status != MIXENT_OK) {
    if (step.destroy) step.destroy(step.state);
    return status;
  }
  plan->steps[plan->step_count++] = step;
  return MIXENT_OK;
}

mixent_status mixent_plan_allocate(mixent_plan *plan, size_t bytes, void **out) {
  MIXENT_TRY(MIXENT_GROW(&plan->owned, plan->owned_count, "a plan"));
  MIXENT_TRY(mixent_allocate(bytes, out));
  plan->owned[plan->owned_count++] = *out;
  return MIXENT_OK;
}

mixent_status mixent_plan_check_threads(const mixent_plan *plan) {
  if (mixent_threads() <= plan->threads) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "the network was made for %d threads, now there are %d; make it after setting them",
                     plan->threads, mixent_threads());
}

bool mixent_plan_takes_relu(const mixent_plan *plan, int layer) {
  if (plan->training || layer + 1 >= plan->graph->layer_count) return false;
  const mixent_layer *next = &plan->graph->layers[layer + 1];
  return mixent_layer_is(next, MIXENT_LAYER_RELU) && next->inputs[0] == layer && plan->consumers[layer] == 1;
}

bool mixent_plan_follows(const mixent_plan *plan, int layer, mixent_layer_kind kind) {
  return layer + 1 < plan->graph->layer_count && plan->consumers[layer] == 1 &&
         plan->graph->layers[layer + 1].inputs[0] == layer && plan->types[layer + 1] == plan->value_type &&
         mixent_layer_is(&plan->graph->layers[layer + 1], kind);
}

/* Pairs of an output and a tap along one direction that meet a pixel of the input. */
static double meeting_taps(int outputs, int inputs, const mixent_layer *layer) {
  int count = 0;
  for (int o = 0; o < outputs; o++)
    for (int tap = 0; tap < layer->kernel; tap++) {
      int at = o * layer->stride + tap - layer->padding;
      count += at >= 0 && at < inputs;
    }
  return count;
}

double mixent_plan_operations(const mixent_plan *plan, int index) {
  const mixent_layer *layer = &plan->graph->layers[index];
  if (index == 0) return 0;
  const mixent_layer *input = &plan->graph->layers[layer->inputs[0]];
  double products = 2.0 * plan->rows * layer->channels * input->channels;
  if (mixent_layer_is(layer, MIXENT_LAYER_LINEAR)) return products;
  if (!mixent_layer_is(layer, MIXENT_LAYER_CONV2D)) return 0;
  return products * meeting_taps(layer->height, input->height, layer) *
         meeting_taps(layer->width, input->width, layer);
}

void mixent_plan_free(mixent_plan *plan) {
  if (!plan) return;
  for (int s = 0; s < plan->step_count; s++)
    if (plan->steps[s].destroy) plan->steps[s].destroy(plan->steps[s].state);
  for (int i = 0; i < plan->owned_count; i++) free(plan->owned[i]);
  free(plan->owned);
  free(plan->steps);
  free(plan->buffers);
  free(plan->arena);
  free(plan);
}
