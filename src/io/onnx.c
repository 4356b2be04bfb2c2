/* ONNX in protobuf's wire format: each field is a key (number of the field, kind of value) and a value: a
 * number of seven bits a byte, lowest first; four bytes; or a length and so many bytes, which may be a message
 * again. Field numbers are those of onnx.proto. */
#include "io/onnx.h"
#include "core/file.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie in memory");

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 }; /* kinds of values on the wire */
enum { FLOAT = 1, INT64 = 7 };               /* TensorProto.DataType */
enum { ATTRIBUTE_FLOAT = 1, ATTRIBUTE_INT = 2, ATTRIBUTE_INTS = 7 };
enum { MOST_BYTES = 0x7fffffff }; /* of any protobuf message */

static void put_varint(mixent_text *out, uint64_t value) {
  unsigned char bytes[10];
  size_t count = 0;
  for (; value > 0x7f; value >>= 7) bytes[count++] = (unsigned char)(value | 0x80);
  bytes[count++] = (unsigned char)value;
  mixent_text_append_bytes(out, bytes, count);
}

static void put_key(mixent_text *out, unsigned field, unsigned kind) {
  put_varint(out, field << 3 | kind);
}

static void put_integer(mixent_text *out, unsigned field, int64_t value) {
  put_key(out, field, VARINT);
  put_varint(out, (uint64_t)value);
}

static void put_float(mixent_text *out, unsigned field, float value) {
  put_key(out, field, FIXED32);
  mixent_text_append_bytes(out, &value, sizeof value);
}

static void put_bytes(mixent_text *out, unsigned field, const void *bytes, size_t size) {
  put_key(out, field, BYTES);
  put_varint(out, size);
  mixent_text_append_bytes(out, bytes, size);
}

static void put_string(mixent_text *out, unsigned field, const char *text) {
  put_bytes(out, field, text, strlen(text));
}

/* A message made apart; empties it. */
static void put_message(mixent_text *out, unsigned field, mixent_text *message) {
  put_bytes(out, field, message->data, message->length);
  out->failed |= message->failed;
  mixent_text_free(message);
}

static void put_attribute(mixent_text *out, const mixent_onnx_attribute *attribute) {
  mixent_text message = {0};
  put_string(&message, 1, attribute->name);
  if (attribute->count < 0)
    put_float(&message, 2, attribute->number);
  else if (attribute->count == 0)
    put_integer(&message, 3, attribute->integers[0]);
  for (int i = 0; i < attribute->count; i++) put_integer(&message, 8, attribute->integers[i]);
  put_integer(&message, 20,
              attribute->count < 0    ? ATTRIBUTE_FLOAT
              : attribute->count == 0 ? ATTRIBUTE_INT
                                      : ATTRIBUTE_INTS);
  put_message(out, 5, &message);
}

void mixent_onnx_add_node(mixent_onnx *onnx, const mixent_onnx_node *node) {
  mixent_text message = {0};
  for (int i = 0; i < MIXENT_ONNX_INPUTS && node->inputs[i]; i++) put_string(&message, 1, node->inputs[i]);
  put_string(&message, 2, node->output);
  put_string(&message, 3, node->name);
  put_string(&message, 4, node->type);
  int most = (int)(sizeof node->attributes / sizeof *node->attributes);
  for (int i = 0; i < most && node->attributes[i].name; i++) put_attribute(&message, &node->attributes[i]);
  put_message(&onnx->nodes, 1, &message);
}

static void put_tensor(mixent_onnx *onnx, const char *name, int type, int dimensions, const int64_t *shape,
                       const void *values, size_t element) {
  mixent_text message = {0};
  for (int i = 0; i < dimensions; i++) {
    put_integer(&message, 1, shape[i]);
    element *= (size_t)shape[i];
  }
  put_integer(&message, 2, type);
  put_string(&message, 8, name);
  put_bytes(&message, 9, values, element);
  put_message(&onnx->tensors, 5, &message);
}

void mixent_onnx_add_floats(mixent_onnx *onnx, const char *name, int dimensions, const int64_t *shape,
                            const float *values) {
  put_tensor(onnx, name, FLOAT, dimensions, shape, values, sizeof *values);
}

void mixent_onnx_add_integers(mixent_onnx *onnx, const char *name, int count, const int64_t *values) {
  put_tensor(onnx, name, INT64, 1, &(int64_t){count}, values, sizeof *values);
}

/* ValueInfoProto { name, TypeProto { Tensor { element type, TensorShapeProto { Dimension… } } } } */
static void put_value(mixent_onnx *onnx, unsigned field, const mixent_onnx_value *value) {
  mixent_text info = {0}, type = {0}, tensor = {0}, shape = {0}, dimension = {0};
  put_string(&dimension, 2, "N");
  put_message(&shape, 1, &dimension);
  for (int i = 0; i < value->dimensions; i++) {
    put_integer(&dimension, 1, value->shape[i]);
    put_message(&shape, 1, &dimension);
  }
  put_integer(&tensor, 1, FLOAT);
  put_message(&tensor, 2, &shape);
  put_message(&type, 1, &tensor);
  put_string(&info, 1, value->name);
  put_message(&info, 2, &type);
  put_message(&onnx->values, field, &info);
}

void mixent_onnx_add_input(mixent_onnx *onnx, const mixent_onnx_value *value) {
  put_value(onnx, 11, value);
}

void mixent_onnx_add_output(mixent_onnx *onnx, const mixent_onnx_value *value) {
  put_value(onnx, 12, value);
}

void mixent_onnx_add_property(mixent_onnx *onnx, mixent_onnx_property property) {
  mixent_text message = {0};
  put_string(&message, 1, property.key);
  put_string(&message, 2, property.value);
  put_message(&onnx->properties, 14, &message);
}

static void append(mixent_text *out, const mixent_text *part) {
  if (part->length) mixent_text_append_bytes(out, part->data, part->length);
  out->failed |= part->failed;
}

static void put_graph(mixent_text *out, const mixent_onnx *onnx, const char *name) {
  mixent_text graph = {0};
  append(&graph, &onnx->nodes);
  put_string(&graph, 2, name);
  append(&graph, &onnx->tensors);
  append(&graph, &onnx->values);
  put_message(out, 7, &graph);
}

static void put_model(mixent_text *out, const mixent_onnx *onnx, const char *name, const char *text) {
  mixent_text opset = {0};
  put_integer(out, 1, MIXENT_ONNX_IR);
  put_string(out, 2, "mixent");
  put_string(out, 3, mixent_version());
  put_string(out, 6, text);
  put_graph(out, onnx, name);
  put_string(&opset, 1, ""); /* ONNX's own operators */
  put_integer(&opset, 2, MIXENT_ONNX_OPSET);
  put_message(out, 8, &opset);
  append(out, &onnx->properties);
}

mixent_status mixent_onnx_write(const char *path, const mixent_onnx *onnx, const char *name,
                                const char *text) {
  mixent_text model = {0};
  put_model(&model, onnx, name, text);
  mixent_status status = mixent_text_status(&model);
  if (status == MIXENT_OK && model.length > MOST_BYTES)
    status =
        mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                    "%s: an ONNX file holds 2 GB at most, this network needs %zu bytes", path, model.length);
  if (status == MIXENT_OK) status = mixent_file_replace(path, model.data, model.length);
  mixent_text_free(&model);
  return status;
}

void mixent_onnx_free(mixent_onnx *onnx) {
  mixent_text_free(&onnx->nodes);
  mixent_text_free(&onnx->tensors);
  mixent_text_free(&onnx->values);
  mixent_text_free(&onnx->properties);
}
