/* Lowering: which pattern covers which layers, and which buffers hold values and gradients. Forward steps first,
 * backward steps after them in reverse. */
#include "core/memory.h"
#include "core/threads.h"
#include "net/plan/plan.h"

#include <stdlib.h>
#include <string.h>

/* The layers first..last that one pattern covers; no pattern: the value passes through unchanged. */
typedef struct group {
  int first, last;
  const mixent_backend_pattern *pattern;
  void *shared;
} group;

/* A map of 1x1 is flat already and is its own mean. */
static bool passes_through(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer], *input = &plan->graph->layers[l->inputs[0]];
  return (mixent_layer_is(l, MIXENT_LAYER_FLATTEN) || mixent_layer_is(l, MIXENT_LAYER_GLOBAL_POOL)) &&
         input->height == 1 && input->width == 1;
}

static const mixent_backend_pattern *find_pattern(const mixent_plan *plan, int layer, bool reference,
                                                  int *covered) {
  const mixent_backend_pattern *const backends[] = {mixent_stem_patterns,        mixent_convolution_patterns,
                                                    mixent_norm_patterns,        mixent_onednn_patterns,
                                                    mixent_elementwise_patterns, mixent_reference_patterns};
  for (int b = reference ? 5 : 0; b < 6; b++)
    for (const mixent_backend_pattern *pattern = backends[b]; pattern->name; pattern++)
      if ((*covered = pattern->match(plan, layer)) > 0) return pattern;
  return NULL;
}

static size_t value_bytes(const mixent_plan *plan, int layer) {
  return (size_t)plan->rows * mixent_layer_row(&plan->graph->layers[layer]) *
         mixent_data_type_size(plan->types[layer]);
}

/* Buffer 0 is always the staging area the caller fills, with floats: a bfloat16 plan rounds them first. */
static mixent_status lower_input(mixent_plan *plan) {
  size_t count = (size_t)plan->rows * mixent_layer_row(&plan->graph->layers[0]);
  int staging;
  MIXENT_TRY(mixent_plan_add_buffer(plan, count * mixent_data_type_size(plan->master_type), &staging));
  plan->buffers[staging].kept = true;
  plan->values[0] = staging;
  if (plan->types[0] == plan->master_type) return MIXENT_OK;
  return mixent_plan_add_cast(plan, 0, false, staging, &plan->values[0]);
}

static mixent_status lower_forward(mixent_plan *plan, bool reference, group *groups, int *group_count) {
  int last_layer = plan->graph->layer_count - 1;
  MIXENT_TRY(lower_input(plan));
  for (int layer = 1, covered; layer <= last_layer; layer += covered) {
    group *g = &groups[(*group_count)++];
    covered = 1;
    *g = (group){.first = layer};
    if (!reference && layer < last_layer && passes_through(plan, layer)) {
      g->last = layer;
      plan->values[layer] = plan->values[plan->graph->layers[layer].inputs[0]];
      continue;
    }
    g->pattern = find_pattern(plan, layer, reference, &covered);
    g->last = layer + covered - 1;
    MIXENT_TRY(mixent_plan_add_buffer(plan, value_bytes(plan, g->last), &plan->values[g->last]));
    MIXENT_TRY(g->pattern->lower_forward(plan, layer, &g->shared));
  }
  plan->buffers[plan->values[last_layer]].kept = true;
  return MIXENT_OK;
}

/* The buffers into which the layers that read `layer` put their share of its gradient. */
static int gradient_shares(const mixent_plan *plan, int layer, int *out) {
  int count = 0;
  for (int reader = layer + 1; reader < plan->graph->layer_count; reader++)
    for (int i = 0; i < plan->graph->layers[reader].input_count; i++)
      if (plan->graph->layers[reader].inputs[i] == layer && plan->input_gradients[reader][i] >= 0)
        out[count++] = plan->input_gradients[reader][i];
  return count;
}

/* Whether anything that learns lies at or before each layer. */
static void find_learners(const mixent_graph *graph, bool *learns) {
  learns[0] = false;
  for (int l = 1; l < graph->layer_count; l++) {
    learns[l] = graph->layers[l].parameters[0] >= 0;
    for (int i = 0; i < graph->layers[l].input_count; i++) learns[l] |= learns[graph->layers[l].inputs[i]];
  }
}

static mixent_status lower_group_backward(mixent_plan *plan, const group *g, const bool *learns,
                                          int *shares) {
  if (g->last < plan->graph->layer_count - 1) {
    int count = gradient_shares(plan, g->last, shares);
    if (!learns[g->last] || count == 0) return MIXENT_OK;
    plan->value_gradients[g->last] = shares[0];
    if (count == 2 && g->pattern == mixent_norm_patterns && mixent_norm_adds_gradients(plan, g->first))
      plan->more_gradients[g->last] = shares[1];
    else if (count > 1)
      MIXENT_TRY(mixent_plan_add_sum(plan, g->last, shares, count));
  }
  for (int l = g->first; l <= g->last; l++)
    for (int i = 0; i < plan->graph->layers[l].input_count; i++) {
      int input = plan->graph->layers[l].inputs[i], *gradient = &plan->input_gradients[l][i];
      if (!learns[input] || input >= g->first) continue; /* not wanted, or the group's own affair */
      if (g->pattern)
        MIXENT_TRY(mixent_plan_add_buffer(plan, value_bytes(plan, input), gradient));
      else
        *gradient = plan->value_gradients[g->last];
    }
  return g->pattern ? g->pattern->lower_backward(plan, g->first, g->shared) : MIXENT_OK;
}

static mixent_status lower_backward(mixent_plan *plan, const group *groups, int group_count) {
  int last_layer = plan->graph->layer_count - 1, *shares;
  bool *learns;
  MIXENT_TRY(mixent_plan_allocate(plan, (size_t)plan->graph->layer_count * sizeof *learns, (void **)&learns));
  MIXENT_TRY(mixent_plan_allocate(plan, (size_t)plan->graph->layer_count * MIXENT_MAX_INPUTS * sizeof *shares,
                                  (void **)&shares));
  find_learners(plan->graph, learns);
  MIXENT_TRY(mixent_plan_add_buffer(plan, value_bytes(plan, last_layer), &plan->value_gradients[last_layer]));
  plan->buffers[plan->value_gradients[last_layer]].kept = true;
  for (int i = group_count - 1; i >= 0; i--)
    MIXENT_TRY(lower_group_backward(plan, &groups[i], learns, shares));
  return MIXENT_OK;
}

static mixent_status allocate_tables(mixent_plan *plan, group **groups) {
  size_t layers = (size_t)plan->graph->layer_count;
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof(int), (void **)&plan->values));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof(int), (void **)&plan->value_gradients));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof(int), (void **)&plan->more_gradients));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof(int), (void **)&plan->consumers));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof *plan->types, (void **)&plan->types));
  MIXENT_TRY(
      mixent_plan_allocate(plan, layers * sizeof *plan->input_gradients, (void **)&plan->input_gradients));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof **groups, (void **)groups));
  for (size_t l = 0; l < layers; l++) {
    const mixent_layer *layer = &plan->graph->layers[l];
    plan->values[l] = plan->value_gradients[l] = plan->more_gradients[l] = -1;
    plan->types[l] = l + 1 < layers ? plan->value_type : plan->master_type;
    for (int i = 0; i < MIXENT_MAX_INPUTS; i++) plan->input_gradients[l][i] = -1;
    for (int i = 0; i < layer->input_count; i++) plan->consumers[layer->inputs[i]]++;
    /* the logits of an ensemble's members are as precise as those of a network alone */
    for (int i = 0; i < layer->input_count && mixent_layer_is(layer, MIXENT_LAYER_MEAN_PROBABILITY); i++)
      plan->types[layer->inputs[i]] = plan->master_type;
  }
  return MIXENT_OK;
}

mixent_status mixent_plan_create(const mixent_graph *graph, const mixent_net_options *options,
                                 mixent_plan **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  mixent_plan *plan = *out;
  plan->graph = graph;
  plan->options = options;
  plan->rows = options->batch;
  plan->first_row = options->first_row;
  plan->threads = mixent_threads();
  plan->training = options->training;
  plan->frozen = options->frozen;
  plan->int8 = options->precision == MIXENT_QUANTIZED;
  plan->master_type = options->precision == MIXENT_FP64 ? MIXENT_TYPE_F64 : MIXENT_TYPE_F32;
  plan->value_type = options->precision == MIXENT_BF16 ? MIXENT_TYPE_BF16 : plan->master_type;
  group *groups;
  int group_count = 0;
  mixent_status status = allocate_tables(plan, &groups);
  if (status == MIXENT_OK) status = lower_forward(plan, options->reference, groups, &group_count);
  if (status == MIXENT_OK && options->training) status = lower_backward(plan, groups, group_count);
  if (status == MIXENT_OK) status = mixent_plan_place_buffers(plan);
  plan->options = NULL;
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_plan_free(plan);
  *out = NULL;
  return status;
}
