/* libFuzzer: a byte that chooses the input's shape, then any bytes as a network's description (YAML). What is taken is a graph
 * whose layers read layers before them and whose tensors lie side by side; folded it is one, too. */
#include "net/graph/fold.h"
#include "net/graph/graph.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST_FOLDED = 1 << 14 }; /* parameters: more take time and show nothing new */

static const mixent_graph_options shapes[] = {
    {.channels = 1, .side = 16, .classes = 3, .dropout = -1},
    {.channels = 3, .side = 32, .classes = 10, .dropout = 0.5},
    {.channels = 4, .side = 1, .classes = 2, .dropout = -1},
    {.channels = 65536, .side = 1, .classes = 1 << 20, .dropout = 0}};

static void check_tensors(const mixent_tensor *tensors, size_t count, size_t total) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    size_t values = 1;
    for (int k = 0; k < tensors[i].dimensions; k++) values *= (size_t)tensors[i].shape[k];
    if (tensors[i].offset != at || tensors[i].count != values || !*tensors[i].name) abort();
    at += values;
  }
  if (at != total) abort();
}

static void check_graph(const mixent_graph *graph) {
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  check_tensors(tensors, count, mixent_graph_parameter_count(graph));
  tensors = mixent_graph_statistics(graph, &count);
  check_tensors(tensors, count, mixent_graph_statistic_count(graph));
  for (int i = 1; i < graph->layer_count; i++) {
    const mixent_layer *layer = &graph->layers[i];
    if (!layer->type || layer->input_count < 1 || layer->input_count > MIXENT_MAX_INPUTS) abort();
    if (layer->channels < 1 || layer->height < 1 || layer->width < 1) abort();
    for (int k = 0; k < layer->input_count; k++)
      if (layer->inputs[k] < 0 || layer->inputs[k] >= i) abort();
  }
  if (graph->layers[graph->layer_count - 1].channels != graph->options.classes) abort();
}

static void check_folded(const mixent_graph *graph) {
  size_t parameters = mixent_graph_parameter_count(graph), statistics = mixent_graph_statistic_count(graph);
  if (parameters > LARGEST_FOLDED) return;
  float *values = calloc(parameters + statistics + 1, sizeof *values);
  mixent_folded folded = {0};
  if (!values || mixent_fold(graph, values, values + parameters, &folded) != MIXENT_OK) abort();
  check_graph(folded.graph);
  mixent_folded_free(&folded);
  free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size) return 0;
  const mixent_graph_options *shape = &shapes[data[0] % (sizeof shapes / sizeof *shapes)];
  char *text = text_of(data + 1, size - 1);
  mixent_graph *graph;
  if (!text) return 0;
  if (mixent_graph_parse(text, "input", shape, &graph) != MIXENT_OK) {
    if (graph || strncmp(mixent_last_error(), "input", 5) != 0) abort();
  } else {
    check_graph(graph);
    check_folded(graph);
    mixent_graph_free(graph);
  }
  free(text);
  return 0;
}
