/* Reading ONNX: what a file holds, as pieces of its bytes, each checked to lie within them. What the operators mean is
 * the reader's business (model/import_onnx.c). */
#ifndef MIXENT_IO_ONNX_READ_H
#define MIXENT_IO_ONNX_READ_H

#include "core/status.h"
#include "io/onnx.h"
#include "io/protobuf.h"

enum { MIXENT_ONNX_FLOAT = 1, MIXENT_ONNX_INT64 = 7 }; /* TensorProto.DataType: the types that are read */
enum { MIXENT_ONNX_DIMENSIONS = 8, MIXENT_ONNX_OUTPUTS = 16, MIXENT_ONNX_LIST = 32 };

/* A tensor; its values are little endian and not aligned: use memcpy. */
typedef struct mixent_onnx_tensor {
  mixent_bytes name;
  int64_t type;
  int dimensions; /* 0: a scalar */
  int64_t shape[MIXENT_ONNX_DIMENSIONS];
  size_t count;
  mixent_bytes
      values;   /* of types that are read: count * 4 or 8 bytes, or varints; of others nothing is known */
  bool varints; /* whole numbers stand as varints */
} mixent_onnx_tensor;

/* A node, taken apart. */
typedef struct mixent_onnx_step {
  mixent_bytes name, type, domain;
  mixent_bytes inputs[MIXENT_ONNX_INPUTS], outputs[MIXENT_ONNX_OUTPUTS]; /* empty: not there */
  int input_count, output_count;
  mixent_bytes message; /* its attributes are looked for here */
} mixent_onnx_step;

/* Another file with values of tensors. */
typedef struct mixent_onnx_beside {
  char *name, *bytes;
  size_t size;
} mixent_onnx_beside;

typedef struct mixent_onnx_file {
  const char *origin; /* for messages */
  char *bytes;        /* owned; NULL: those of the caller */
  mixent_bytes model, graph, producer;
  int64_t opset; /* version of ONNX's own operators */
  mixent_bytes *nodes;
  size_t node_count;
  mixent_onnx_tensor *tensors;
  size_t tensor_count;
  mixent_onnx_beside *beside;
  size_t beside_count;
  mixent_bytes input, output; /* names */
  int dimensions;             /* of the input */
  int64_t shape[4];           /* -1: any number */
} mixent_onnx_file;

/* Reads a file and those beside it that hold values of its tensors. `path` must outlive *out. */
mixent_status mixent_onnx_open(const char *path, mixent_onnx_file *out);
/* The same from memory that must outlive *out; without files beside it. */
mixent_status mixent_onnx_parse(const char *bytes, size_t size, const char *origin, mixent_onnx_file *out);
/* Safe on a zeroed struct. */
void mixent_onnx_close(mixent_onnx_file *file);
/* Bytes of all files. */
size_t mixent_onnx_size(const mixent_onnx_file *file);

/* False: too many inputs or outputs. */
bool mixent_onnx_step_read(mixent_bytes node, mixent_onnx_step *out);
/* The value of a key of metadata_props; false: there is none. */
bool mixent_onnx_property_find(const mixent_onnx_file *file, const char *key, mixent_bytes *out);

/* The message of a node's attribute; false: there is none. Then what it holds: */
bool mixent_onnx_attribute_find(const mixent_onnx_step *step, const char *name, mixent_bytes *out);
/* Name of attribute i, from 0; false after the last. */
bool mixent_onnx_attribute_at(const mixent_onnx_step *step, size_t i, mixent_bytes *name);
int64_t mixent_onnx_attribute_integer(const mixent_onnx_step *step, const char *name, int64_t fallback);
double mixent_onnx_attribute_number(const mixent_onnx_step *step, const char *name, double fallback);
/* At most MIXENT_ONNX_LIST; -1: more. */
int mixent_onnx_attribute_integers(const mixent_onnx_step *step, const char *name, int64_t *out);
mixent_bytes mixent_onnx_attribute_text(const mixent_onnx_step *step, const char *name);
/* A tensor as an attribute's message holds one: of Constant and ConstantOfShape. Values beside the file are refused. */
mixent_status mixent_onnx_tensor_read(const mixent_onnx_file *file, mixent_bytes message,
                                      mixent_onnx_tensor *out);
/* Whole numbers [count], which the tensor must be of. */
mixent_status mixent_onnx_tensor_integers(const mixent_onnx_file *file, const mixent_onnx_tensor *tensor,
                                          int64_t *out);

#endif
