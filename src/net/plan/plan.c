/* Lowering: which pattern covers which layers, which buffers hold values and gradients, how long each is
 * alive, and where in the arena it lies. Forward steps first, backward steps after them in reverse. */
#include "net/plan/plan.h"
#include "core/memory.h"
#include "core/threads.h"

#include <stdlib.h>

mixent_status mixent_plan_add_buffer(mixent_plan *plan, size_t bytes, int *buffer) {
  if (plan->buffer_count == plan->buffer_capacity) {
    int capacity = 2 * plan->buffer_capacity + 64;
    mixent_buffer *buffers = realloc(plan->buffers, (size_t)capacity * sizeof *buffers);
    if (!buffers) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a plan of %d buffers", capacity);
    plan->buffers = buffers;
    plan->buffer_capacity = capacity;
  }
  *buffer = plan->buffer_count++;
  plan->buffers[*buffer] = (mixent_buffer){.bytes = (bytes + 63) / 64 * 64, .first = -1, .last = -1};
  return MIXENT_OK;
}

static mixent_status make_room_for_step(mixent_plan *plan) {
  if (plan->step_count < plan->step_capacity) return MIXENT_OK;
  int capacity = 2 * plan->step_capacity + 64;
  mixent_step *steps = realloc(plan->steps, (size_t)capacity * sizeof *steps);
  if (!steps) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a plan of %d steps", capacity);
  plan->steps = steps;
  plan->step_capacity = capacity;
  return MIXENT_OK;
}

mixent_status mixent_plan_add_step(mixent_plan *plan, mixent_step step, const int *buffers) {
  mixent_status status = make_room_for_step(plan);
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
  void **owned = realloc(plan->owned, (size_t)(plan->owned_count + 1) * sizeof *owned);
  if (!owned) return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a plan");
  plan->owned = owned;
  MIXENT_TRY(mixent_allocate(bytes, out));
  plan->owned[plan->owned_count++] = *out;
  return MIXENT_OK;
}

/* The layers first..last that one pattern covers; no pattern: the value passes through unchanged. */
typedef struct group {
  int first, last;
  const mixent_backend_pattern *pattern;
  void *shared;
} group;

/* A map of 1x1 is flat already and is its own mean. */
static bool passes_through(const mixent_plan *plan, int layer) {
  const mixent_layer *l = &plan->graph->layers[layer], *input = &plan->graph->layers[l->inputs[0]];
  return (strcmp(l->type->name, "flatten") == 0 || strcmp(l->type->name, "global_pool") == 0) &&
         input->height == 1 && input->width == 1;
}

static const mixent_backend_pattern *find_pattern(const mixent_plan *plan, int layer, bool reference,
                                                  int *covered) {
  const mixent_backend_pattern *const backends[] = {mixent_convolution_patterns, mixent_norm_patterns,
                                                    mixent_onednn_patterns, mixent_elementwise_patterns,
                                                    mixent_reference_patterns};
  for (int b = reference ? 4 : 0; b < 5; b++)
    for (const mixent_backend_pattern *pattern = backends[b]; pattern->name; pattern++)
      if ((*covered = pattern->match(plan, layer)) > 0) return pattern;
  return NULL;
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
  return strcmp(next->type->name, "relu") == 0 && next->inputs[0] == layer && plan->consumers[layer] == 1;
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
  if (strcmp(layer->type->name, "linear") == 0) return products;
  if (strcmp(layer->type->name, "conv2d") != 0) return 0;
  return products * meeting_taps(layer->height, input->height, layer) *
         meeting_taps(layer->width, input->width, layer);
}

static size_t value_bytes(const mixent_plan *plan, int layer) {
  return (size_t)plan->rows * mixent_layer_row(&plan->graph->layers[layer]) *
         mixent_data_type_size(plan->types[layer]);
}

/* The network's input arrives as floats; a bfloat16 plan rounds it first. */
typedef struct input_step {
  const mixent_plan *plan;
  int from, to;
  size_t count;
  const float *source; /* of the run under way */
  uint16_t *target;
} input_step;

static void round_range(void *context, size_t begin, size_t end) {
  const input_step *step = context;
  for (size_t i = begin; i < end; i++) step->target[i] = mixent_bf16_from_float(step->source[i]);
}

static mixent_status run_input(void *state, const mixent_run *run) {
  input_step *step = state;
  step->source = mixent_plan_address(step->plan, run, step->from);
  step->target = mixent_plan_address(step->plan, run, step->to);
  mixent_parallel_for(step->count, 1 << 14, round_range, step);
  return MIXENT_OK;
}

/* Buffer 0 is always the staging area the caller fills. */
static mixent_status lower_input(mixent_plan *plan) {
  size_t count = (size_t)plan->rows * mixent_layer_row(&plan->graph->layers[0]);
  int staging;
  MIXENT_TRY(mixent_plan_add_buffer(plan, count * mixent_data_type_size(plan->master_type), &staging));
  plan->buffers[staging].kept = true;
  plan->values[0] = staging;
  if (plan->types[0] == plan->master_type) return MIXENT_OK;
  MIXENT_TRY(mixent_plan_add_buffer(plan, value_bytes(plan, 0), &plan->values[0]));
  input_step *step;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &step));
  *step = (input_step){.plan = plan, .from = staging, .to = plan->values[0], .count = count};
  return mixent_plan_add_step(
      plan,
      (mixent_step){
          .pass = "input to bf16", .backend = "plain", .state = step, .run = run_input, .destroy = free},
      (int[]){staging, plan->values[0], -1});
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
    if (count > 1) MIXENT_TRY(mixent_plan_add_sum(plan, g->last, shares, count));
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

static void find_lifetimes(mixent_plan *plan) {
  for (int s = 0; s < plan->step_count; s++)
    for (int i = 0; i < plan->steps[s].buffer_count; i++) {
      mixent_buffer *buffer = &plan->buffers[plan->steps[s].buffers[i]];
      if (buffer->first < 0) buffer->first = s;
      buffer->last = s;
    }
  for (int b = 0; b < plan->buffer_count; b++)
    if (plan->buffers[b].kept) plan->buffers[b].first = 0, plan->buffers[b].last = plan->step_count;
}

/* Places the largest buffers first, each as low as those alive at the same time allow. */
static mixent_status place_buffers(mixent_plan *plan) {
  int count = plan->buffer_count, *order, placed = 0;
  MIXENT_TRY(mixent_plan_allocate(plan, (size_t)count * sizeof *order, (void **)&order));
  for (int i = 0; i < count; i++) { /* insertion by size, ties in order of making */
    int at = i;
    for (; at > 0 && plan->buffers[order[at - 1]].bytes < plan->buffers[i].bytes; at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  for (int i = 0; i < count; i++) {
    mixent_buffer *buffer = &plan->buffers[order[i]];
    if (buffer->first < 0) continue; /* no step touches it */
    for (bool moved = true; moved;) {
      moved = false;
      for (int j = 0; j < placed; j++) {
        const mixent_buffer *other = &plan->buffers[order[j]];
        bool apart = other->last < buffer->first || buffer->last < other->first ||
                     other->offset + other->bytes <= buffer->offset ||
                     buffer->offset + buffer->bytes <= other->offset;
        if (apart) continue;
        buffer->offset = other->offset + other->bytes;
        moved = true;
      }
    }
    order[placed++] = order[i];
    if (buffer->offset + buffer->bytes > plan->arena_bytes)
      plan->arena_bytes = buffer->offset + buffer->bytes;
  }
  return mixent_allocate(plan->arena_bytes, (void **)&plan->arena);
}

static mixent_status allocate_tables(mixent_plan *plan, group **groups) {
  size_t layers = (size_t)plan->graph->layer_count;
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof(int), (void **)&plan->values));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof(int), (void **)&plan->value_gradients));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof(int), (void **)&plan->consumers));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof *plan->types, (void **)&plan->types));
  MIXENT_TRY(
      mixent_plan_allocate(plan, layers * sizeof *plan->input_gradients, (void **)&plan->input_gradients));
  MIXENT_TRY(mixent_plan_allocate(plan, layers * sizeof **groups, (void **)groups));
  for (size_t l = 0; l < layers; l++) {
    const mixent_layer *layer = &plan->graph->layers[l];
    plan->values[l] = plan->value_gradients[l] = -1;
    plan->types[l] = l + 1 < layers ? plan->value_type : plan->master_type;
    for (int i = 0; i < MIXENT_MAX_INPUTS; i++) plan->input_gradients[l][i] = -1;
    for (int i = 0; i < layer->input_count; i++) plan->consumers[layer->inputs[i]]++;
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
  if (status == MIXENT_OK) {
    find_lifetimes(plan);
    status = place_buffers(plan);
  }
  plan->options = NULL;
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_plan_free(plan);
  *out = NULL;
  return status;
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
