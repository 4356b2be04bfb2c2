/* Batch norm, alone or with the ReLU after it, on oneDNN. Batch statistics are computed in float; running
 * statistics follow PyTorch: r += momentum * (batch - r), with the unbiased variance. */
#include "net/onednn/patterns.h"

#include <stdlib.h>

typedef struct batch_norm_step {
  const mixent_plan *plan;
  const mixent_layer *layer;
  mixent_operation train, evaluate;      /* backward: train alone */
  int mean, variance;                    /* buffers of the batch statistics */
  size_t running_mean, running_variance; /* offsets within the statistics */
} batch_norm_step;

static void update_running(const batch_norm_step *step, const mixent_run *run) {
  const mixent_layer *layer = step->layer;
  const float *mean = mixent_plan_address(step->plan, run, step->mean);
  const float *variance = mixent_plan_address(step->plan, run, step->variance);
  float *running_mean = (float *)run->statistics + step->running_mean;
  float *running_variance = (float *)run->statistics + step->running_variance;
  double count = (double)step->plan->rows * layer->height * layer->width;
  double unbiased = count > 1 ? count / (count - 1) : 1;
  double momentum = run->mode == MIXENT_ESTIMATE ? 1.0 / (double)(run->step + 1) : layer->momentum;
  if (momentum == 1) { /* the first of an estimate: whatever was there does not count, not even a NaN */
    memset(running_mean, 0, (size_t)layer->channels * sizeof(float));
    memset(running_variance, 0, (size_t)layer->channels * sizeof(float));
  }
  for (int c = 0; c < layer->channels; c++) {
    running_mean[c] = (float)((1 - momentum) * running_mean[c] + momentum * mean[c]);
    running_variance[c] = (float)((1 - momentum) * running_variance[c] + momentum * unbiased * variance[c]);
  }
}

static mixent_status run_forward(void *state, const mixent_run *run) {
  batch_norm_step *step = state;
  if (run->mode == MIXENT_EVALUATE) return mixent_operation_run(&step->evaluate, step->plan, run);
  if (!step->train.primitive)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "this network was made for evaluation; make it with training = true");
  MIXENT_TRY(mixent_operation_run(&step->train, step->plan, run));
  update_running(step, run);
  return MIXENT_OK;
}

static mixent_status run_backward(void *state, const mixent_run *run) {
  batch_norm_step *step = state;
  return mixent_operation_run(&step->train, step->plan, run);
}

static void destroy(void *state) {
  batch_norm_step *step = state;
  mixent_operation_destroy(&step->train);
  mixent_operation_destroy(&step->evaluate);
  free(step);
}

int mixent_onednn_match_batch_norm(const mixent_plan *plan, int layer) {
  return mixent_onednn_match_same_type(plan, layer, "batch_norm");
}

int mixent_onednn_match_batch_norm_relu(const mixent_plan *plan, int layer) {
  bool joined = mixent_onednn_match_batch_norm(plan, layer) &&
                mixent_onednn_match_same_type(plan, layer + 1, "relu") &&
                plan->graph->layers[layer + 1].inputs[0] == layer && plan->consumers[layer] == 1;
  return joined ? 2 : 0;
}

/* The ReLU's layer when it rides along, else the batch norm's own. */
static int last_layer(const mixent_plan *plan, int layer) {
  return mixent_onednn_match_batch_norm_relu(plan, layer) ? layer + 1 : layer;
}

/* What forward leaves for backward. */
typedef struct shared_state {
  batch_norm_step *forward;
  int workspace;
} shared_state;

/* Source, scale and shift. */
static mixent_status bind_inputs(mixent_operation *operation, const mixent_plan *plan, int layer,
                                 bool takes_shift) {
  const mixent_layer *l = &plan->graph->layers[layer];
  const mixent_tensor *parameters = plan->graph->parameters;
  MIXENT_TRY(
      mixent_operation_bind(operation, DNNL_ARG_SRC, MIXENT_IN_ARENA, (size_t)plan->values[l->inputs[0]]));
  MIXENT_TRY(mixent_operation_bind(operation, DNNL_ARG_SCALE, MIXENT_IN_PARAMETERS,
                                   parameters[l->parameters[0]].offset));
  if (!takes_shift) return MIXENT_OK;
  return mixent_operation_bind(operation, DNNL_ARG_SHIFT, MIXENT_IN_PARAMETERS,
                               parameters[l->parameters[1]].offset);
}

static mixent_status bind_forward(mixent_operation *operation, const mixent_plan *plan, int layer) {
  MIXENT_TRY(bind_inputs(operation, plan, layer, true));
  return mixent_operation_bind(operation, DNNL_ARG_DST, MIXENT_IN_ARENA,
                               (size_t)plan->values[last_layer(plan, layer)]);
}

static mixent_status prepare_evaluate(batch_norm_step *step, mixent_plan *plan, int layer,
                                      const mixent_shape *shape, bool relu, int *scratch) {
  dnnl_primitive_desc_t descriptor;
  MIXENT_TRY(mixent_onednn_batch_norm_forward(shape, step->layer->epsilon, true, relu, &descriptor));
  MIXENT_TRY(mixent_operation_create(descriptor, &step->evaluate));
  MIXENT_TRY(bind_forward(&step->evaluate, plan, layer));
  MIXENT_TRY(mixent_operation_bind(&step->evaluate, DNNL_ARG_MEAN, MIXENT_IN_STATISTICS, step->running_mean));
  MIXENT_TRY(mixent_operation_bind(&step->evaluate, DNNL_ARG_VARIANCE, MIXENT_IN_STATISTICS,
                                   step->running_variance));
  return mixent_operation_bind_new(&step->evaluate, plan, DNNL_ARG_SCRATCHPAD, scratch);
}

static mixent_status prepare_train(batch_norm_step *step, mixent_plan *plan, int layer,
                                   const mixent_shape *shape, bool relu, int *workspace, int *scratch) {
  dnnl_primitive_desc_t descriptor;
  MIXENT_TRY(mixent_onednn_batch_norm_forward(shape, step->layer->epsilon, false, relu, &descriptor));
  MIXENT_TRY(mixent_operation_create(descriptor, &step->train));
  MIXENT_TRY(bind_forward(&step->train, plan, layer));
  MIXENT_TRY(mixent_operation_bind_new(&step->train, plan, DNNL_ARG_MEAN, &step->mean));
  MIXENT_TRY(mixent_operation_bind_new(&step->train, plan, DNNL_ARG_VARIANCE, &step->variance));
  MIXENT_TRY(mixent_operation_bind_new(&step->train, plan, DNNL_ARG_WORKSPACE, workspace));
  return mixent_operation_bind_new(&step->train, plan, DNNL_ARG_SCRATCHPAD, scratch);
}

/* *source_gradient: the buffer for the gradient of the input; where none is wanted, one to throw away, for the
 * primitive always writes it. */
static mixent_status prepare_backward(batch_norm_step *step, mixent_plan *plan, int layer,
                                      const mixent_shape *shape, bool relu, const shared_state *shared,
                                      int *source_gradient, int *scratch) {
  const mixent_graph *graph = plan->graph;
  dnnl_primitive_desc_t descriptor;
  MIXENT_TRY(mixent_onednn_batch_norm_backward(shape, step->layer->epsilon, relu,
                                               mixent_operation_hint(&shared->forward->train), &descriptor));
  MIXENT_TRY(mixent_operation_create(descriptor, &step->train));
  MIXENT_TRY(bind_inputs(&step->train, plan, layer, MIXENT_BATCH_NORM_BACKWARD_TAKES_SHIFT));
  const struct {
    int argument, buffer;
  } inside[] = {{DNNL_ARG_MEAN, shared->forward->mean},
                {DNNL_ARG_VARIANCE, shared->forward->variance},
                {DNNL_ARG_WORKSPACE, shared->workspace},
                {DNNL_ARG_DIFF_DST, plan->value_gradients[last_layer(plan, layer)]},
                {DNNL_ARG_DIFF_SRC, *source_gradient}};
  for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
    if (inside[i].buffer >= 0)
      MIXENT_TRY(
          mixent_operation_bind(&step->train, inside[i].argument, MIXENT_IN_ARENA, (size_t)inside[i].buffer));
  if (*source_gradient < 0)
    MIXENT_TRY(mixent_operation_bind_new(&step->train, plan, DNNL_ARG_DIFF_SRC, source_gradient));
  const int gradients[] = {DNNL_ARG_DIFF_SCALE, DNNL_ARG_DIFF_SHIFT};
  for (int i = 0; i < 2; i++)
    MIXENT_TRY(mixent_operation_bind(&step->train, gradients[i], MIXENT_IN_GRADIENTS,
                                     graph->parameters[step->layer->parameters[i]].offset));
  return mixent_operation_bind_new(&step->train, plan, DNNL_ARG_SCRATCHPAD, scratch);
}

static mixent_status new_step(const mixent_plan *plan, int layer, batch_norm_step **out) {
  const mixent_graph *graph = plan->graph;
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  batch_norm_step *step = *out;
  step->plan = plan;
  step->layer = &graph->layers[layer];
  step->running_mean = graph->statistics[step->layer->statistics[0]].offset;
  step->running_variance = graph->statistics[step->layer->statistics[1]].offset;
  step->mean = step->variance = -1;
  return MIXENT_OK;
}

mixent_status mixent_onednn_lower_batch_norm_forward(mixent_plan *plan, int layer, void **out) {
  int last = last_layer(plan, layer), source = plan->values[plan->graph->layers[layer].inputs[0]];
  mixent_shape shape = mixent_onednn_value_shape(plan, layer, 4);
  int evaluate_scratch = -1, train_scratch = -1, buffers[8];
  shared_state *shared;
  MIXENT_TRY(mixent_plan_allocate(plan, sizeof *shared, (void **)&shared));
  *shared = (shared_state){NULL, -1};
  *out = shared;
  batch_norm_step *step;
  MIXENT_TRY(new_step(plan, layer, &step));
  shared->forward = step;
  mixent_status status = prepare_evaluate(step, plan, layer, &shape, last != layer, &evaluate_scratch);
  if (status == MIXENT_OK && plan->training)
    status = prepare_train(step, plan, layer, &shape, last != layer, &shared->workspace, &train_scratch);
  if (status != MIXENT_OK) {
    destroy(step);
    return mixent_fail_within(status, "layer %s", plan->graph->layers[layer].name);
  }
  mixent_onednn_buffer_list(buffers,
                            (int[]){source, plan->values[last], step->mean, step->variance, shared->workspace,
                                    evaluate_scratch, train_scratch},
                            7);
  return mixent_plan_add_step(
      plan,
      (mixent_step){.layer = layer,
                    .pass = "forward",
                    .backend = mixent_operation_name(plan->training ? &step->train : &step->evaluate),
                    .state = step,
                    .run = run_forward,
                    .destroy = destroy},
      buffers);
}

mixent_status mixent_onednn_lower_batch_norm_backward(mixent_plan *plan, int layer, void *state) {
  const shared_state *shared = state;
  int last = last_layer(plan, layer), source = plan->values[plan->graph->layers[layer].inputs[0]];
  mixent_shape shape = mixent_onednn_value_shape(plan, layer, 4);
  int source_gradient = plan->input_gradients[layer][0], scratch = -1, buffers[8];
  batch_norm_step *step;
  MIXENT_TRY(new_step(plan, layer, &step));
  mixent_status status =
      prepare_backward(step, plan, layer, &shape, last != layer, shared, &source_gradient, &scratch);
  if (status != MIXENT_OK) {
    destroy(step);
    return mixent_fail_within(status, "layer %s", plan->graph->layers[layer].name);
  }
  mixent_onednn_buffer_list(buffers,
                            (int[]){source, plan->value_gradients[last], source_gradient,
                                    shared->forward->mean, shared->forward->variance, shared->workspace,
                                    scratch},
                            7);
  return mixent_plan_add_step(plan,
                              (mixent_step){.layer = layer,
                                            .pass = "backward",
                                            .backend = mixent_operation_name(&step->train),
                                            .backward = true,
                                            .state = step,
                                            .run = run_backward,
                                            .destroy = destroy},
                              buffers);
}
