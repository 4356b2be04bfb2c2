/* safetensors: writing. The header is JSON in the order given, padded with spaces to eight bytes; it holds the checksum of
 * what follows, so that the data are gone over twice (4 ms for the 29 MB of vgg5). */
#include "core/file.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "io/safetensors_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie in memory");

static size_t tensor_bytes(const mixent_safetensor *tensor) {
  size_t bytes = mixent_element_size(tensor->element);
  for (int i = 0; i < tensor->dimensions; i++) bytes *= (size_t)tensor->shape[i];
  return bytes;
}

/* Wide elements first: what follows stays aligned. */
static const size_t widths[] = {8, 4, 2, 1};

static void place_tensors(const mixent_safetensor *tensors, size_t count, size_t *offsets) {
  size_t end = 0;
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t i = 0; i < count; i++)
      if (mixent_element_size(tensors[i].element) == widths[w])
        offsets[i] = end, end += tensor_bytes(&tensors[i]);
}

/* Of the data, in the order in which write_all writes them. */
static unsigned long checksum(const mixent_safetensor *tensors, size_t count) {
  unsigned long crc = 0;
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t i = 0; i < count; i++)
      if (mixent_element_size(tensors[i].element) == widths[w] && tensor_bytes(&tensors[i]))
        crc = crc32_z(crc, tensors[i].data, tensor_bytes(&tensors[i]));
  return crc;
}

static json_t *describe(const mixent_safetensor *tensor, size_t offset) {
  json_t *shape = json_array();
  for (int i = 0; i < tensor->dimensions; i++) mixent_json_append(&shape, json_integer(tensor->shape[i]));
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", mixent_element_name(tensor->element), "shape", shape,
                   "data_offsets", (json_int_t)offset, (json_int_t)offset + (json_int_t)tensor_bytes(tensor));
}

static mixent_status check_text(const char *text) {
  if (mixent_is_utf8(text)) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "expected UTF-8 in the names and the description of safetensors, got '%.200s'", text);
}

static mixent_status check_texts(const mixent_metadata *metadata, size_t metadata_count,
                                 const mixent_safetensor *tensors, size_t count) {
  for (size_t i = 0; i < metadata_count; i++) {
    MIXENT_TRY(check_text(metadata[i].key));
    MIXENT_TRY(check_text(metadata[i].value));
  }
  for (size_t i = 0; i < count; i++) MIXENT_TRY(check_text(tensors[i].name));
  return MIXENT_OK;
}

static int find_format(const mixent_safetensor *tensors, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (mixent_element_size(tensors[i].element) == sizeof(uint16_t)) return MIXENT_SAFETENSORS_FORMAT;
  return MIXENT_SAFETENSORS_FORMAT_WIDE;
}

/* The header's text in *out; free(). */
static mixent_status make_header(const mixent_metadata *metadata, size_t metadata_count,
                                 const mixent_safetensor *tensors, size_t count, const size_t *offsets,
                                 char **out) {
  json_t *header = json_object(), *map = json_object();
  char format[16], crc[16];
  snprintf(format, sizeof format, "%d", find_format(tensors, count));
  snprintf(crc, sizeof crc, "%08lx", checksum(tensors, count));
  for (size_t i = 0; i < metadata_count; i++)
    mixent_json_set(&map, metadata[i].key, json_string(metadata[i].value));
  mixent_json_set(&map, MIXENT_FORMAT_KEY, json_string(format));
  mixent_json_set(&map, MIXENT_CHECKSUM_KEY, json_string(crc));
  mixent_json_set(&header, MIXENT_METADATA_KEY, map);
  for (size_t i = 0; i < count; i++)
    mixent_json_set(&header, tensors[i].name, describe(&tensors[i], offsets[i]));
  return mixent_json_write(header, JSON_COMPACT, out);
}

/* Only a header that reads as all of the tensors may go out: a name that comes twice would be one tensor less. */
static mixent_status check_header(const char *header, size_t entries, const char *path) {
  json_t *json;
  MIXENT_TRY(mixent_json_parse(header, strlen(header), JSON_REJECT_DUPLICATES, path, &json));
  size_t found = json_object_size(json);
  json_decref(json);
  if (found == entries) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s: expected a header of %zu entries, got %zu; give each tensor a name of its own",
                     path, entries, found);
}

static mixent_status write_all(const char *path, const char *header, const mixent_safetensor *tensors,
                               size_t count) {
  mixent_new_file file;
  size_t length = strlen(header), padded = (length + 7) / 8 * 8, size = sizeof padded + padded;
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)padded >> 8 * i);
  MIXENT_TRY(mixent_new_file_open(path, &file));
  /* a short write marks the stream, which the commit reports */
  fwrite(bytes, 1, sizeof bytes, file.stream);
  fwrite(header, 1, length, file.stream);
  fwrite("        ", 1, padded - length, file.stream);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t i = 0; i < count; i++)
      if (mixent_element_size(tensors[i].element) == widths[w]) {
        fwrite(tensors[i].data, 1, tensor_bytes(&tensors[i]), file.stream);
        size += tensor_bytes(&tensors[i]);
      }
  /* a pipe, which is written in place, has no length to look at */
  if (!file.temporary || ferror(file.stream) || ftello(file.stream) == (off_t)size)
    return mixent_new_file_commit(&file);
  mixent_new_file_abandon(&file);
  return mixent_fail(MIXENT_ERROR_IO, "%s: expected to write %zu bytes, got another length; run again", path,
                     size);
}

mixent_status mixent_safetensors_write(const char *path, const mixent_metadata *metadata,
                                       size_t metadata_count, const mixent_safetensor *tensors,
                                       size_t tensor_count) {
  size_t *offsets;
  char *header;
  MIXENT_TRY(check_texts(metadata, metadata_count, tensors, tensor_count));
  MIXENT_TRY(MIXENT_ALLOCATE(tensor_count, &offsets));
  place_tensors(tensors, tensor_count, offsets);
  mixent_status status = make_header(metadata, metadata_count, tensors, tensor_count, offsets, &header);
  free(offsets);
  MIXENT_TRY(status);
  status = check_header(header, tensor_count + 1, path);
  if (status == MIXENT_OK) status = write_all(path, header, tensors, tensor_count);
  free(header);
  return status;
}
