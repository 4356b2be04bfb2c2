/* safetensors: reading with every check, the header's before there is memory for the data; the writer is in
 * safetensors_write.c. */
#include "io/safetensors.h"
#include "core/content.h"
#include "core/file.h"
#include "core/format_version.h"
#include "core/json.h"
#include "core/memory.h"
#include "io/safetensors_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct mixent_safetensors {
  json_t *header;
  mixent_safetensor *tensors; /* [count]; names belong to the header */
  size_t count;
  char *owned; /* the data, if they were read here */
};

/* Where a tensor lies in the data. */
typedef struct extent {
  size_t begin, bytes;
  const char *name;
} extent;

static const char *const element_names[MIXENT_ELEMENTS] = {"F32", "F64", "I32", "I64", "U8", "F16", "BF16"};
static const size_t element_sizes[MIXENT_ELEMENTS] = {4, 8, 4, 8, 1, 2, 2};

size_t mixent_element_size(mixent_element element) {
  return element_sizes[element];
}
const char *mixent_element_name(mixent_element element) {
  return element_names[element];
}

static mixent_status fail_tensor(const char *origin, const char *name, const char *problem) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: tensor '%.200s': %s; the file is damaged or not safetensors",
                     origin, name, problem);
}

static mixent_status read_shape(const char *origin, const json_t *shape, mixent_safetensor *tensor) {
  if (!json_is_array(shape)) return fail_tensor(origin, tensor->name, "no shape");
  if (json_array_size(shape) > MIXENT_SAFETENSORS_DIMENSIONS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: tensor '%.200s' has %zu dimensions; up to %d can be read", origin, tensor->name,
                       json_array_size(shape), MIXENT_SAFETENSORS_DIMENSIONS);
  size_t bytes = element_sizes[tensor->element];
  tensor->dimensions = (int)json_array_size(shape);
  for (int i = 0; i < tensor->dimensions; i++) {
    const json_t *extent = json_array_get(shape, (size_t)i);
    if (!json_is_integer(extent) || json_integer_value(extent) < 0)
      return fail_tensor(origin, tensor->name, "an extent is not a whole number");
    tensor->shape[i] = json_integer_value(extent);
    if (__builtin_mul_overflow(bytes, (size_t)tensor->shape[i], &bytes))
      return fail_tensor(origin, tensor->name, "the shape is too large");
  }
  tensor->bytes = bytes;
  return MIXENT_OK;
}

static mixent_status read_tensor(const char *origin, const json_t *value, size_t data_size,
                                 mixent_safetensor *tensor, extent *out) {
  const char *dtype = json_string_value(json_object_get(value, "dtype"));
  const json_t *offsets = json_object_get(value, "data_offsets");
  if (!json_is_object(value) || json_object_size(value) != 3 || !dtype || !offsets)
    return fail_tensor(origin, tensor->name, "expected dtype, shape and data_offsets");
  int element = 0;
  while (element < MIXENT_ELEMENTS && strcmp(dtype, element_names[element]) != 0) element++;
  if (element == MIXENT_ELEMENTS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: tensor '%.200s' has type %.20s; F32, F64, I32, I64, U8, F16 and BF16 can be read",
                       origin, tensor->name, dtype);
  tensor->element = (mixent_element)element;
  MIXENT_TRY(read_shape(origin, json_object_get(value, "shape"), tensor));
  const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
    return fail_tensor(origin, tensor->name, "data_offsets are not two whole numbers");
  json_int_t from = json_integer_value(begin), to = json_integer_value(end);
  if (from < 0 || to < from || (uint64_t)to > data_size)
    return fail_tensor(origin, tensor->name, "data_offsets lie outside the file (cut short?)");
  if ((uint64_t)(to - from) != tensor->bytes)
    return fail_tensor(origin, tensor->name, "shape and data_offsets disagree");
  *out = (extent){(size_t)from, tensor->bytes, tensor->name};
  return MIXENT_OK;
}

static int compare_places(const void *left, const void *right) {
  const extent *a = left, *b = right;
  return a->begin != b->begin ? (a->begin > b->begin) - (a->begin < b->begin)
                              : (a->bytes > b->bytes) - (a->bytes < b->bytes); /* empty ones first */
}

/* Sorted by offset, each tensor must begin where the one before ends, and the last must end with the file. */
static mixent_status check_cover(const char *origin, const extent *extents, size_t count, size_t data_size) {
  extent *sorted;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &sorted));
  if (count) memcpy(sorted, extents, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, compare_places);
  mixent_status status = MIXENT_OK;
  size_t end = 0;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    if (sorted[i].begin < end)
      status = fail_tensor(origin, sorted[i].name, "its data overlap another's");
    else if (sorted[i].begin > end)
      status = fail_tensor(origin, sorted[i].name, "bytes before it are no tensor's");
    end = sorted[i].begin + sorted[i].bytes;
  }
  if (status == MIXENT_OK && end != data_size)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu bytes after the last tensor; the file is damaged",
                         origin, data_size - end);
  free(sorted);
  return status;
}

static mixent_status check_metadata(const json_t *metadata, const char *origin) {
  if (!metadata) return MIXENT_OK;
  if (!json_is_object(metadata))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: __metadata__ is not a map", origin);
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)metadata, key, value) {
    if (!json_is_string(value))
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: __metadata__: '%.200s' is not a text", origin, key);
  }
  return MIXENT_OK;
}

/* Files of the time before there were versions are of format 1. */
static mixent_status check_format(const mixent_safetensors *file, const char *origin) {
  const char *format = mixent_safetensors_metadata(file, MIXENT_FORMAT_KEY);
  return mixent_format_check(origin, "a safetensors file of mixent", format ? strtol(format, NULL, 10) : 1,
                             MIXENT_SAFETENSORS_FORMAT);
}

static mixent_status check_payload(const mixent_safetensors *file, const char *origin, const char *data,
                                   size_t data_size, size_t from) {
  const char *said = mixent_safetensors_metadata(file, MIXENT_CHECKSUM_KEY);
  char found[16];
  if (!said) return MIXENT_OK;
  snprintf(found, sizeof found, "%08lx", crc32_z(0, (const unsigned char *)data, data_size));
  if (strcmp(said, found) == 0) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: expected the %zu bytes from byte %zu on to have the CRC-32 %.20s, got %s; the file is "
      "damaged: put back a copy of it, or let the command that wrote it run again; a program that changes "
      "tensors must not keep the key payload_crc32",
      origin, data_size, from, said, found);
}

static mixent_status read_tensors(mixent_safetensors *file, const char *origin, size_t data_size,
                                  extent *extents) {
  const char *name;
  json_t *value;
  json_object_foreach(file->header, name, value) {
    if (strcmp(name, MIXENT_METADATA_KEY) == 0) continue;
    size_t i = file->count++;
    file->tensors[i].name = name;
    MIXENT_TRY(read_tensor(origin, value, data_size, &file->tensors[i], &extents[i]));
  }
  return check_cover(origin, extents, file->count, data_size);
}

/* All that can be checked before the data are there. */
static mixent_status read_header(mixent_safetensors *file, const char *origin, const char *text,
                                 size_t length, size_t data_size, extent **extents) {
  mixent_status status = mixent_json_parse(text, length, JSON_REJECT_DUPLICATES, origin, &file->header);
  if (status == MIXENT_ERROR_FORMAT)
    return mixent_fail(status, "%s; the header is not JSON", mixent_last_error());
  MIXENT_TRY(status);
  MIXENT_TRY(check_metadata(json_object_get(file->header, MIXENT_METADATA_KEY), origin));
  MIXENT_TRY(check_format(file, origin));
  MIXENT_TRY(MIXENT_ALLOCATE(json_object_size(file->header), &file->tensors));
  MIXENT_TRY(MIXENT_ALLOCATE(json_object_size(file->header), extents));
  return read_tensors(file, origin, data_size, *extents);
}

/* The length of the header of a file of `size` bytes that begins with these. */
static mixent_status find_header(const char *bytes, size_t given, size_t size, const char *origin,
                                 size_t *out) {
  uint64_t length = 0;
  bool whole = given >= sizeof length;
  for (int i = 7; i >= 0 && whole; i--) length = length << 8 | (unsigned char)bytes[i];
  bool begins = given > sizeof length && bytes[sizeof length] == '{';
  if (!whole || length > MIXENT_LARGEST_HEADER || (length <= size - sizeof length && (!length || !begins)))
    MIXENT_TRY(mixent_content_check(origin, bytes, given, "a safetensors file"));
  if (!whole)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %zu bytes are too few for safetensors", origin, size);
  if (length > MIXENT_LARGEST_HEADER || length > size - sizeof length)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: a header of %llu bytes in a file of %zu; cut short or not safetensors", origin,
                       (unsigned long long)length, size);
  if (length == 0 || !begins)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: not safetensors (no header)", origin);
  *out = (size_t)length;
  return MIXENT_OK;
}

/* Once the data are there. */
static mixent_status take_data(mixent_safetensors *file, const char *origin, const extent *extents,
                               const char *data, size_t data_size, size_t from) {
  for (size_t i = 0; i < file->count; i++) file->tensors[i].data = data + extents[i].begin;
  return check_payload(file, origin, data, data_size, from);
}

mixent_status mixent_safetensors_parse(const char *bytes, size_t size, const char *origin,
                                       mixent_safetensors **out) {
  size_t length = 0;
  mixent_safetensors *file;
  extent *extents = NULL;
  *out = NULL;
  MIXENT_TRY(find_header(bytes, size, size, origin, &length));
  MIXENT_TRY(MIXENT_ALLOCATE(1, &file));
  size_t begin = sizeof(uint64_t) + length;
  mixent_status status = read_header(file, origin, bytes + sizeof(uint64_t), length, size - begin, &extents);
  if (status == MIXENT_OK) status = take_data(file, origin, extents, bytes + begin, size - begin, begin);
  free(extents);
  if (status != MIXENT_OK) {
    mixent_safetensors_free(file);
    return status;
  }
  *out = file;
  return MIXENT_OK;
}

/* `count` bytes from `offset` on; free(). */
static mixent_status read_bytes(FILE *stream, const char *path, size_t offset, size_t count, char **out) {
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(count, out));
  if (fseeko(stream, (off_t)offset, SEEK_SET) == 0 && fread(*out, 1, count, stream) == count)
    return MIXENT_OK;
  return ferror(stream) ? mixent_fail_errno("read", path)
                        : mixent_fail(MIXENT_ERROR_FORMAT, "%s: it became shorter while it was read", path);
}

/* The header first: what it says is held against the file's size before there is memory for the data. */
static mixent_status read_stream(FILE *stream, const char *path, mixent_safetensors *file) {
  enum { HEAD = 512 };
  char head[HEAD], *header = NULL;
  size_t size, length = 0, given = fread(head, 1, HEAD, stream);
  extent *extents = NULL;
  if (ferror(stream)) return mixent_fail_errno("read", path);
  MIXENT_TRY(mixent_file_size(stream, path, (size_t)1 << 34, &size));
  MIXENT_TRY(find_header(head, given, size, path, &length));
  size_t begin = sizeof(uint64_t) + length;
  mixent_status status = read_bytes(stream, path, sizeof(uint64_t), length, &header);
  if (status == MIXENT_OK) status = read_header(file, path, header, length, size - begin, &extents);
  if (status == MIXENT_OK) status = read_bytes(stream, path, begin, size - begin, &file->owned);
  if (status == MIXENT_OK) status = take_data(file, path, extents, file->owned, size - begin, begin);
  free(extents);
  free(header);
  return status;
}

mixent_status mixent_safetensors_open(const char *path, mixent_safetensors **out) {
  FILE *stream;
  *out = NULL;
  MIXENT_TRY(mixent_file_open(path, &stream));
  mixent_status status = MIXENT_ALLOCATE(1, out);
  if (status == MIXENT_OK) status = read_stream(stream, path, *out);
  fclose(stream);
  if (status != MIXENT_OK) {
    mixent_safetensors_free(*out);
    *out = NULL;
  }
  return status;
}

void mixent_safetensors_free(mixent_safetensors *file) {
  if (!file) return;
  json_decref(file->header);
  free(file->tensors);
  free(file->owned);
  free(file);
}

const mixent_safetensor *mixent_safetensors_tensors(const mixent_safetensors *file, size_t *count) {
  *count = file->count;
  return file->tensors;
}

const mixent_safetensor *mixent_safetensors_find(const mixent_safetensors *file, const char *name) {
  for (size_t i = 0; i < file->count; i++)
    if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
  return NULL;
}

const char *mixent_safetensors_metadata(const mixent_safetensors *file, const char *key) {
  return json_string_value(json_object_get(json_object_get(file->header, MIXENT_METADATA_KEY), key));
}

bool mixent_safetensors_metadata_at(const mixent_safetensors *file, size_t i, mixent_metadata *out) {
  const char *key;
  json_t *value;
  json_object_foreach(json_object_get(file->header, MIXENT_METADATA_KEY), key, value) {
    if (i-- > 0) continue;
    *out = (mixent_metadata){key, json_string_value(value)};
    return true;
  }
  return false;
}
