/* Folding: first which layer stands for which, then the layers that stay with their tensors, then the values
 * of the tensors. */
#include "net/graph/fold.h"
#include "core/memory.h"
#include "net/graph/layer.h"

#include <math.h>
#include <stdlib.h>

/* The work of one mixent_fold: `graph` is the old one, out->graph the new. */
typedef struct folding {
  const mixent_graph *graph;
  const float *parameters, *statistics; /* of the old graph */
  int *stands;                          /* per old layer: the old layer that gives its value */
  int *readers;                         /* per old layer: how many layers that stay read its value */
  int *new_index;                       /* per old layer that stays: its number in the new graph */
  double *scale, *shift;                /* room for the channels of one layer */
  mixent_folded *out;
} folding;

static bool is_weighted(const mixent_layer *layer) {
  return mixent_layer_is(layer, MIXENT_LAYER_CONV2D) || mixent_layer_is(layer, MIXENT_LAYER_LINEAR);
}

/* Dropout passes its input on; every other layer reads what its inputs stand for. */
static void pass_dropout(folding *f) {
  const mixent_graph *graph = f->graph;
  for (int l = 0; l < graph->layer_count; l++) {
    const mixent_layer *layer = &graph->layers[l];
    bool passes = mixent_layer_is(layer, MIXENT_LAYER_DROPOUT);
    f->stands[l] = passes ? f->stands[layer->inputs[0]] : l;
    for (int i = 0; i < layer->input_count && !passes; i++) f->readers[f->stands[layer->inputs[i]]]++;
  }
  f->readers[f->stands[graph->layer_count - 1]]++; /* the caller reads the logits */
}

/* In the order of computing, so that a batch norm after a batch norm goes the same way. */
static void pass_batch_norms(folding *f) {
  for (int l = 1; l < f->graph->layer_count; l++) {
    const mixent_layer *layer = &f->graph->layers[l];
    if (mixent_layer_is(layer, MIXENT_LAYER_DROPOUT)) {
      f->stands[l] = f->stands[layer->inputs[0]];
    } else if (mixent_layer_is(layer, MIXENT_LAYER_BATCH_NORM)) {
      int read = layer->inputs[0];
      while (mixent_layer_is(&f->graph->layers[read], MIXENT_LAYER_DROPOUT))
        read = f->graph->layers[read].inputs[0];
      int target = f->stands[read];
      if (is_weighted(&f->graph->layers[target]) && f->readers[read] == 1) f->stands[l] = target;
    }
  }
}

/* The suffix of a tensor's name: "c1.weight" -> "weight". */
static const char *suffix_of(const mixent_tensor *tensor) {
  return strrchr(tensor->name, '.') + 1;
}

static mixent_status copy_tensors(const mixent_graph *old, const mixent_layer *from, mixent_graph *graph,
                                  mixent_layer *layer) {
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++) {
    int p = from->parameters[i], s = from->statistics[i];
    if (p >= 0)
      MIXENT_TRY(mixent_graph_add_parameter(
          graph, layer, suffix_of(&old->parameters[p]), old->parameters[p].dimensions,
          old->parameters[p].shape, old->parameter_init[p], old->parameter_scale[p], &layer->parameters[i]));
    if (s >= 0)
      MIXENT_TRY(mixent_graph_add_statistic(graph, layer, suffix_of(&old->statistics[s]),
                                            old->statistics[s].shape[0], &layer->statistics[i]));
  }
  return MIXENT_OK;
}

/* Whether a batch norm became part of this layer. */
static bool takes_batch_norm(const folding *f, int layer) {
  for (int l = layer + 1; l < f->graph->layer_count; l++)
    if (f->stands[l] == layer && mixent_layer_is(&f->graph->layers[l], MIXENT_LAYER_BATCH_NORM)) return true;
  return false;
}

enum { DEVIATIONS = 6 }; /* how far from its mean a value may be and count */

/* The range of a ReLU's value, as the batch norm before it tells: in channel c its input has mean beta_c and
 * deviation |gamma_c| over the training images. 0: what it reads neither is a batch norm nor took one in. */
static float relu_range(const folding *f, const mixent_layer *relu) {
  const mixent_graph *graph = f->graph;
  int read = f->stands[relu->inputs[0]];
  int norm = mixent_layer_is(&graph->layers[read], MIXENT_LAYER_BATCH_NORM) ? read : -1;
  for (int l = read + 1; l < graph->layer_count; l++)
    if (f->stands[l] == read && mixent_layer_is(&graph->layers[l], MIXENT_LAYER_BATCH_NORM))
      norm = l; /* the last counts */
  if (norm < 0) return 0;
  const float *gamma = f->parameters + graph->parameters[graph->layers[norm].parameters[0]].offset;
  const float *beta = f->parameters + graph->parameters[graph->layers[norm].parameters[1]].offset;
  float range = 0;
  for (int c = 0; c < relu->channels; c++) range = fmaxf(range, beta[c] + DEVIATIONS * fabsf(gamma[c]));
  return range;
}

static float range_of(const folding *f, const mixent_layer *old, const mixent_layer *layer) {
  if (mixent_layer_is(old, MIXENT_LAYER_RELU)) return relu_range(f, old);
  return mixent_layer_is(old, MIXENT_LAYER_MAX_POOL) ? f->out->graph->layers[layer->inputs[0]].range : 0;
}

static mixent_status copy_layer(folding *f, int old) {
  mixent_graph *graph = f->out->graph;
  const mixent_layer *from = &f->graph->layers[old];
  mixent_layer *layer = &graph->layers[graph->layer_count];
  *layer = *from;
  MIXENT_TRY(mixent_copy_text(from->name, &layer->name));
  f->new_index[old] = graph->layer_count++;
  for (int i = 0; i < layer->input_count; i++) layer->inputs[i] = f->new_index[f->stands[from->inputs[i]]];
  layer->range = range_of(f, from, layer);
  MIXENT_TRY(copy_tensors(f->graph, from, graph, layer));
  if (!takes_batch_norm(f, old) || layer->parameters[1] >= 0) return MIXENT_OK;
  return mixent_graph_add_parameter(graph, layer, "bias", 1, &(int64_t){layer->channels},
                                    MIXENT_INIT_CONSTANT, 0, &layer->parameters[1]);
}

static mixent_status make_graph(folding *f) {
  mixent_graph *graph;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &graph));
  f->out->graph = graph;
  graph->options = f->graph->options;
  MIXENT_TRY(mixent_copy_text(f->graph->name, &graph->name));
  MIXENT_TRY(mixent_copy_text(f->graph->text, &graph->text));
  MIXENT_TRY(MIXENT_ALLOCATE(f->graph->layer_count, &graph->layers));
  for (int l = 0; l < f->graph->layer_count; l++)
    if (f->stands[l] == l) MIXENT_TRY(copy_layer(f, l));
  return MIXENT_OK;
}

/* value = scale value + shift becomes a (scale value + shift - mean) / sqrt(variance + epsilon) + b. */
static void follow_batch_norm(const folding *f, const mixent_layer *norm) {
  const mixent_graph *graph = f->graph;
  const float *gamma = f->parameters + graph->parameters[norm->parameters[0]].offset;
  const float *beta = f->parameters + graph->parameters[norm->parameters[1]].offset;
  const float *mean = f->statistics + graph->statistics[norm->statistics[0]].offset;
  const float *variance = f->statistics + graph->statistics[norm->statistics[1]].offset;
  for (int c = 0; c < norm->channels; c++) {
    double a = gamma[c] / sqrt(variance[c] + norm->epsilon);
    f->scale[c] *= a;
    f->shift[c] = a * (f->shift[c] - mean[c]) + beta[c];
  }
}

/* A convolution's or linear's weights [channels, …] and bias with all that follows them. */
static void fill_weighted(const folding *f, int old) {
  const mixent_layer *from = &f->graph->layers[old], *to = &f->out->graph->layers[f->new_index[old]];
  const mixent_tensor *weight = &f->graph->parameters[from->parameters[0]];
  const float *bias =
      from->parameters[1] >= 0 ? f->parameters + f->graph->parameters[from->parameters[1]].offset : NULL;
  for (int c = 0; c < from->channels; c++) f->scale[c] = 1, f->shift[c] = bias ? bias[c] : 0;
  for (int l = old + 1; l < f->graph->layer_count; l++)
    if (f->stands[l] == old && mixent_layer_is(&f->graph->layers[l], MIXENT_LAYER_BATCH_NORM))
      follow_batch_norm(f, &f->graph->layers[l]);
  size_t row = weight->count / (size_t)from->channels;
  float *out = f->out->parameters + f->out->graph->parameters[to->parameters[0]].offset;
  for (size_t i = 0; i < weight->count; i++)
    out[i] = (float)(f->scale[i / row] *
                     f->parameters[weight->offset + i]); // NOLINT(clang-analyzer-core.NullDereference)
  if (to->parameters[1] < 0) return;
  out = f->out->parameters + f->out->graph->parameters[to->parameters[1]].offset;
  for (int c = 0; c < from->channels; c++) out[c] = (float)f->shift[c];
}

static void copy_values(const mixent_tensor *from, const float *values, const mixent_tensor *to, float *out) {
  memcpy(out + to->offset, values + from->offset, from->count * sizeof *out);
}

/* The tensors of a layer that nothing became part of. */
static void fill_other(const folding *f, int old) {
  const mixent_layer *from = &f->graph->layers[old], *to = &f->out->graph->layers[f->new_index[old]];
  for (int i = 0; i < MIXENT_MAX_LAYER_TENSORS; i++) {
    if (from->parameters[i] >= 0)
      copy_values(&f->graph->parameters[from->parameters[i]], f->parameters,
                  &f->out->graph->parameters[to->parameters[i]], f->out->parameters);
    if (from->statistics[i] >= 0)
      copy_values(&f->graph->statistics[from->statistics[i]], f->statistics,
                  &f->out->graph->statistics[to->statistics[i]], f->out->statistics);
  }
}

static mixent_status fill_arrays(folding *f) {
  MIXENT_TRY(MIXENT_ALLOCATE(f->out->graph->parameter_count, &f->out->parameters));
  MIXENT_TRY(MIXENT_ALLOCATE(f->out->graph->statistic_count, &f->out->statistics));
  for (int l = 0; l < f->graph->layer_count; l++) {
    if (f->stands[l] != l) continue;
    if (is_weighted(&f->graph->layers[l]))
      fill_weighted(f, l);
    else
      fill_other(f, l);
  }
  return MIXENT_OK;
}

static mixent_status allocate_tables(folding *f) {
  int widest = 1;
  for (int l = 0; l < f->graph->layer_count; l++)
    if (f->graph->layers[l].channels > widest) widest = f->graph->layers[l].channels;
  MIXENT_TRY(MIXENT_ALLOCATE(f->graph->layer_count, &f->stands));
  MIXENT_TRY(MIXENT_ALLOCATE(f->graph->layer_count, &f->readers));
  MIXENT_TRY(MIXENT_ALLOCATE(f->graph->layer_count, &f->new_index));
  MIXENT_TRY(MIXENT_ALLOCATE(widest, &f->scale));
  return MIXENT_ALLOCATE(widest, &f->shift);
}

mixent_status mixent_fold(const mixent_graph *graph, const float *parameters, const float *statistics,
                          mixent_folded *out) {
  *out = (mixent_folded){0};
  folding f = {.graph = graph, .parameters = parameters, .statistics = statistics, .out = out};
  mixent_status status = allocate_tables(&f);
  if (status == MIXENT_OK) {
    pass_dropout(&f);
    pass_batch_norms(&f);
    status = make_graph(&f);
  }
  if (status == MIXENT_OK) status = fill_arrays(&f);
  free(f.stands);
  free(f.readers);
  free(f.new_index);
  free(f.scale);
  free(f.shift);
  if (status != MIXENT_OK) mixent_folded_free(out);
  return status;
}

void mixent_folded_free(mixent_folded *folded) {
  mixent_graph_free(folded->graph);
  free(folded->parameters);
  free(folded->statistics);
  *folded = (mixent_folded){0};
}
