/* The layer graph: what a network is, before any thought of how it runs. Layers stand in the order they are
 * computed; layer 0 is the input. Every value is [rows, height, width, channels] (channels last). */
#ifndef MIXENT_NET_GRAPH_GRAPH_H
#define MIXENT_NET_GRAPH_GRAPH_H

#include "core/yaml.h"
#include "mixent/net.h"

enum { MIXENT_MAX_INPUTS = 16, MIXENT_MAX_LAYER_TENSORS = 2 };

typedef struct mixent_layer_type mixent_layer_type;

typedef struct mixent_layer {
  const mixent_layer_type *type; /* NULL for the input */
  char *name;                    /* as given, or type and number ("relu3") */
  int inputs[MIXENT_MAX_INPUTS]; /* layers whose values this one reads, all before it */
  int input_count;
  int channels, height, width; /* of its value */
  /* parameters (weight, bias) and statistics (running mean, running variance) as indices into the graph's
   * tensors; -1 */
  int parameters[MIXENT_MAX_LAYER_TENSORS];
  int statistics[MIXENT_MAX_LAYER_TENSORS];
  /* what the kinds need; each documented in its layer file */
  int kernel, stride, padding; /* conv2d, max_pool */
  int begin, end;              /* split: the channels it keeps */
  double rate;                 /* dropout */
  double epsilon, momentum;    /* batch_norm: 1e-5, 0.1 */
  float range; /* in folded graphs: its value is nearly always within [0, range]; 0: not known */
} mixent_layer;

typedef enum mixent_init {
  MIXENT_INIT_NORMAL,  /* normal, standard deviation `scale` */
  MIXENT_INIT_UNIFORM, /* uniform in [-scale, scale] */
  MIXENT_INIT_CONSTANT /* the value `scale` */
} mixent_init;

struct mixent_graph {
  char *name, *text;
  mixent_layer *layers;
  int layer_count; /* the last layer's value is the logits */
  mixent_tensor *parameters, *statistics;
  mixent_init *parameter_init;
  double *parameter_scale;
  int parameter_tensors, statistic_tensors;
  size_t parameter_count, statistic_count;
  mixent_graph_options options;
};

/* Whether mixent_graph_open would find a network of that name, or a file that could describe one; reads nothing else. */
mixent_status mixent_graph_check_name(const char *name_or_file);

/* For layer kinds, while a graph is being read: adds "<layer>.<suffix>" and returns its index in *index. */
mixent_status mixent_graph_add_parameter(mixent_graph *graph, mixent_layer *layer, const char *suffix,
                                         int dimensions, const int64_t *shape, mixent_init init, double scale,
                                         int *index);
mixent_status mixent_graph_add_statistic(mixent_graph *graph, mixent_layer *layer, const char *suffix,
                                         int64_t count, int *index);

#endif
