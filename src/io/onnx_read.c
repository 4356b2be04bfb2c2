/* ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto: field numbers are those of onnx.proto. */
#include "io/onnx_read.h"
#include "core/content.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 1 << 16, MOST_TENSORS = 1 << 16, MOST_BESIDE = 16 };
enum { MOST_BYTES = 0x7fffffff }; /* of any protobuf message */

static mixent_status fail_format(const mixent_onnx_file *file, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: damaged ONNX file: %s", file->origin, what);
}

size_t mixent_onnx_size(const mixent_onnx_file *file) {
  size_t size = file->model.size;
  for (size_t i = 0; i < file->beside_count; i++) size += file->beside[i].size;
  return size;
}

/* ------------------------------------------------------------------ tensors ---- */

/* What a key of a tensor's external_data says. */
static mixent_bytes find_external(mixent_bytes message, const char *key) {
  mixent_field field;
  mixent_bytes found = {NULL, 0};
  while (mixent_field_next(&message, &field))
    if (field.number == 13 && field.wire == MIXENT_WIRE_BYTES &&
        mixent_bytes_are(mixent_field_bytes(field.bytes, 1), key))
      found = mixent_field_bytes(field.bytes, 2);
  return found;
}

/* Digits as a number below 2^53; false: they are none. Nothing is 0. */
static bool read_digits(mixent_bytes text, size_t *out) {
  enum { MOST_DIGITS = 15 };
  *out = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9' || i == MOST_DIGITS) return false;
    *out = *out * 10 + (size_t)(text.data[i] - '0');
  }
  return true;
}

/* The file's directory joined with the name, which must not lead out of it. */
static mixent_status open_beside(mixent_onnx_file *file, mixent_bytes name, mixent_onnx_beside **out) {
  for (size_t i = 0; i < file->beside_count; i++)
    if (mixent_bytes_are(name, file->beside[i].name)) {
      *out = &file->beside[i];
      return MIXENT_OK;
    }
  if (!name.size || memchr(name.data, '/', name.size) || memchr(name.data, 0, name.size) ||
      mixent_bytes_are(name, ".."))
    return fail_format(
        file, "values of a tensor stand in another file; expected its name alone, without a directory");
  if (file->beside_count == MOST_BESIDE) return fail_format(file, "values stand in more than 16 other files");
  MIXENT_TRY(MIXENT_GROW(&file->beside, file->beside_count, file->origin));
  mixent_onnx_beside *beside = &file->beside[file->beside_count++];
  *beside = (mixent_onnx_beside){.name = NULL};
  MIXENT_TRY(mixent_copy_start((const char *)name.data, name.size, &beside->name));
  const char *slash = strrchr(file->origin, '/');
  char *path;
  MIXENT_TRY(mixent_print_text(&path, "%.*s%s", slash ? (int)(slash + 1 - file->origin) : 0, file->origin,
                               beside->name));
  mixent_status status = mixent_file_read(path, MOST_BYTES, &beside->bytes, &beside->size);
  free(path);
  if (status != MIXENT_OK)
    return mixent_fail_within(status, "%s: values of its tensors stand in another file", file->origin);
  *out = beside;
  return MIXENT_OK;
}

static mixent_status read_external(mixent_onnx_file *file, mixent_bytes message, size_t bytes,
                                   mixent_onnx_tensor *out) {
  mixent_onnx_beside *beside = NULL;
  size_t offset, length;
  MIXENT_TRY(open_beside(file, find_external(message, "location"), &beside));
  if (!read_digits(find_external(message, "offset"), &offset) ||
      !read_digits(find_external(message, "length"), &length))
    return fail_format(file, "offset or length of values in another file is no number");
  if (offset > beside->size || bytes > beside->size - offset || (length && length != bytes))
    return fail_format(file, "values of a tensor reach over the end of the file that holds them");
  out->values = (mixent_bytes){(const unsigned char *)beside->bytes + offset, bytes};
  return MIXENT_OK;
}

/* Dimensions stand each by itself or packed in one field. */
static bool add_dimension(mixent_onnx_tensor *tensor, uint64_t value) {
  if (tensor->dimensions == MIXENT_ONNX_DIMENSIONS || value > MOST_BYTES) return false;
  tensor->shape[tensor->dimensions++] = (int64_t)value;
  tensor->count *= (size_t)value;
  return tensor->count <= MOST_BYTES;
}

static bool read_shape(mixent_bytes message, mixent_onnx_tensor *tensor) {
  mixent_field field;
  bool right = true;
  tensor->count = 1;
  while (right && mixent_field_next(&message, &field)) {
    if (field.number != 1) continue;
    if (field.wire == MIXENT_WIRE_VARINT) right = add_dimension(tensor, field.value);
    uint64_t value;
    while (right && field.wire == MIXENT_WIRE_BYTES && field.bytes.size)
      right = mixent_varint_next(&field.bytes, &value) && add_dimension(tensor, value);
  }
  return right;
}

/* `beside`: the file, where values may stand in another; NULL: they may not. */
static mixent_status read_tensor(const mixent_onnx_file *file, mixent_bytes message, mixent_onnx_file *beside,
                                 mixent_onnx_tensor *out) {
  enum { DATA_LOCATION = 14, RAW = 9, FLOATS = 4, INT64S = 7 };
  *out = (mixent_onnx_tensor){.name = mixent_field_bytes(message, 8),
                              .type = mixent_field_number_of(message, 2)};
  if (!mixent_message_is_whole(message)) return fail_format(file, "a tensor breaks off");
  if (!read_shape(message, out)) return fail_format(file, "a tensor has too many dimensions or values");
  if (out->type != MIXENT_ONNX_FLOAT && out->type != MIXENT_ONNX_INT64) return MIXENT_OK;
  size_t bytes = out->count * (out->type == MIXENT_ONNX_FLOAT ? sizeof(float) : sizeof(int64_t));
  if (mixent_field_number_of(message, DATA_LOCATION) == 1)
    return beside ? read_external(beside, message, bytes, out)
                  : fail_format(file, "values of a tensor stand in another file");
  out->values = mixent_field_bytes(message, RAW);
  mixent_field field;
  if (!mixent_field_find(message, RAW, MIXENT_WIRE_BYTES, &field)) {
    out->values = mixent_field_bytes(message, out->type == MIXENT_ONNX_FLOAT ? FLOATS : INT64S);
    out->varints = out->type == MIXENT_ONNX_INT64;
  }
  bool right = out->varints ? out->values.size >= out->count : out->values.size == bytes;
  return right ? MIXENT_OK : fail_format(file, "a tensor has not as many values as its shape says");
}

mixent_status mixent_onnx_tensor_read(const mixent_onnx_file *file, mixent_bytes message,
                                      mixent_onnx_tensor *out) {
  return read_tensor(file, message, NULL, out);
}

mixent_status mixent_onnx_tensor_integers(const mixent_onnx_file *file, const mixent_onnx_tensor *tensor,
                                          int64_t *out) {
  mixent_bytes rest = tensor->values;
  uint64_t value = 0;
  for (size_t i = 0; i < tensor->count; i++) {
    if (!tensor->varints)
      memcpy(&value, rest.data + i * sizeof value, sizeof value);
    else if (!mixent_varint_next(&rest, &value))
      return fail_format(file, "a tensor has not as many values as its shape says");
    out[i] = (int64_t)value;
  }
  return MIXENT_OK;
}

/* -------------------------------------------------------------- nodes and attributes ---- */

bool mixent_onnx_step_read(mixent_bytes node, mixent_onnx_step *out) {
  mixent_field field;
  mixent_bytes rest = node;
  *out = (mixent_onnx_step){.message = node,
                            .name = mixent_field_bytes(node, 3),
                            .type = mixent_field_bytes(node, 4),
                            .domain = mixent_field_bytes(node, 7)};
  while (mixent_field_next(&rest, &field)) {
    if (field.wire != MIXENT_WIRE_BYTES || field.number > 2) continue;
    bool input = field.number == 1;
    if (input ? out->input_count == MIXENT_ONNX_INPUTS : out->output_count == MIXENT_ONNX_OUTPUTS)
      return false;
    if (input)
      out->inputs[out->input_count++] = field.bytes;
    else
      out->outputs[out->output_count++] = field.bytes;
  }
  return true;
}

bool mixent_onnx_attribute_at(const mixent_onnx_step *step, size_t i, mixent_bytes *name) {
  mixent_field field;
  mixent_bytes rest = step->message;
  size_t seen = 0;
  while (mixent_field_next(&rest, &field))
    if (field.number == 5 && field.wire == MIXENT_WIRE_BYTES && seen++ == i) {
      *name = mixent_field_bytes(field.bytes, 1);
      return true;
    }
  return false;
}

bool mixent_onnx_attribute_find(const mixent_onnx_step *step, const char *name, mixent_bytes *out) {
  mixent_field field;
  mixent_bytes rest = step->message;
  while (mixent_field_next(&rest, &field))
    if (field.number == 5 && field.wire == MIXENT_WIRE_BYTES &&
        mixent_bytes_are(mixent_field_bytes(field.bytes, 1), name)) {
      *out = field.bytes;
      return true;
    }
  return false;
}

int64_t mixent_onnx_attribute_integer(const mixent_onnx_step *step, const char *name, int64_t fallback) {
  mixent_bytes attribute;
  return mixent_onnx_attribute_find(step, name, &attribute) ? mixent_field_number_of(attribute, 3) : fallback;
}

double mixent_onnx_attribute_number(const mixent_onnx_step *step, const char *name, double fallback) {
  mixent_bytes attribute;
  mixent_field field;
  float value = 0; /* which is not written */
  if (!mixent_onnx_attribute_find(step, name, &attribute)) return fallback;
  if (mixent_field_find(attribute, 2, MIXENT_WIRE_32, &field)) memcpy(&value, field.bytes.data, sizeof value);
  return (double)value;
}

int mixent_onnx_attribute_integers(const mixent_onnx_step *step, const char *name, int64_t *out) {
  mixent_bytes rest;
  mixent_field field;
  int count = 0;
  if (!mixent_onnx_attribute_find(step, name, &rest)) return 0;
  while (mixent_field_next(&rest, &field)) {
    uint64_t value = field.value;
    bool packed = field.wire == MIXENT_WIRE_BYTES;
    if (field.number != 8 || (!packed && field.wire != MIXENT_WIRE_VARINT)) continue;
    while (!packed || field.bytes.size) {
      if (count == MIXENT_ONNX_LIST || (packed && !mixent_varint_next(&field.bytes, &value))) return -1;
      out[count++] = (int64_t)value;
      if (!packed) break;
    }
  }
  return count;
}

mixent_bytes mixent_onnx_attribute_text(const mixent_onnx_step *step, const char *name) {
  mixent_bytes attribute;
  return mixent_onnx_attribute_find(step, name, &attribute) ? mixent_field_bytes(attribute, 4)
                                                            : (mixent_bytes){NULL, 0};
}

/* --------------------------------------------------------------------- the file ---- */

bool mixent_onnx_property_find(const mixent_onnx_file *file, const char *key, mixent_bytes *out) {
  mixent_field field;
  mixent_bytes rest = file->model;
  while (mixent_field_next(&rest, &field))
    if (field.number == 14 && field.wire == MIXENT_WIRE_BYTES &&
        mixent_bytes_are(mixent_field_bytes(field.bytes, 1), key)) {
      *out = mixent_field_bytes(field.bytes, 2);
      return true;
    }
  return false;
}

static mixent_status add_node(mixent_onnx_file *file, mixent_bytes message) {
  if (file->node_count == MOST_NODES) return fail_format(file, "it has more than 65536 nodes");
  if (!mixent_message_is_whole(message)) return fail_format(file, "a node breaks off");
  MIXENT_TRY(MIXENT_GROW(&file->nodes, file->node_count, file->origin));
  file->nodes[file->node_count++] = message;
  return MIXENT_OK;
}

static mixent_status add_tensor(mixent_onnx_file *file, mixent_bytes message) {
  if (file->tensor_count == MOST_TENSORS) return fail_format(file, "it has more than 65536 tensors");
  MIXENT_TRY(MIXENT_GROW(&file->tensors, file->tensor_count, file->origin));
  MIXENT_TRY(read_tensor(file, message, file->bytes ? file : NULL, &file->tensors[file->tensor_count]));
  file->tensor_count++;
  return MIXENT_OK;
}

static bool is_tensor(const mixent_onnx_file *file, mixent_bytes name) {
  for (size_t i = 0; i < file->tensor_count; i++)
    if (mixent_bytes_same(file->tensors[i].name, name)) return true;
  return false;
}

/* ValueInfoProto { name, TypeProto { Tensor { element type, TensorShapeProto { Dimension… } } } } */
static mixent_status read_input(mixent_onnx_file *file, mixent_bytes message) {
  mixent_bytes tensor = mixent_field_bytes(mixent_field_bytes(message, 2), 1);
  mixent_bytes shape = mixent_field_bytes(tensor, 2);
  mixent_field field;
  file->input = mixent_field_bytes(message, 1);
  if (mixent_field_number_of(tensor, 1) != MIXENT_ONNX_FLOAT)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: input '%.*s': expected floats of 32 bits, got element type %lld", file->origin,
                       (int)file->input.size, (const char *)file->input.data,
                       (long long)mixent_field_number_of(tensor, 1));
  while (mixent_field_next(&shape, &field)) {
    if (field.number != 1 || field.wire != MIXENT_WIRE_BYTES) continue;
    mixent_field value;
    bool known = mixent_field_find(field.bytes, 1, MIXENT_WIRE_VARINT, &value) && value.value > 0 &&
                 value.value < MOST_BYTES;
    if (file->dimensions < 4) file->shape[file->dimensions] = known ? (int64_t)value.value : -1;
    file->dimensions++;
  }
  return MIXENT_OK;
}

/* One value enters and one leaves. Files of older versions name all tensors as inputs, too. */
static mixent_status read_ends(mixent_onnx_file *file) {
  enum { INPUT = 11, OUTPUT = 12, MOST_INPUTS = 4096 };
  mixent_bytes rest = file->graph;
  mixent_field field;
  int inputs = 0, outputs = 0, named = 0;
  while (mixent_field_next(&rest, &field)) {
    if (field.wire != MIXENT_WIRE_BYTES) continue;
    if (field.number == OUTPUT && outputs++ == 0) file->output = mixent_field_bytes(field.bytes, 1);
    if (field.number != INPUT) continue;
    if (named++ == MOST_INPUTS) return fail_format(file, "it has more than 4096 inputs");
    if (!is_tensor(file, mixent_field_bytes(field.bytes, 1)) && inputs++ == 0)
      MIXENT_TRY(read_input(file, field.bytes));
  }
  if (inputs == 1 && outputs == 1) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                     "%s: expected a network of one input and one output, got %d and %d", file->origin,
                     inputs, outputs);
}

static mixent_status read_graph(mixent_onnx_file *file) {
  mixent_bytes rest = file->graph;
  mixent_field field;
  while (mixent_field_next(&rest, &field)) {
    if (field.wire != MIXENT_WIRE_BYTES) continue;
    if (field.number == 1) MIXENT_TRY(add_node(file, field.bytes));
    if (field.number == 5) MIXENT_TRY(add_tensor(file, field.bytes));
  }
  if (rest.size) return fail_format(file, "its graph breaks off");
  return read_ends(file);
}

static mixent_status read_model(mixent_onnx_file *file) {
  mixent_bytes rest = file->model;
  mixent_field field;
  while (mixent_field_next(&rest, &field))
    if (field.number == 8 && field.wire == MIXENT_WIRE_BYTES) {
      mixent_bytes domain = mixent_field_bytes(field.bytes, 1);
      if (!domain.size || mixent_bytes_are(domain, "ai.onnx"))
        file->opset = mixent_field_number_of(field.bytes, 2);
    }
  file->graph = mixent_field_bytes(file->model, 7);
  file->producer = mixent_field_bytes(file->model, 2);
  if (rest.size || !file->graph.size) {
    MIXENT_TRY(mixent_content_check(file->origin, file->model.data, file->model.size, "an ONNX file"));
    return fail_format(file, rest.size ? "it breaks off; copy or download it again" : "it has no graph");
  }
  return read_graph(file);
}

static mixent_status read_all(mixent_onnx_file *file) {
  mixent_status status = read_model(file);
  if (status != MIXENT_OK) mixent_onnx_close(file);
  return status;
}

mixent_status mixent_onnx_parse(const char *bytes, size_t size, const char *origin, mixent_onnx_file *out) {
  *out = (mixent_onnx_file){.origin = origin, .model = {(const unsigned char *)bytes, size}};
  return read_all(out);
}

mixent_status mixent_onnx_open(const char *path, mixent_onnx_file *out) {
  size_t size;
  *out = (mixent_onnx_file){.origin = path};
  MIXENT_TRY(mixent_file_read(path, MOST_BYTES, &out->bytes, &size));
  out->model = (mixent_bytes){(const unsigned char *)out->bytes, size};
  return read_all(out);
}

void mixent_onnx_close(mixent_onnx_file *file) {
  for (size_t i = 0; i < file->beside_count; i++) free(file->beside[i].name), free(file->beside[i].bytes);
  free(file->beside);
  free(file->nodes);
  free(file->tensors);
  free(file->bytes);
  *file = (mixent_onnx_file){0};
}
