/* conv2d and linear on oneDNN: forward, in evaluation with the ReLU after them, backward to the weights,
 * backward to the data. Master weights are float in PyTorch's order; each step turns them into the type and
 * layout its primitive likes best (once, if the plan's parameters are frozen), and gradients back. */
#include "net/onednn/patterns.h"

#include <stdlib.h>

typedef struct geometry {
  bool convolution;
  mixent_shape source, weights, bias, target; /* weights: any layout, value type; bias: float */
  mixent_shape plain_weights;                 /* as in the parameter array */
  mixent_window window;
  const mixent_tensor *weight, *bias_tensor; /* bias_tensor NULL: no bias */
  int last; /* the layer whose value it writes: the ReLU's, if that rides along */
} geometry;

static geometry describe(const mixent_plan *plan, int index) {
  const mixent_graph *graph = plan->graph;
  const mixent_layer *layer = &graph->layers[index];
  int input = layer->inputs[0];
  geometry g = {.convolution = layer->kernel > 0,
                .last = mixent_plan_takes_relu(plan, index) ? index + 1 : index};
  int flat = g.convolution ? 4 : 2;
  g.source = mixent_onednn_value_shape(plan, input, flat);
  g.target = mixent_onednn_value_shape(plan, g.last, flat);
  g.window = (mixent_window){layer->kernel, layer->stride, layer->padding, false};
  g.weight = &graph->parameters[layer->parameters[0]];
  g.bias_tensor = layer->parameters[1] >= 0 ? &graph->parameters[layer->parameters[1]] : NULL;
  g.plain_weights =
      (mixent_shape){.dimensions = flat, .type = dnnl_f32, .layout = flat == 4 ? dnnl_oihw : dnnl_oi};
  for (int d = 0; d < flat; d++) g.plain_weights.sizes[d] = g.weight->shape[d];
  g.weights = g.plain_weights;
  g.weights.type = mixent_onednn_type(plan->value_type);
  g.weights.layout = dnnl_format_tag_any;
  g.bias = (mixent_shape){.dimensions = 1, .sizes = {layer->channels}, .type = dnnl_f32, .layout = dnnl_a};
  return g;
}

/* One primitive with what must be reordered before and after it. */
typedef struct weighted_step {
  const mixent_plan *plan;
  mixent_operation before, main, after;
  uint64_t prepared; /* frozen: the version of the parameters that `before` was run for; 0: none */
} weighted_step;

/* Turns the weights into the primitive's layout, unless that was done and they are frozen. */
static mixent_status run_before(weighted_step *step, const mixent_step_context *context) {
  if (!step->before.primitive || (step->plan->frozen && step->prepared == context->version)) return MIXENT_OK;
  MIXENT_TRY(mixent_operation_run(&step->before, step->plan, context));
  step->prepared = context->version;
  return MIXENT_OK;
}

static mixent_status run(void *state, const mixent_step_context *context) {
  weighted_step *step = state;
  MIXENT_TRY(run_before(step, context));
  MIXENT_TRY(mixent_operation_run(&step->main, step->plan, context));
  if (step->after.primitive) MIXENT_TRY(mixent_operation_run(&step->after, step->plan, context));
  return MIXENT_OK;
}

static void destroy(void *state) {
  weighted_step *step = state;
  mixent_operation_destroy(&step->before);
  mixent_operation_destroy(&step->main);
  mixent_operation_destroy(&step->after);
  free(step);
}

/* Binds weights as the primitive likes them, in a buffer of the step's own, filled from the parameters
 * before. */
static mixent_status bind_weights(weighted_step *step, mixent_plan *plan, const geometry *g, int *scratch) {
  MIXENT_TRY(mixent_operation_bind_new(&step->main, plan, DNNL_ARG_WEIGHTS, scratch));
  plan->buffers[*scratch].kept = plan->frozen;
  MIXENT_TRY(mixent_onednn_reorder_into(&g->plain_weights, &step->main, DNNL_ARG_WEIGHTS, &step->before));
  MIXENT_TRY(mixent_operation_bind(&step->before, DNNL_ARG_FROM, MIXENT_IN_PARAMETERS, g->weight->offset));
  return mixent_operation_bind(&step->before, DNNL_ARG_TO, MIXENT_IN_ARENA, (size_t)*scratch);
}

static mixent_status describe_forward(const mixent_plan *plan, int layer, const geometry *g,
                                      dnnl_primitive_desc_t *out) {
  const mixent_shape *bias = g->bias_tensor ? &g->bias : NULL;
  const mixent_forward_form form = {.training = plan->training, .relu = g->last != layer};
  if (g->convolution)
    return mixent_onednn_convolution_forward(&g->source, &g->weights, bias, &g->target, g->window, form, out);
  return mixent_onednn_linear_forward(&g->source, &g->weights, bias, &g->target, form, out);
}

static mixent_status prepare_forward(weighted_step *step, mixent_plan *plan, int layer, const geometry *g,
                                     int buffers[]) {
  const mixent_shape *bias = g->bias_tensor ? &g->bias : NULL;
  dnnl_primitive_desc_t descriptor;
  MIXENT_TRY(describe_forward(plan, layer, g, &descriptor));
  MIXENT_TRY(mixent_operation_create(descriptor, &step->main));
  int source = plan->values[plan->graph->layers[layer].inputs[0]], target = plan->values[g->last], scratch,
      weights;
  MIXENT_TRY(bind_weights(step, plan, g, &weights));
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_SRC, MIXENT_IN_ARENA, (size_t)source));
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_DST, MIXENT_IN_ARENA, (size_t)target));
  if (bias)
    MIXENT_TRY(
        mixent_operation_bind(&step->main, DNNL_ARG_BIAS, MIXENT_IN_PARAMETERS, g->bias_tensor->offset));
  MIXENT_TRY(mixent_operation_bind_new(&step->main, plan, DNNL_ARG_SCRATCHPAD, &scratch));
  mixent_onednn_buffer_list(buffers, (int[]){source, target, weights, scratch}, 4);
  return MIXENT_OK;
}

static mixent_status prepare_backward_weights(weighted_step *step, mixent_plan *plan, int layer,
                                              const geometry *g, const_dnnl_primitive_desc_t hint,
                                              int target_gradient, int buffers[]) {
  mixent_shape gradient = g->weights, target = g->target;
  const mixent_shape *bias = g->bias_tensor ? &g->bias : NULL;
  gradient.type = dnnl_f32;
  target.type = mixent_onednn_type(plan->value_type);
  dnnl_primitive_desc_t descriptor;
  if (g->convolution)
    MIXENT_TRY(mixent_onednn_convolution_backward_weights(&g->source, &gradient, bias, &target, g->window,
                                                          hint, &descriptor));
  else
    MIXENT_TRY(
        mixent_onednn_linear_backward_weights(&g->source, &gradient, bias, &target, hint, &descriptor));
  MIXENT_TRY(mixent_operation_create(descriptor, &step->main));
  int source = plan->values[plan->graph->layers[layer].inputs[0]], scratch, weights;
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_SRC, MIXENT_IN_ARENA, (size_t)source));
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_DIFF_DST, MIXENT_IN_ARENA, (size_t)target_gradient));
  MIXENT_TRY(mixent_operation_bind_new(&step->main, plan, DNNL_ARG_DIFF_WEIGHTS, &weights));
  if (bias)
    MIXENT_TRY(
        mixent_operation_bind(&step->main, DNNL_ARG_DIFF_BIAS, MIXENT_IN_GRADIENTS, g->bias_tensor->offset));
  MIXENT_TRY(mixent_operation_bind_new(&step->main, plan, DNNL_ARG_SCRATCHPAD, &scratch));
  MIXENT_TRY(mixent_onednn_reorder_from(&step->main, DNNL_ARG_DIFF_WEIGHTS, &g->plain_weights, &step->after));
  MIXENT_TRY(mixent_operation_bind(&step->after, DNNL_ARG_FROM, MIXENT_IN_ARENA, (size_t)weights));
  MIXENT_TRY(mixent_operation_bind(&step->after, DNNL_ARG_TO, MIXENT_IN_GRADIENTS, g->weight->offset));
  mixent_onednn_buffer_list(buffers, (int[]){source, target_gradient, weights, scratch}, 4);
  return MIXENT_OK;
}

static mixent_status prepare_backward_data(weighted_step *step, mixent_plan *plan, int layer,
                                           const geometry *g, const_dnnl_primitive_desc_t hint,
                                           int target_gradient, int buffers[]) {
  mixent_shape target = g->target;
  target.type = mixent_onednn_type(plan->value_type);
  dnnl_primitive_desc_t descriptor;
  if (g->convolution)
    MIXENT_TRY(mixent_onednn_convolution_backward_data(&g->source, &g->weights, &target, g->window, hint,
                                                       &descriptor));
  else
    MIXENT_TRY(mixent_onednn_linear_backward_data(&g->source, &g->weights, &target, hint, &descriptor));
  MIXENT_TRY(mixent_operation_create(descriptor, &step->main));
  int source_gradient = plan->input_gradients[layer][0], scratch, weights;
  MIXENT_TRY(bind_weights(step, plan, g, &weights));
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_DIFF_DST, MIXENT_IN_ARENA, (size_t)target_gradient));
  MIXENT_TRY(mixent_operation_bind(&step->main, DNNL_ARG_DIFF_SRC, MIXENT_IN_ARENA, (size_t)source_gradient));
  MIXENT_TRY(mixent_operation_bind_new(&step->main, plan, DNNL_ARG_SCRATCHPAD, &scratch));
  mixent_onednn_buffer_list(buffers, (int[]){source_gradient, target_gradient, weights, scratch}, 4);
  return MIXENT_OK;
}

/* A backward primitive is made for the forward one it belongs to, whether that one runs or not. */
static mixent_status prepare_backward(weighted_step *step, mixent_plan *plan, int layer, mixent_pass pass,
                                      const geometry *g, int target_gradient, int buffers[]) {
  dnnl_primitive_desc_t hint;
  MIXENT_TRY(describe_forward(plan, layer, g, &hint));
  mixent_status status = pass == MIXENT_BACKWARD_WEIGHTS
                             ? prepare_backward_weights(step, plan, layer, g, hint, target_gradient, buffers)
                             : prepare_backward_data(step, plan, layer, g, hint, target_gradient, buffers);
  dnnl_primitive_desc_destroy(hint);
  return status;
}

static mixent_status lower_pass(mixent_plan *plan, int layer, mixent_pass pass, const geometry *g,
                                int target_gradient) {
  weighted_step *step;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  step->plan = plan;
  int buffers[8];
  mixent_status status = pass == MIXENT_FORWARD
                             ? prepare_forward(step, plan, layer, g, buffers)
                             : prepare_backward(step, plan, layer, pass, g, target_gradient, buffers);
  if (status != MIXENT_OK) {
    destroy(step);
    return mixent_fail_within(status, "layer %s", plan->graph->layers[layer].name);
  }
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = mixent_pass_names[pass],
                                            .backend = mixent_operation_name(&step->main),
                                            .backward = pass != MIXENT_FORWARD,
                                            .state = step,
                                            .run = run,
                                            .destroy = destroy},
                              buffers);
}

mixent_status mixent_onednn_lower_weighted_pass(mixent_plan *plan, int layer, mixent_pass pass,
                                                int target_gradient) {
  geometry g = describe(plan, layer);
  return lower_pass(plan, layer, pass, &g, target_gradient);
}

static geometry describe_winograd(const mixent_plan *plan, int layer) {
  geometry g = describe(plan, layer);
  g.window.winograd = true;
  return g;
}

/* The library says whether it has it only when asked for it: Winograd forward, and that backward pass. */
bool mixent_onednn_has_winograd(const mixent_plan *plan, int layer, mixent_pass pass) {
  if (!mixent_onednn_match_convolution(plan, layer) || plan->graph->layers[layer].kernel != 3) return false;
  geometry g = describe_winograd(plan, layer);
  mixent_shape gradient = g.weights, target = g.target;
  dnnl_primitive_desc_t forward, backward = NULL;
  gradient.type = dnnl_f32;
  if (describe_forward(plan, layer, &g, &forward) != MIXENT_OK) return false;
  mixent_status status = MIXENT_OK;
  if (pass == MIXENT_BACKWARD_WEIGHTS)
    status = mixent_onednn_convolution_backward_weights(&g.source, &gradient, g.bias_tensor ? &g.bias : NULL,
                                                        &target, g.window, forward, &backward);
  else if (pass == MIXENT_BACKWARD_DATA)
    status =
        mixent_onednn_convolution_backward_data(&g.source, &g.weights, &target, g.window, forward, &backward);
  if (status == MIXENT_OK && backward) dnnl_primitive_desc_destroy(backward);
  dnnl_primitive_desc_destroy(forward);
  return status == MIXENT_OK;
}

mixent_status mixent_onednn_lower_winograd_pass(mixent_plan *plan, int layer, mixent_pass pass,
                                                int target_gradient) {
  geometry g = describe_winograd(plan, layer);
  return lower_pass(plan, layer, pass, &g, target_gradient);
}

static int match(const mixent_plan *plan, int layer, mixent_layer_kind kind) {
  return mixent_onednn_has_type(plan) && mixent_layer_is(&plan->graph->layers[layer], kind);
}

/* With fewer input channels than a vector has, oneDNN (2.6 as well as 3.x, its issue 6035) copies the pixels that a stride
 * leaves past the end of its scratch: gradients are wrong, or it never returns. */
bool mixent_onednn_finds_weight_gradient(const mixent_plan *plan, int layer) {
  enum { MOST_LANES = 16 };
  const mixent_layer *l = &plan->graph->layers[layer];
  return l->kernel > 1 || l->stride == 1 || plan->graph->layers[l->inputs[0]].channels >= MOST_LANES;
}

int mixent_onednn_match_convolution(const mixent_plan *plan, int layer) {
  return match(plan, layer, MIXENT_LAYER_CONV2D) &&
         (!plan->training || mixent_onednn_finds_weight_gradient(plan, layer));
}
int mixent_onednn_match_linear(const mixent_plan *plan, int layer) {
  return match(plan, layer, MIXENT_LAYER_LINEAR);
}
int mixent_onednn_match_convolution_relu(const mixent_plan *plan, int layer) {
  return match(plan, layer, MIXENT_LAYER_CONV2D) && mixent_plan_takes_relu(plan, layer) ? 2 : 0;
}
int mixent_onednn_match_linear_relu(const mixent_plan *plan, int layer) {
  return match(plan, layer, MIXENT_LAYER_LINEAR) && mixent_plan_takes_relu(plan, layer) ? 2 : 0;
}

mixent_status mixent_onednn_lower_weighted_forward(mixent_plan *plan, int layer, void **shared) {
  *shared = NULL;
  return mixent_onednn_lower_weighted_pass(plan, layer, MIXENT_FORWARD, -1);
}

/* The logits' gradient is float; a bfloat16 backward pass wants it rounded first, once for both passes. */
mixent_status mixent_onednn_lower_weighted_backward(mixent_plan *plan, int layer, void *shared) {
  (void)shared;
  int gradient = plan->value_gradients[layer];
  if (plan->types[layer] != plan->value_type)
    MIXENT_TRY(mixent_plan_add_cast(plan, layer, true, gradient, &gradient));
  MIXENT_TRY(mixent_onednn_lower_weighted_pass(plan, layer, MIXENT_BACKWARD_WEIGHTS, gradient));
  if (plan->input_gradients[layer][0] < 0) return MIXENT_OK;
  return mixent_onednn_lower_weighted_pass(plan, layer, MIXENT_BACKWARD_DATA, gradient);
}
