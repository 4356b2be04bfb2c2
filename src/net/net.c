/* A network that runs: a plan, the arrays it works on, and the loop over its steps. */
#include "core/clock.h"
#include "core/memory.h"
#include "core/status.h"
#include "net/onednn/processor.h"
#include "net/plan/plan.h"

#include <stdio.h>
#include <stdlib.h>

struct mixent_net {
  mixent_plan *plan;
  void *parameters, *statistics, *gradients; /* the net's own */
  mixent_step_context run; /* what steps see; parameters and statistics may be the caller's */
  int forward_steps;
  bool timed;
  size_t *
      complete_from; /* [steps] of the backward ones: gradients that are final after it; NULL: not for training */
  mixent_net_gradient_watch *watch;
  void *watch_context;
};

bool mixent_net_bf16_is_native(void) {
  return mixent_onednn_has_bf16();
}

static mixent_status check(const mixent_net_options *options) {
  if (options->batch < 1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "a batch of %d rows; it must be at least 1", options->batch);
  if (options->precision == MIXENT_QUANTIZED && (!options->frozen || options->reference))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "8 bits are for evaluation with frozen parameters only");
  if (options->precision == MIXENT_QUANTIZED && !mixent_onednn_has_avx2())
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "8 bits need a processor with AVX2, which this one lacks; use --precision fp32");
  if (options->frozen && options->training)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "a network whose parameters are frozen cannot be trained");
  if (options->precision == MIXENT_FP64 && !options->reference)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "double precision is for the reference back end only");
  return MIXENT_OK;
}

/* oneDNN crashes where some of its small allocations fail. What it needs to make a network's primitives is asked for before,
 * and given back, so that a lack of memory is met here. */
static mixent_status reserve(void) {
  enum { BYTES = 16 << 20 };
  void *memory;
  MIXENT_TRY(mixent_allocate(BYTES, &memory));
  free(memory);
  return MIXENT_OK;
}

/* The layer that the steps after `s` have still to do is the last of those they begin with, or one of those fused with it: all
 * layers from the next on that steps up to `s` begin with are done. */
static size_t complete_after(const mixent_plan *plan, int s, int first) {
  const mixent_graph *graph = plan->graph;
  int open = -1, done = graph->layer_count;
  for (int later = s + 1; later < plan->step_count; later++)
    if (plan->steps[later].layer > open) open = plan->steps[later].layer;
  if (open < 0) return 0;
  for (int earlier = first; earlier <= s; earlier++)
    if (plan->steps[earlier].layer > open && plan->steps[earlier].layer < done)
      done = plan->steps[earlier].layer;
  for (int l = done; l < graph->layer_count; l++)
    if (graph->layers[l].parameters[0] >= 0) return graph->parameters[graph->layers[l].parameters[0]].offset;
  return graph->parameter_count;
}

static mixent_status find_complete(mixent_net *net) {
  const mixent_plan *plan = net->plan;
  MIXENT_TRY(MIXENT_ALLOCATE((size_t)plan->step_count, &net->complete_from));
  for (int s = net->forward_steps; s < plan->step_count; s++)
    net->complete_from[s] = complete_after(plan, s, net->forward_steps);
  return MIXENT_OK;
}

mixent_status mixent_net_create(const mixent_graph *graph, const mixent_net_options *options,
                                mixent_net **out) {
  MIXENT_NEED(graph);
  MIXENT_NEED(options);
  MIXENT_NEED(out);
  if (options->choice_count) MIXENT_NEED(options->choices);
  for (size_t i = 0; i < options->choice_count; i++)
    if (!options->choices[i].layer || !options->choices[i].pass || !options->choices[i].backend)
      return mixent_fail_null(__func__, "a layer, pass or back end of options->choices");
  *out = NULL;
  MIXENT_TRY(check(options));
  mixent_net *net;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &net));
  size_t element = options->precision == MIXENT_FP64 ? sizeof(double) : sizeof(float);
  mixent_status status = reserve();
  if (status == MIXENT_OK) status = mixent_plan_create(graph, options, &net->plan);
  if (status == MIXENT_OK) status = mixent_allocate(graph->parameter_count * element, &net->parameters);
  if (status == MIXENT_OK) status = mixent_allocate(graph->statistic_count * element, &net->statistics);
  if (status == MIXENT_OK && options->training)
    status = mixent_allocate(graph->parameter_count * element, &net->gradients);
  while (status == MIXENT_OK && net->forward_steps < net->plan->step_count &&
         !net->plan->steps[net->forward_steps].backward)
    net->forward_steps++;
  if (status == MIXENT_OK && options->training) status = find_complete(net);
  if (status != MIXENT_OK) {
    mixent_net_free(net);
    return mixent_fail_within(status, "network %s", graph->name);
  }
  net->run.arena = net->plan->arena;
  net->run.gradients = net->gradients;
  mixent_net_use(net, NULL, NULL);
  *out = net;
  return MIXENT_OK;
}

void mixent_net_free(mixent_net *net) {
  if (!net) return;
  mixent_plan_free(net->plan);
  free(net->parameters);
  free(net->statistics);
  free(net->gradients);
  free(net->complete_from);
  free(net);
}

void *mixent_net_parameters(mixent_net *net) {
  MIXENT_NEED_OR(net, NULL);
  return net->run.parameters;
}
void *mixent_net_statistics(mixent_net *net) {
  MIXENT_NEED_OR(net, NULL);
  return net->run.statistics;
}
void *mixent_net_gradients(mixent_net *net) {
  MIXENT_NEED_OR(net, NULL);
  return net->gradients;
}

void mixent_net_use(mixent_net *net, void *parameters, void *statistics) {
  MIXENT_NEED_OR(net, );
  net->run.parameters = parameters ? parameters : net->parameters;
  net->run.statistics = statistics ? statistics : net->statistics;
  net->run.version++;
}

void *mixent_net_input(mixent_net *net) {
  MIXENT_NEED_OR(net, NULL);
  return mixent_plan_address(net->plan, &net->run, 0);
}

const void *mixent_net_logits(const mixent_net *net) {
  MIXENT_NEED_OR(net, NULL);
  return mixent_plan_address(net->plan, &net->run, net->plan->values[net->plan->graph->layer_count - 1]);
}

void *mixent_net_logits_gradient(mixent_net *net) {
  MIXENT_NEED_OR(net, NULL);
  return mixent_plan_address(net->plan, &net->run,
                             net->plan->value_gradients[net->plan->graph->layer_count - 1]);
}

static mixent_status run_steps(mixent_net *net, int begin, int end) {
  for (int s = begin; s < end; s++) {
    mixent_step *step = &net->plan->steps[s];
    double start = net->timed ? mixent_seconds_now() : 0;
    MIXENT_TRY(step->run(step->state, &net->run));
    if (net->timed) step->seconds += mixent_seconds_now() - start;
  }
  return MIXENT_OK;
}

void mixent_net_time_steps(mixent_net *net) {
  MIXENT_NEED_OR(net, );
  net->timed = true;
  for (int s = 0; s < net->plan->step_count; s++) net->plan->steps[s].seconds = 0;
}

bool mixent_net_step_get(const mixent_net *net, size_t index, mixent_net_step *out) {
  MIXENT_NEED_OR(net, false);
  MIXENT_NEED_OR(out, false);
  if (index >= (size_t)net->plan->step_count) return false;
  const mixent_step *step = &net->plan->steps[index];
  const mixent_layer *layer = &net->plan->graph->layers[step->layer];
  *out = (mixent_net_step){.layer = layer->name,
                           .kind = layer->type ? layer->type->name : "input",
                           .pass = step->pass,
                           .backend = step->choice ? step->choice : step->backend,
                           .candidates = step->candidates,
                           .operations = mixent_plan_operations(net->plan, step->layer),
                           .seconds = step->seconds};
  return true;
}

mixent_status mixent_net_forward(mixent_net *net, mixent_mode mode, uint64_t seed, uint64_t step) {
  MIXENT_NEED(net);
  if (mode != MIXENT_EVALUATE && !net->plan->training)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "this network was made for evaluation; make it with training = true");
  net->run.mode = mode;
  net->run.seed = seed;
  net->run.step = step;
  return run_steps(net, 0, net->forward_steps);
}

mixent_status mixent_net_backward(mixent_net *net) {
  MIXENT_NEED(net);
  if (!net->plan->training || net->run.mode != MIXENT_TRAIN)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "backward needs a forward pass with MIXENT_TRAIN before it");
  size_t complete_from = net->plan->graph->parameter_count;
  for (int s = net->forward_steps; s < net->plan->step_count; s++) {
    MIXENT_TRY(run_steps(net, s, s + 1));
    if (net->watch && net->complete_from[s] < complete_from)
      net->watch(net->watch_context, net->complete_from[s]);
    complete_from = net->complete_from[s];
  }
  return MIXENT_OK;
}

void mixent_net_watch_gradients(mixent_net *net, mixent_net_gradient_watch *watch, void *context) {
  MIXENT_NEED_OR(net, );
  net->watch = watch, net->watch_context = context;
}

size_t mixent_net_memory(const mixent_net *net) {
  MIXENT_NEED_OR(net, 0);
  const mixent_graph *graph = net->plan->graph;
  size_t element = mixent_data_type_size(net->plan->master_type);
  size_t copies = net->gradients ? 2 : 1;
  return net->plan->arena_bytes + (copies * graph->parameter_count + graph->statistic_count) * element;
}

char *mixent_net_plan_text(const mixent_net *net) {
  MIXENT_NEED_OR(net, NULL);
  const mixent_plan *plan = net->plan;
  mixent_text text = {0};
  mixent_text_append(&text, "%-4s  %-20s  %-16s  %-16s  %s\n", "step", "layer", "output", "pass", "back end");
  for (int s = 0; s < plan->step_count; s++) {
    const mixent_step *step = &plan->steps[s];
    const mixent_layer *layer = &plan->graph->layers[step->layer];
    char shape[48];
    snprintf(shape, sizeof shape, "%dx%dx%d", layer->channels, layer->height, layer->width);
    mixent_text_append(&text, "%4d  %-20s  %-16s  %-16s  %s\n", s, layer->name, shape, step->pass,
                       step->backend);
  }
  mixent_text_append(&text, "%d rows; %.1f MB for values and scratch\n", plan->rows,
                     (double)plan->arena_bytes / 1e6);
  return text.failed ? NULL : text.data;
}
