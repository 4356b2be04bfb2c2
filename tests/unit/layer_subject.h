/* One layer with all its arrays, filled with random numbers, for the tests of the plain references. */
#ifndef MIXENT_TESTS_LAYER_SUBJECT_H
#define MIXENT_TESTS_LAYER_SUBJECT_H

#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "net/graph/layer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PROBES = 24 }; /* elements of one array that are tried by finite differences */

typedef struct shape {
  int channels, height, width;
} shape;

/* One layer over inputs of given shapes, with all its arrays. */
typedef struct subject {
  mixent_graph *graph;
  const mixent_layer *layer;
  mixent_layer_call call;
} subject;

/* A stream of numbers for one test. */
typedef struct numbers {
  mixent_random random;
  uint64_t next;
} numbers;

static inline numbers numbers_from(uint64_t seed) {
  return (numbers){mixent_random_stream(seed, "test", "layers"), 0};
}

static inline double draw(numbers *numbers) { /* uniform in [0, 1) */
  uint32_t words[4];
  mixent_random_block(&numbers->random, 0, numbers->next++, words);
  return mixent_uniform_double(words[0], words[1]);
}

static inline int draw_integer(numbers *numbers, int low, int high) {
  return low + (int)(draw(numbers) * (high - low + 1));
}

static inline mixent_typed_array new_array(size_t count, mixent_data_type type) {
  mixent_typed_array array = {NULL, type};
  assert_int_equal(mixent_allocate(count * mixent_data_type_size(type), &array.data), MIXENT_OK);
  return array;
}

/* Values that are bfloat16, all different if there are few, and never near 0: so no kink is near any. */
static inline void fill(mixent_typed_array array, size_t count, numbers *numbers) {
  for (size_t i = 0; i < count; i++) {
    double value = 0.05 + draw(numbers);
    value = draw(numbers) < 0.5 ? value : -value;
    mixent_put(array, i, mixent_bf16_to_float(mixent_bf16_from_float((float)value)));
  }
}

static inline size_t input_size(const subject *s, int i) {
  return (size_t)s->call.rows * mixent_layer_row(&s->graph->layers[s->layer->inputs[i]]);
}

static inline size_t output_size(const subject *s) {
  return (size_t)s->call.rows * mixent_layer_row(s->layer);
}

static inline size_t parameter_size(const subject *s, int i) {
  return s->layer->parameters[i] < 0 ? 0 : s->graph->parameters[s->layer->parameters[i]].count;
}

static inline void allocate_arrays(subject *s, mixent_data_type type, mixent_data_type master,
                                   uint64_t seed) {
  numbers numbers = numbers_from(seed);
  mixent_layer_call *call = &s->call;
  for (int i = 0; i < s->layer->input_count; i++) {
    call->inputs[i] = new_array(input_size(s, i), type);
    call->input_gradients[i] = new_array(input_size(s, i), type);
    fill(call->inputs[i], input_size(s, i), &numbers);
  }
  call->output = new_array(output_size(s), type);
  call->output_gradient = new_array(output_size(s), type);
  fill(call->output_gradient, output_size(s), &numbers);
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++) {
    if (parameter_size(s, i)) {
      call->parameters[i] = new_array(parameter_size(s, i), master);
      call->parameter_gradients[i] = new_array(parameter_size(s, i), master);
      fill(call->parameters[i], parameter_size(s, i), &numbers);
    }
    if (s->layer->statistics[i] >= 0) {
      size_t count = s->graph->statistics[s->layer->statistics[i]].count;
      call->statistics[i] = new_array(count, master);
      for (size_t j = 0; j < count; j++) mixent_put(call->statistics[i], j, 0.5 + (double)(j % 4) / 4);
    }
  }
  if (s->layer->type->saved_bytes)
    assert_int_equal(
        mixent_allocate(s->layer->type->saved_bytes(s->graph, s->layer, call->rows), &call->saved),
        MIXENT_OK);
}

static inline subject make(const char *kind, const char *fields, int rows, mixent_data_type type,
                           uint64_t seed, int inputs, const shape *shapes) {
  subject s = {.call = {.rows = rows, .mode = MIXENT_TRAIN, .seed = seed}};
  char text[256];
  mixent_yaml *root;
  snprintf(text, sizeof text, "%s: %s\n", kind, fields);
  assert_int_equal(mixent_yaml_parse(text, strlen(text), "t", &root), MIXENT_OK);
  assert_int_equal(MIXENT_ALLOCATE(1, &s.graph), MIXENT_OK);
  assert_int_equal(MIXENT_ALLOCATE(inputs + 1, &s.graph->layers), MIXENT_OK);
  s.graph->options.dropout = -1;
  mixent_layer *layer = &s.graph->layers[inputs];
  for (int i = 0; i < inputs; i++) {
    mixent_layer *input = &s.graph->layers[s.graph->layer_count++];
    input->channels = shapes[i].channels, input->height = shapes[i].height, input->width = shapes[i].width;
    layer->inputs[layer->input_count++] = i;
  }
  s.graph->layer_count++;
  layer->name = strdup(kind);
  layer->type = mixent_layer_type_find(kind);
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++) layer->parameters[i] = layer->statistics[i] = -1;
  if (layer->type->describe(s.graph, layer, &root->children[0]) != MIXENT_OK)
    fail_msg("%s", mixent_last_error());
  mixent_yaml_free(root);
  s.layer = layer;
  allocate_arrays(&s, type, type == MIXENT_TYPE_F64 ? MIXENT_TYPE_F64 : MIXENT_TYPE_F32, seed);
  return s;
}

static inline subject make_one(const char *kind, const char *fields, int rows, uint64_t seed, shape shape) {
  return make(kind, fields, rows, MIXENT_TYPE_F64, seed, 1, &shape);
}

static inline void drop(subject *s) {
  for (int i = 0; i < MIXENT_MAX_INPUTS; i++)
    free(s->call.inputs[i].data), free(s->call.input_gradients[i].data);
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++)
    free(s->call.parameters[i].data), free(s->call.parameter_gradients[i].data),
        free(s->call.statistics[i].data);
  free(s->call.output.data), free(s->call.output_gradient.data), free(s->call.saved);
  mixent_graph_free(s->graph);
}

static inline void forward(const subject *s) {
  s->layer->type->forward(s->graph, s->layer, &s->call);
}
static inline void backward(const subject *s) {
  s->layer->type->backward(s->graph, s->layer, &s->call);
}

/* <output gradient, output>: its derivative is what backward computes. */
static inline double objective(const subject *s) {
  forward(s);
  double sum = 0;
  for (size_t i = 0; i < output_size(s); i++)
    sum += mixent_get(s->call.output_gradient, i) * mixent_get(s->call.output, i);
  return sum;
}

static inline void probe(const subject *s, mixent_typed_array values, mixent_typed_array gradients,
                         size_t count, const char *what) {
  const double step = 1e-5;
  numbers numbers = numbers_from(count);
  for (size_t k = 0; k < count && k < MOST_PROBES; k++) {
    size_t i = count <= MOST_PROBES ? k : (size_t)(draw(&numbers) * (double)count);
    double value = mixent_get(values, i);
    mixent_put(values, i, value + step);
    double above = objective(s);
    mixent_put(values, i, value - step);
    double below = objective(s);
    mixent_put(values, i, value);
    double numeric = (above - below) / (2 * step), exact = mixent_get(gradients, i);
    if (!(fabs(numeric - exact) < 1e-6 * (1 + fabs(exact))))
      fail_msg("%s, %s[%zu]: backward says %.12g, finite differences %.12g", s->layer->type->name, what, i,
               exact, numeric);
  }
}

static inline void poison(mixent_typed_array array, size_t count) {
  for (size_t i = 0; i < count; i++) mixent_put(array, i, NAN);
}

/* Gradients are overwritten, whatever stood there, and are those of finite differences. */
static inline void check_gradients(const subject *s) {
  const mixent_layer_call *call = &s->call;
  for (int i = 0; i < s->layer->input_count; i++) poison(call->input_gradients[i], input_size(s, i));
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++)
    poison(call->parameter_gradients[i], parameter_size(s, i));
  forward(s);
  backward(s);
  for (int i = 0; i < s->layer->input_count; i++)
    probe(s, call->inputs[i], call->input_gradients[i], input_size(s, i), "input");
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++)
    probe(s, call->parameters[i], call->parameter_gradients[i], parameter_size(s, i), i ? "bias" : "weight");
}

static inline void check_and_drop(subject s) {
  check_gradients(&s);
  drop(&s);
}

#endif
