/* Max pooling on oneDNN; the workspace that remembers which input won lives from forward to backward. */
#include "net/onednn/patterns.h"

#include <stdlib.h>

typedef struct pool_step {
  const mixent_plan *plan;
  mixent_operation operation;
  int workspace;
} pool_step;

static mixent_status run(void *state, const mixent_step_context *context) {
  pool_step *step = state;
  return mixent_operation_run(&step->operation, step->plan, context);
}

static void destroy(void *state) {
  pool_step *step = state;
  mixent_operation_destroy(&step->operation);
  free(step);
}

int mixent_onednn_match_max_pool(const mixent_plan *plan, int layer) {
  /* oneDNN has no window of 1x1 with a stride in every version: plain subsampling is left to others */
  return mixent_onednn_match_same_type(plan, layer, MIXENT_LAYER_MAX_POOL) &&
         plan->graph->layers[layer].kernel > 1;
}

static mixent_status prepare(pool_step *step, mixent_plan *plan, int layer, const pool_step *forward,
                             int buffers[]) {
  const mixent_layer *l = &plan->graph->layers[layer];
  mixent_shape source = mixent_onednn_value_shape(plan, l->inputs[0], 4),
               target = mixent_onednn_value_shape(plan, layer, 4);
  mixent_window window = {l->kernel, l->stride, l->padding, false};
  dnnl_primitive_desc_t descriptor;
  int from = forward ? plan->value_gradients[layer] : plan->values[l->inputs[0]];
  int to = forward ? plan->input_gradients[layer][0] : plan->values[layer];
  int scratch;
  if (forward)
    MIXENT_TRY(mixent_onednn_max_pool_backward(&source, &target, window,
                                               mixent_operation_hint(&forward->operation), &descriptor));
  else
    MIXENT_TRY(mixent_onednn_max_pool_forward(&source, &target, window, plan->training, &descriptor));
  MIXENT_TRY(mixent_operation_create(descriptor, &step->operation));
  MIXENT_TRY(mixent_operation_bind(&step->operation, forward ? DNNL_ARG_DIFF_DST : DNNL_ARG_SRC,
                                   MIXENT_IN_ARENA, (size_t)from));
  MIXENT_TRY(mixent_operation_bind(&step->operation, forward ? DNNL_ARG_DIFF_SRC : DNNL_ARG_DST,
                                   MIXENT_IN_ARENA, (size_t)to));
  if (!forward) {
    MIXENT_TRY(mixent_operation_bind_new(&step->operation, plan, DNNL_ARG_WORKSPACE, &step->workspace));
  } else if ((step->workspace = forward->workspace) >= 0) {
    MIXENT_TRY(mixent_operation_bind(&step->operation, DNNL_ARG_WORKSPACE, MIXENT_IN_ARENA,
                                     (size_t)step->workspace));
  }
  MIXENT_TRY(mixent_operation_bind_new(&step->operation, plan, DNNL_ARG_SCRATCHPAD, &scratch));
  mixent_onednn_buffer_list(buffers, (int[]){from, to, step->workspace, scratch}, 4);
  return MIXENT_OK;
}

static mixent_status lower(mixent_plan *plan, int layer, const pool_step *forward, pool_step **out) {
  int buffers[8];
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  pool_step *step = *out;
  step->plan = plan;
  step->workspace = -1;
  mixent_status status = prepare(step, plan, layer, forward, buffers);
  if (status != MIXENT_OK) {
    destroy(step);
    return mixent_fail_within(status, "layer %s", plan->graph->layers[layer].name);
  }
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = forward ? "backward" : "forward",
                                            .backend = mixent_operation_name(&step->operation),
                                            .backward = forward != NULL,
                                            .state = step,
                                            .run = run,
                                            .destroy = destroy},
                              buffers);
}

mixent_status mixent_onednn_lower_max_pool_forward(mixent_plan *plan, int layer, void **shared) {
  return lower(plan, layer, NULL, (pool_step **)shared);
}

mixent_status mixent_onednn_lower_max_pool_backward(mixent_plan *plan, int layer, void *shared) {
  pool_step *step;
  if (plan->input_gradients[layer][0] < 0) return MIXENT_OK;
  return lower(plan, layer, shared, &step);
}
