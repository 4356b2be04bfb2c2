/* What an exported C file computes, in order, and where its values lie in one array of floats. A convolution takes in the ReLU
 * and the max pooling that follow it; a step that may overwrite what it reads does, where nobody else reads that. */
#ifndef MIXENT_MODEL_C_PLAN_H
#define MIXENT_MODEL_C_PLAN_H

#include "net/graph/graph.h"
#include "net/plan/arena.h"

typedef struct mixent_c_step {
  int layer;     /* the first layer it computes */
  int value;     /* the layer whose value it gives */
  bool relu;     /* a convolution or linear layer with the ReLU after it */
  int pool;      /* a convolution with the max pooling after it: its side; else 1 */
  bool in_place; /* its value takes the place of its first input */
} mixent_c_step;

typedef struct mixent_c_plan {
  mixent_c_step *steps; /* none for layers that only rename a value */
  int step_count;
  int *buffer; /* per layer: the buffer of its value; -1: no step gives it */
  mixent_buffer *buffers;
  int buffer_count;
  size_t floats; /* of the array */
} mixent_c_plan;

/* Of a folded graph. */
mixent_status mixent_c_plan_make(const mixent_graph *graph, mixent_c_plan *out);
/* Safe on a zeroed struct. */
void mixent_c_plan_free(mixent_c_plan *plan);

/* The place of a layer's value in the array. */
static inline size_t mixent_c_place(const mixent_c_plan *plan, int layer) {
  return plan->buffers[plan->buffer[layer]].offset / sizeof(float);
}

#endif
