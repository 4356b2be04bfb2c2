/* The plan of an exported C file: steps, lives of values, places. A step's number is that of its first layer. */
#include "model/c_plan.h"
#include "core/memory.h"
#include "net/graph/layer.h"

#include <stdlib.h>

typedef struct planning {
  const mixent_graph *graph;
  mixent_c_plan *plan;
  int *readers; /* per layer: how many layers read its value */
  int *begin;   /* per layer: the first layer of the step that computes it */
  int *last;    /* per layer: the last step that reads its value */
} planning;

static const mixent_layer *layer_at(const planning *p, int l) {
  return &p->graph->layers[l];
}

/* The layer after `l`, if it is of that kind and alone reads its value; else -1. */
static int follower(const planning *p, int l, mixent_layer_kind kind) {
  int next = l + 1;
  if (next >= p->graph->layer_count || p->readers[l] != 1) return -1;
  const mixent_layer *layer = layer_at(p, next);
  return mixent_layer_is(layer, kind) && layer->inputs[0] == l ? next : -1;
}

static bool is_weighted(const mixent_layer *layer) {
  return mixent_layer_is(layer, MIXENT_LAYER_CONV2D) || mixent_layer_is(layer, MIXENT_LAYER_LINEAR);
}

/* Windows that neither overlap nor leave the map: then each sum is needed once. */
static bool is_plain_pool(const mixent_layer *pool) {
  return pool->stride == pool->kernel && pool->padding == 0;
}

/* A flatten whose vector lies as its map does. */
static bool is_renaming(const planning *p, const mixent_layer *layer) {
  if (!mixent_layer_is(layer, MIXENT_LAYER_FLATTEN)) return false;
  const mixent_layer *input = layer_at(p, layer->inputs[0]);
  return input->channels == 1 || input->height * input->width == 1;
}

static mixent_c_step make_step(const planning *p, int l) {
  mixent_c_step step = {.layer = l, .value = l, .pool = 1};
  if (!is_weighted(layer_at(p, l))) return step;
  int relu = follower(p, step.value, MIXENT_LAYER_RELU);
  if (relu >= 0) step.relu = true, step.value = relu;
  int pool = follower(p, step.value, MIXENT_LAYER_MAX_POOL);
  if (pool >= 0 && is_plain_pool(layer_at(p, pool))) step.pool = layer_at(p, pool)->kernel, step.value = pool;
  return step;
}

static void make_steps(planning *p) {
  for (int l = 1; l < p->graph->layer_count; l++) {
    p->begin[l] = l;
    if (is_renaming(p, layer_at(p, l))) continue;
    mixent_c_step step = make_step(p, l);
    for (; l < step.value; l++) p->begin[l + 1] = step.layer;
    p->plan->steps[p->plan->step_count++] = step;
  }
}

static void find_readers(planning *p) {
  int count = p->graph->layer_count;
  for (int l = 1; l < count; l++)
    for (int i = 0; i < layer_at(p, l)->input_count; i++) p->readers[layer_at(p, l)->inputs[i]]++;
  p->readers[count - 1]++; /* the caller */
}

static void find_last_readers(planning *p) {
  int count = p->graph->layer_count;
  for (int l = 1; l < count; l++)
    for (int i = 0; i < layer_at(p, l)->input_count; i++) p->last[layer_at(p, l)->inputs[i]] = p->begin[l];
  p->last[count - 1] = count;
}

/* Whether the step's code may write over its first input. */
static bool may_overwrite(const planning *p, const mixent_c_step *step) {
  const mixent_layer *layer = layer_at(p, step->layer);
  switch (layer->type->kind) {
  case MIXENT_LAYER_BATCH_NORM:
  case MIXENT_LAYER_RELU:
  case MIXENT_LAYER_GELU:
  case MIXENT_LAYER_SILU:
  case MIXENT_LAYER_GLOBAL_POOL: return true;
  case MIXENT_LAYER_MAX_POOL: return layer->padding == 0;
  case MIXENT_LAYER_ADD:
    for (int i = 1; i < layer->input_count; i++)
      if (p->plan->buffer[layer->inputs[i]] == p->plan->buffer[layer->inputs[0]]) return false;
    return true;
  default: return false;
  }
}

static int larger(int a, int b) {
  return a > b ? a : b;
}

/* The value of layer `l`, made by step `begin`, in a buffer of its own. */
static void add_buffer(planning *p, int l, int begin, size_t extra) {
  mixent_c_plan *plan = p->plan;
  plan->buffer[l] = plan->buffer_count;
  plan->buffers[plan->buffer_count++] =
      (mixent_buffer){.bytes = (mixent_layer_row(layer_at(p, l)) + extra) * sizeof(float),
                      .first = begin,
                      .last = larger(begin, p->last[l])};
}

/* The value of layer `l` in the buffer of `other`. */
static void share_buffer(planning *p, int l, int other) {
  p->plan->buffer[l] = p->plan->buffer[other];
  mixent_buffer *buffer = &p->plan->buffers[p->plan->buffer[l]];
  buffer->last = larger(buffer->last, p->last[l]);
}

static void give_buffer(planning *p, mixent_c_step *step) {
  const mixent_layer *layer = layer_at(p, step->layer);
  int input = layer->inputs[0];
  step->in_place = may_overwrite(p, step) && p->plan->buffers[p->plan->buffer[input]].last <= step->layer;
  if (step->in_place)
    share_buffer(p, step->value, input);
  else /* a mean of predictions has its normalisers behind it */
    add_buffer(p, step->value, step->layer,
               mixent_layer_is(layer, MIXENT_LAYER_MEAN_PROBABILITY) ? (size_t)layer->input_count : 0);
}

static mixent_status place_values(planning *p) {
  mixent_c_plan *plan = p->plan;
  for (int l = 0; l < p->graph->layer_count; l++) plan->buffer[l] = -1;
  add_buffer(p, 0, 0, 0);
  for (int l = 1, s = 0; l < p->graph->layer_count; l++) {
    if (is_renaming(p, layer_at(p, l)))
      share_buffer(p, l, layer_at(p, l)->inputs[0]);
    else if (s < plan->step_count && plan->steps[s].layer == l)
      give_buffer(p, &plan->steps[s++]);
  }
  size_t bytes;
  MIXENT_TRY(mixent_buffers_place(plan->buffers, plan->buffer_count, &bytes));
  plan->floats = bytes / sizeof(float);
  return MIXENT_OK;
}

static mixent_status allocate_tables(planning *p) {
  int count = p->graph->layer_count;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &p->readers));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &p->begin));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &p->last));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &p->plan->steps));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &p->plan->buffer));
  return MIXENT_ALLOCATE(count, &p->plan->buffers);
}

mixent_status mixent_c_plan_make(const mixent_graph *graph, mixent_c_plan *out) {
  *out = (mixent_c_plan){0};
  planning p = {.graph = graph, .plan = out};
  mixent_status status = allocate_tables(&p);
  if (status == MIXENT_OK) {
    find_readers(&p);
    make_steps(&p);
    find_last_readers(&p);
    status = place_values(&p);
  }
  free(p.readers);
  free(p.begin);
  free(p.last);
  if (status != MIXENT_OK) mixent_c_plan_free(out);
  return status;
}

void mixent_c_plan_free(mixent_c_plan *plan) {
  free(plan->steps);
  free(plan->buffer);
  free(plan->buffers);
  *plan = (mixent_c_plan){0};
}
