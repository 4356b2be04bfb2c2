/* A network as evaluation sees it: batch norms that follow a conv2d or linear have become part of its weights
 * and bias, dropout is gone. With running statistics a batch norm is y = a x + b per channel, and
 * a (w x + c) + b is a convolution again. One whose input others read too, or that follows another kind of
 * layer, stays. */
#ifndef MIXENT_NET_GRAPH_FOLD_H
#define MIXENT_NET_GRAPH_FOLD_H

#include "net/graph/graph.h"

/* Arrays of the folded graph's own sizes; all of it belongs to this struct. */
typedef struct mixent_folded {
  mixent_graph *graph; /* layers and tensors keep their names */
  float *parameters, *statistics;
} mixent_folded;

/* `graph` with its arrays -> *out, computed in double and rounded once. `graph` need not outlive it. */
mixent_status mixent_fold(const mixent_graph *graph, const float *parameters, const float *statistics,
                          mixent_folded *out);
/* Safe on a zeroed struct. */
void mixent_folded_free(mixent_folded *folded);

#endif
