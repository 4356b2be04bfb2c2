/* The plain back end: one pattern that takes any single layer and calls its kind's reference in both passes.
 */
#include "core/memory.h"
#include "net/plan/plan.h"
#include <stdlib.h>

/* What a step knows; each step has its own. */
typedef struct reference_step {
  const mixent_plan *plan;
  int layer, saved; /* saved: buffer, -1 if the kind keeps nothing */
} reference_step;

static int match(const mixent_plan *plan, int layer) {
  (void)plan, (void)layer;
  return 1;
}

static mixent_typed_array locate(const reference_step *step, const mixent_step_context *context, int buffer,
                                 mixent_data_type type) {
  return (mixent_typed_array){mixent_plan_address(step->plan, context, buffer), type};
}

/* A tensor within the array at `base`; nothing for index -1. */
static mixent_typed_array tensor(const mixent_plan *plan, char *base, const mixent_tensor *tensors,
                                 int index) {
  if (index < 0) return (mixent_typed_array){NULL, plan->master_type};
  return (mixent_typed_array){base + tensors[index].offset * mixent_data_type_size(plan->master_type),
                              plan->master_type};
}

static mixent_layer_call make_call(const reference_step *step, const mixent_step_context *context) {
  const mixent_plan *plan = step->plan;
  const mixent_graph *graph = plan->graph;
  const mixent_layer *layer = &graph->layers[step->layer];
  mixent_layer_call call = {.rows = plan->rows,
                            .first_row = plan->first_row,
                            .mode = context->mode,
                            .seed = context->seed,
                            .step = context->step,
                            .saved = mixent_plan_address(plan, context, step->saved)};
  for (int i = 0; i < layer->input_count; i++)
    call.inputs[i] = locate(step, context, plan->values[layer->inputs[i]], plan->types[layer->inputs[i]]);
  call.output = locate(step, context, plan->values[step->layer], plan->types[step->layer]);
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++) {
    call.parameters[i] = tensor(plan, context->parameters, graph->parameters, layer->parameters[i]);
    call.statistics[i] = tensor(plan, context->statistics, graph->statistics, layer->statistics[i]);
  }
  return call;
}

static mixent_status run_forward(void *state, const mixent_step_context *context) {
  const reference_step *step = state;
  const mixent_layer *layer = &step->plan->graph->layers[step->layer];
  mixent_layer_call call = make_call(step, context);
  layer->type->forward(step->plan->graph, layer, &call);
  return MIXENT_OK;
}

static mixent_status run_backward(void *state, const mixent_step_context *context) {
  const reference_step *step = state;
  const mixent_plan *plan = step->plan;
  const mixent_layer *layer = &plan->graph->layers[step->layer];
  mixent_layer_call call = make_call(step, context);
  call.output_gradient = locate(step, context, plan->value_gradients[step->layer], plan->types[step->layer]);
  for (int i = 0; i < layer->input_count; i++)
    call.input_gradients[i] =
        locate(step, context, plan->input_gradients[step->layer][i], plan->types[layer->inputs[i]]);
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++)
    call.parameter_gradients[i] =
        tensor(plan, context->gradients, plan->graph->parameters, layer->parameters[i]);
  layer->type->backward(plan->graph, layer, &call);
  return MIXENT_OK;
}

/* Adds the step of one pass; it touches the layer's inputs, its value, what it saves and, going backward, the
 * gradients. */
static mixent_status add_step(mixent_plan *plan, int layer, int saved, bool backward) {
  const mixent_layer *described = &plan->graph->layers[layer];
  int buffers[MIXENT_MAX_STEP_BUFFERS], count = 0;
  for (int i = 0; i < described->input_count; i++) buffers[count++] = plan->values[described->inputs[i]];
  buffers[count++] = plan->values[layer];
  if (saved >= 0) buffers[count++] = saved;
  if (backward) {
    buffers[count++] = plan->value_gradients[layer];
    for (int i = 0; i < described->input_count; i++)
      if (plan->input_gradients[layer][i] >= 0) buffers[count++] = plan->input_gradients[layer][i];
  }
  buffers[count] = -1;
  reference_step *state;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &state));
  *state = (reference_step){plan, layer, saved};
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = backward ? "backward" : "forward",
                                            .backend = "reference",
                                            .backward = backward,
                                            .state = state,
                                            .run = backward ? run_backward : run_forward,
                                            .destroy = free},
                              buffers);
}

/* What forward hands to backward is the number of the saved buffer, kept in the pointer itself plus one. */
static mixent_status lower_forward(mixent_plan *plan, int layer, void **shared) {
  const mixent_layer *described = &plan->graph->layers[layer];
  size_t bytes =
      described->type->saved_bytes ? described->type->saved_bytes(plan->graph, described, plan->rows) : 0;
  int saved = -1;
  if (bytes) MIXENT_TRY(mixent_plan_add_buffer(plan, bytes, &saved));
  *shared = (void *)(intptr_t)(saved + 1);
  return add_step(plan, layer, saved, false);
}

static mixent_status lower_backward(mixent_plan *plan, int layer, void *shared) {
  return add_step(plan, layer, (int)(intptr_t)shared - 1, true);
}

const mixent_backend_pattern mixent_reference_patterns[] = {{"layer", match, lower_forward, lower_backward},
                                                            {0}};
