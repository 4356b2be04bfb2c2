/* The one step that rounds floats to bfloat16: the network's input, and the gradient of the logits. */
#include "core/memory.h"
#include "core/threads.h"
#include "net/graph/layer.h"
#include "net/plan/plan.h"

#include <stdlib.h>

typedef struct cast_step {
  const mixent_plan *plan;
  int from, to;
  size_t count;
  const float *source; /* of the run under way */
  uint16_t *target;
} cast_step;

static void round_range(void *context, size_t begin, size_t end) {
  const cast_step *step = context;
  for (size_t i = begin; i < end; i++) step->target[i] = mixent_bf16_from_float(step->source[i]);
}

static mixent_status run_cast(void *state, const mixent_step_context *context) {
  cast_step *step = state;
  step->source = mixent_plan_address(step->plan, context, step->from);
  step->target = mixent_plan_address(step->plan, context, step->to);
  mixent_parallel_for(step->count, 1 << 14, round_range, step);
  return MIXENT_OK;
}

mixent_status mixent_plan_add_cast(mixent_plan *plan, int layer, bool backward, int from, int *to) {
  size_t count = (size_t)plan->rows * mixent_layer_row(&plan->graph->layers[layer]);
  cast_step *step;
  MIXENT_TRY(mixent_plan_add_buffer(plan, count * mixent_data_type_size(MIXENT_TYPE_BF16), to));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = (cast_step){.plan = plan, .from = from, .to = *to, .count = count};
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = backward ? "gradient to bf16" : "input to bf16",
                                            .backend = "plain",
                                            .backward = backward,
                                            .state = step,
                                            .run = run_cast,
                                            .destroy = free},
                              (int[]){from, *to, -1});
}
