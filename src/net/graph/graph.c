/* The graph as an object: its tensors, what it tells about itself, initial parameters. How a description becomes layers is in describe.c. */
#include "net/graph/graph.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/status.h"
#include "core/threads.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Puts "<layer>.<suffix>" at the end of `tensors`, which stands for `*total` elements so far. */
static mixent_status add_tensor(mixent_tensor **tensors, int *tensor_count, size_t *total,
                                const mixent_layer *layer, const char *suffix, int dimensions,
                                const int64_t *shape) {
  MIXENT_TRY(MIXENT_GROW(tensors, *tensor_count, "the tensors of a layer"));
  mixent_text name = {0};
  mixent_text_append(&name, "%s.%s", layer->name, suffix);
  if (name.failed) {
    mixent_text_free(&name);
    return mixent_no_memory("the tensors of a layer");
  }
  mixent_tensor *tensor = &(*tensors)[(*tensor_count)++];
  *tensor = (mixent_tensor){.name = name.data, .dimensions = dimensions, .offset = *total, .count = 1};
  for (int i = 0; i < dimensions; i++) {
    tensor->shape[i] = shape[i];
    tensor->count *= (size_t)shape[i];
  }
  tensor->decay = dimensions > 1;
  *total += tensor->count;
  return MIXENT_OK;
}

mixent_status mixent_graph_add_parameter(mixent_graph *graph, mixent_layer *layer, const char *suffix,
                                         int dimensions, const int64_t *shape, mixent_init init, double scale,
                                         int *index) {
  *index = graph->parameter_tensors;
  MIXENT_TRY(MIXENT_GROW(&graph->parameter_init, *index, "the parameters of a layer"));
  MIXENT_TRY(MIXENT_GROW(&graph->parameter_scale, *index, "the parameters of a layer"));
  graph->parameter_init[*index] = init;
  graph->parameter_scale[*index] = scale;
  return add_tensor(&graph->parameters, &graph->parameter_tensors, &graph->parameter_count, layer, suffix,
                    dimensions, shape);
}

mixent_status mixent_graph_add_statistic(mixent_graph *graph, mixent_layer *layer, const char *suffix,
                                         int64_t count, int *index) {
  *index = graph->statistic_tensors;
  return add_tensor(&graph->statistics, &graph->statistic_tensors, &graph->statistic_count, layer, suffix, 1,
                    &count);
}

void mixent_graph_free(mixent_graph *graph) {
  if (!graph) return;
  for (int i = 0; i < graph->layer_count; i++) free(graph->layers[i].name);
  for (int i = 0; i < graph->parameter_tensors; i++) free((char *)graph->parameters[i].name);
  for (int i = 0; i < graph->statistic_tensors; i++) free((char *)graph->statistics[i].name);
  free(graph->layers);
  free(graph->parameters);
  free(graph->statistics);
  free(graph->parameter_init);
  free(graph->parameter_scale);
  free(graph->name);
  free(graph->text);
  free(graph);
}

const char *mixent_graph_text(const mixent_graph *graph) {
  MIXENT_NEED_OR(graph, NULL);
  return graph->text;
}
const char *mixent_graph_name(const mixent_graph *graph) {
  MIXENT_NEED_OR(graph, NULL);
  return graph->name;
}
size_t mixent_graph_parameter_count(const mixent_graph *graph) {
  MIXENT_NEED_OR(graph, 0);
  return graph->parameter_count;
}
size_t mixent_graph_statistic_count(const mixent_graph *graph) {
  MIXENT_NEED_OR(graph, 0);
  return graph->statistic_count;
}

const mixent_tensor *mixent_graph_parameters(const mixent_graph *graph, size_t *count) {
  MIXENT_NEED_OR(graph, NULL);
  MIXENT_NEED_OR(count, NULL);
  *count = (size_t)graph->parameter_tensors;
  return graph->parameters;
}

const mixent_tensor *mixent_graph_statistics(const mixent_graph *graph, size_t *count) {
  MIXENT_NEED_OR(graph, NULL);
  MIXENT_NEED_OR(count, NULL);
  *count = (size_t)graph->statistic_tensors;
  return graph->statistics;
}

/* One tensor being drawn. */
typedef struct draw {
  mixent_random random;
  mixent_init init;
  double scale;
  float *out;
} draw;

/* Each element has a block of random words of its own: two uniforms, for Box and Muller's normal or the first
 * alone. */
static void draw_elements(void *context, size_t begin, size_t end) {
  const draw *draw = context;
  for (size_t i = begin; i < end; i++) {
    if (draw->init == MIXENT_INIT_CONSTANT) {
      draw->out[i] = (float)draw->scale;
      continue;
    }
    uint32_t words[4];
    mixent_random_block(&draw->random, 0, i, words);
    double u = mixent_uniform_double(words[0], words[1]), v = mixent_uniform_double(words[2], words[3]);
    double value = draw->init == MIXENT_INIT_NORMAL ? sqrt(-2 * log1p(-u)) * cos(2 * M_PI * v) : 2 * u - 1;
    draw->out[i] = (float)(draw->scale * value);
  }
}

void mixent_graph_initialize(const mixent_graph *graph, uint64_t seed, float *parameters, float *statistics) {
  MIXENT_NEED_OR(graph, );
  MIXENT_NEED_OR(parameters, );
  if (graph->statistic_count) MIXENT_NEED_OR(statistics, );
  for (int i = 0; i < graph->parameter_tensors; i++) {
    const mixent_tensor *tensor = &graph->parameters[i];
    draw draw = {mixent_random_stream(seed, "init", tensor->name), graph->parameter_init[i],
                 graph->parameter_scale[i], parameters + tensor->offset};
    mixent_parallel_for(tensor->count, 4096, draw_elements, &draw);
  }
  for (int i = 0; i < graph->statistic_tensors; i++) /* running mean, running variance, running mean, … */
    for (size_t j = 0; j < graph->statistics[i].count; j++)
      statistics[graph->statistics[i].offset + j] = (float)(i % 2);
}
