/* Winograd's convolutions as steps of a plan: where their arguments lie, scratch in the arena. */
#include "net/winograd/patterns.h"
#include "core/memory.h"

#include <stdlib.h>

typedef struct winograd_step {
  const mixent_plan *plan;
  mixent_winograd *winograd;
  int from, to, gradient, filters, scratch; /* buffers; of those the pass has not, -1 */
  size_t weight, bias;                      /* offsets within parameters and their gradients */
  bool has_bias, relu;
  uint64_t prepared; /* frozen: the version of the parameters that the filters are of; 0: none */
} winograd_step;

static const mixent_winograd_pass passes[] = {[MIXENT_FORWARD] = MIXENT_WINOGRAD_FORWARD,
                                              [MIXENT_BACKWARD_WEIGHTS] = MIXENT_WINOGRAD_WEIGHTS,
                                              [MIXENT_BACKWARD_DATA] = MIXENT_WINOGRAD_DATA};

static mixent_status run_convolution(void *state, const mixent_step_context *context) {
  winograd_step *step = state;
  MIXENT_TRY(mixent_plan_check_threads(step->plan));
  const float *parameters = (const float *)(const void *)context->parameters;
  bool kept = step->plan->frozen && step->prepared == context->version;
  mixent_winograd_run(step->winograd, mixent_plan_address(step->plan, context, step->from),
                      parameters + step->weight, kept, step->has_bias ? parameters + step->bias : NULL,
                      step->relu, mixent_plan_address(step->plan, context, step->to),
                      mixent_plan_address(step->plan, context, step->filters),
                      mixent_plan_address(step->plan, context, step->scratch));
  step->prepared = context->version;
  return MIXENT_OK;
}

static mixent_status run_weights(void *state, const mixent_step_context *context) {
  winograd_step *step = state;
  MIXENT_TRY(mixent_plan_check_threads(step->plan));
  float *gradients = (float *)(void *)context->gradients;
  mixent_winograd_run_weights(step->winograd, mixent_plan_address(step->plan, context, step->from),
                              mixent_plan_address(step->plan, context, step->gradient),
                              gradients + step->weight, step->has_bias ? gradients + step->bias : NULL,
                              mixent_plan_address(step->plan, context, step->filters),
                              mixent_plan_address(step->plan, context, step->scratch));
  return MIXENT_OK;
}

static void destroy(void *state) {
  winograd_step *step = state;
  mixent_winograd_free(step->winograd);
  free(step);
}

bool mixent_winograd_covers(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer];
  if (!mixent_layer_is(l, MIXENT_LAYER_CONV2D) || l->kernel != 3 || l->stride != 1 || l->padding > 2)
    return false;
  int last = mixent_plan_takes_relu(plan, layer) ? layer + 1 : layer;
  return plan->types[last] == plan->value_type && plan->value_type != MIXENT_TYPE_F64;
}

static mixent_winograd_shape shape_of(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer], *input = &plan->graph->layers[l->inputs[0]];
  return (mixent_winograd_shape){.rows = plan->rows,
                                 .height = input->height,
                                 .width = input->width,
                                 .channels = input->channels,
                                 .outputs = l->channels,
                                 .padding = l->padding,
                                 .bf16 = plan->value_type == MIXENT_TYPE_BF16,
                                 .frozen = plan->frozen};
}

mixent_status mixent_winograd_estimate(const mixent_plan *plan, int layer, mixent_pass pass,
                                       mixent_winograd_cut cut, double *out) {
  mixent_winograd_shape shape = shape_of(plan, layer);
  mixent_winograd *winograd;
  MIXENT_TRY(mixent_winograd_create(&shape, passes[pass], cut, NULL, 1, &winograd));
  *out = mixent_winograd_cost(winograd);
  mixent_winograd_free(winograd);
  return MIXENT_OK;
}

static mixent_status prepare(winograd_step *step, mixent_plan *plan, int layer, mixent_pass pass,
                             mixent_winograd_cut cut, int gradient) {
  const mixent_layer *l = &plan->graph->layers[layer];
  mixent_winograd_shape shape = shape_of(plan, layer);
  *step = (winograd_step){.plan = plan, .gradient = -1};
  step->relu = pass == MIXENT_FORWARD && mixent_plan_takes_relu(plan, layer);
  step->from = pass == MIXENT_BACKWARD_DATA ? gradient : plan->values[l->inputs[0]];
  step->to = pass == MIXENT_FORWARD ? plan->values[step->relu ? layer + 1 : layer] : -1;
  if (pass == MIXENT_BACKWARD_DATA) step->to = plan->input_gradients[layer][0];
  if (pass == MIXENT_BACKWARD_WEIGHTS) step->gradient = gradient;
  step->weight = plan->graph->parameters[l->parameters[0]].offset;
  step->has_bias = l->parameters[1] >= 0 && pass != MIXENT_BACKWARD_DATA;
  if (step->has_bias) step->bias = plan->graph->parameters[l->parameters[1]].offset;
  MIXENT_TRY(mixent_winograd_create(&shape, passes[pass], cut, NULL, plan->threads, &step->winograd));
  MIXENT_TRY(mixent_plan_add_buffer(plan, mixent_winograd_filter_bytes(step->winograd), &step->filters));
  plan->buffers[step->filters].kept = plan->frozen;
  return mixent_plan_add_buffer(plan, mixent_winograd_scratch_bytes(step->winograd), &step->scratch);
}

mixent_status mixent_winograd_lower_pass(mixent_plan *plan, int layer, mixent_pass pass,
                                         mixent_winograd_cut cut, int gradient) {
  winograd_step *step;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  mixent_status status = prepare(step, plan, layer, pass, cut, gradient);
  if (status != MIXENT_OK) {
    destroy(step);
    return mixent_fail_within(status, "layer %s", plan->graph->layers[layer].name);
  }
  int other = pass == MIXENT_BACKWARD_WEIGHTS ? step->gradient : step->to;
  return mixent_plan_add_step(
      plan,
      (mixent_step){.layer = layer,
                    .pass = mixent_pass_names[pass],
                    .backend = mixent_winograd_names[cut],
                    .backward = pass != MIXENT_FORWARD,
                    .state = step,
                    .run = pass == MIXENT_BACKWARD_WEIGHTS ? run_weights : run_convolution,
                    .destroy = destroy},
      (int[]){step->from, other, step->filters, step->scratch, -1});
}
