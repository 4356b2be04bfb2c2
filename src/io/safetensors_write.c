/* safetensors: writing. The header is JSON in the order given, padded with spaces to eight bytes. */
#include "core/file.h"
#include "core/memory.h"
#include "io/safetensors_header.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie in memory");

static size_t tensor_bytes(const mixent_safetensor *tensor) {
  size_t bytes = mixent_element_size(tensor->element);
  for (int i = 0; i < tensor->dimensions; i++) bytes *= (size_t)tensor->shape[i];
  return bytes;
}

/* Wide elements first: what follows stays aligned. */
static const size_t widths[] = {8, 4, 1};

static void place_tensors(const mixent_safetensor *tensors, size_t count, size_t *offsets) {
  size_t end = 0;
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t i = 0; i < count; i++)
      if (mixent_element_size(tensors[i].element) == widths[w])
        offsets[i] = end, end += tensor_bytes(&tensors[i]);
}

static json_t *describe(const mixent_safetensor *tensor, size_t offset) {
  json_t *shape = json_array();
  for (int i = 0; i < tensor->dimensions; i++) json_array_append_new(shape, json_integer(tensor->shape[i]));
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", mixent_element_name(tensor->element), "shape", shape,
                   "data_offsets", (json_int_t)offset, (json_int_t)offset + (json_int_t)tensor_bytes(tensor));
}

/* The header's text in *out, or a failure: no memory, or a text that is not UTF-8. */
static mixent_status make_header(const mixent_metadata *metadata, size_t metadata_count,
                                 const mixent_safetensor *tensors, size_t count, const size_t *offsets,
                                 char **out) {
  json_t *header = json_object(), *map = json_object();
  int failed = 0;
  for (size_t i = 0; i < metadata_count; i++)
    failed |= json_object_set_new(map, metadata[i].key, json_string(metadata[i].value));
  if (metadata_count) failed |= json_object_set(header, MIXENT_METADATA_KEY, map);
  for (size_t i = 0; i < count; i++)
    failed |= json_object_set_new(header, tensors[i].name, describe(&tensors[i], offsets[i]));
  *out = failed ? NULL : json_dumps(header, JSON_COMPACT);
  json_decref(map);
  json_decref(header);
  return *out ? MIXENT_OK
              : mixent_fail(MIXENT_ERROR_ARGUMENT,
                            "a name or a description for safetensors is not UTF-8, or memory is out");
}

static mixent_status write_all(const char *path, const char *header, const mixent_safetensor *tensors,
                               size_t count) {
  mixent_new_file file;
  size_t length = strlen(header), padded = (length + 7) / 8 * 8;
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)padded >> 8 * i);
  MIXENT_TRY(mixent_new_file_open(path, &file));
  /* a short write marks the stream, which the commit reports */
  fwrite(bytes, 1, sizeof bytes, file.stream);
  fprintf(file.stream, "%-*s", (int)padded, header);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t i = 0; i < count; i++)
      if (mixent_element_size(tensors[i].element) == widths[w])
        fwrite(tensors[i].data, 1, tensor_bytes(&tensors[i]), file.stream);
  return mixent_new_file_commit(&file);
}

mixent_status mixent_safetensors_write(const char *path, const mixent_metadata *metadata,
                                       size_t metadata_count, const mixent_safetensor *tensors,
                                       size_t tensor_count) {
  size_t *offsets;
  char *header;
  MIXENT_TRY(MIXENT_ALLOCATE(tensor_count, &offsets));
  place_tensors(tensors, tensor_count, offsets);
  mixent_status status = make_header(metadata, metadata_count, tensors, tensor_count, offsets, &header);
  free(offsets);
  if (status != MIXENT_OK) return status;
  status = write_all(path, header, tensors, tensor_count);
  free(header);
  return status;
}
