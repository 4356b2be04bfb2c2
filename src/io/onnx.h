/* Writing ONNX: a network as a list of nodes over named values, in protobuf's wire format. Only what networks
 * of this library need: nodes, tensors of floats and of integers, inputs and outputs [N, …] of floats.
 *
 * The wire format is written by a few lines here instead of a protobuf library: only a dozen of ONNX's
 * messages are needed, Debian ships no C code for them, and generating some would add a library and a
 * compiler to what building needs. */
#ifndef MIXENT_IO_ONNX_H
#define MIXENT_IO_ONNX_H

#include "core/memory.h"
#include <stdint.h>

enum { MIXENT_ONNX_OPSET = 17, MIXENT_ONNX_IR = 8, MIXENT_ONNX_INPUTS = 16, MIXENT_ONNX_INTEGERS = 8 };

/* One attribute of a node: a float if `count` is negative, one integer if it is 0, else that many. */
typedef struct mixent_onnx_attribute {
  const char *name;
  int count;
  float number;
  int64_t integers[MIXENT_ONNX_INTEGERS];
} mixent_onnx_attribute;

typedef struct mixent_onnx_node {
  const char *type, *name, *output;
  const char *inputs[MIXENT_ONNX_INPUTS]; /* NULL after the last */
  mixent_onnx_attribute attributes[4];    /* name NULL after the last */
} mixent_onnx_node;

/* A value that enters or leaves: floats [N, shape…], N any number. */
typedef struct mixent_onnx_value {
  const char *name;
  int dimensions; /* without N */
  int64_t shape[4];
} mixent_onnx_value;

typedef struct mixent_onnx_property {
  const char *key, *value; /* UTF-8 */
} mixent_onnx_property;

/* A model in the making; start from {0}. Lack of memory shows at the end. */
typedef struct mixent_onnx {
  mixent_text nodes, tensors, values, properties; /* encoded fields of their messages */
} mixent_onnx;

void mixent_onnx_add_node(mixent_onnx *onnx, const mixent_onnx_node *node);
void mixent_onnx_add_floats(mixent_onnx *onnx, const char *name, int dimensions, const int64_t *shape,
                            const float *values);
void mixent_onnx_add_integers(mixent_onnx *onnx, const char *name, int count, const int64_t *values);
void mixent_onnx_add_input(mixent_onnx *onnx, const mixent_onnx_value *value);
void mixent_onnx_add_output(mixent_onnx *onnx, const mixent_onnx_value *value);
void mixent_onnx_add_property(mixent_onnx *onnx, mixent_onnx_property property);

/* Writes the model anew (beside, synced, renamed). `text` describes it to people. */
mixent_status mixent_onnx_write(const char *path, const mixent_onnx *onnx, const char *name,
                                const char *text);
void mixent_onnx_free(mixent_onnx *onnx);

#endif
