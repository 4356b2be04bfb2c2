/* What tests of network descriptions share: the images that networks are made for, networks opened by name or file, the shape of a
 * layer's value. */
#ifndef TESTS_GRAPH_SUBJECT_H
#define TESTS_GRAPH_SUBJECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/graph/layer.h"

static const mixent_graph_options letters = {.channels = 1, .side = 28, .classes = 26, .dropout = -1};

static inline mixent_graph *open_network(const char *name, const mixent_graph_options *options) {
  mixent_graph *graph;
  if (mixent_graph_open(name, options, &graph) != MIXENT_OK) fail_msg("%s: %s", name, mixent_last_error());
  return graph;
}

static inline void expect_shape(const mixent_layer *layer, int channels, int height, int width) {
  assert_int_equal(layer->channels, channels);
  assert_int_equal(layer->height, height);
  assert_int_equal(layer->width, width);
}

#endif
