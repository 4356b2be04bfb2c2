/* Calls that must be refused, and a small network to make them with. */
#ifndef TESTS_NULL_ARGUMENTS_H
#define TESTS_NULL_ARGUMENTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mixent/train.h"
#include <string.h>

/* The call is refused, with its function and a NULL in the message. */
#define REFUSES(call)                                                                                        \
  do {                                                                                                       \
    assert_int_equal(call, MIXENT_ERROR_ARGUMENT);                                                           \
    if (!strstr(mixent_last_error(), "is NULL")) fail_msg("%s: %s", #call, mixent_last_error());             \
  } while (0)
/* A value or a struct that cannot be is refused for another reason. */
#define REFUSES_STRUCT(call, words)                                                                          \
  do {                                                                                                       \
    assert_int_equal(call, MIXENT_ERROR_ARGUMENT);                                                           \
    if (!strstr(mixent_last_error(), words)) fail_msg("%s: %s", #call, mixent_last_error());                 \
  } while (0)

enum { SIDE = 16, CLASSES = 2 };

static const char net_text[] =
    "name: small\nlayers:\n  - conv2d: {channels: 2, kernel: 3, padding: 1}\n  - global_pool:\n"
    "  - flatten:\n  - linear: {features: classes}\n";
static const mixent_graph_options shape = {.channels = 1, .side = SIDE, .classes = CLASSES, .dropout = -1};

static inline mixent_graph *make_graph(void) {
  mixent_graph *graph;
  assert_int_equal(mixent_graph_parse(net_text, "small", &shape, &graph), MIXENT_OK);
  return graph;
}

#endif
