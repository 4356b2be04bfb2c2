/* The safetensors format: eight bytes of header length (little endian), a JSON header, the bytes of the
 * tensors.
 *   {"__metadata__": {"key": "text", …}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
 * …} What is written depends on nothing but what is given: same tensors, same bytes. */
#ifndef MIXENT_IO_SAFETENSORS_H
#define MIXENT_IO_SAFETENSORS_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mixent_element {
  MIXENT_F32,
  MIXENT_F64,
  MIXENT_I32,
  MIXENT_I64,
  MIXENT_U8,
  MIXENT_ELEMENT_F16,
  MIXENT_ELEMENT_BF16,
  MIXENT_ELEMENTS
} mixent_element;
size_t mixent_element_size(mixent_element element);

enum { MIXENT_SAFETENSORS_DIMENSIONS = 8 };

typedef struct mixent_safetensor {
  const char *name;
  mixent_element element;
  int dimensions; /* 0: a scalar */
  int64_t shape[MIXENT_SAFETENSORS_DIMENSIONS];
  const void *data; /* read: inside the file's bytes, perhaps not aligned: use memcpy */
  size_t bytes;     /* read only: of data */
} mixent_safetensor;

typedef struct mixent_metadata {
  const char *key, *value; /* UTF-8 */
} mixent_metadata;

/* Writes the file anew (beside, synced, renamed). The header keeps the order given; in the data wide elements
 * come first, so that every tensor is aligned to its element. After `metadata` come the format's version and the payload's
 * checksum; of a file that is written again the old ones give way. */
mixent_status mixent_safetensors_write(const char *path, const mixent_metadata *metadata,
                                       size_t metadata_count, const mixent_safetensor *tensors,
                                       size_t tensor_count);

typedef struct mixent_safetensors mixent_safetensors;

/* Reads a whole file and checks all of it: header, types, shapes, that the tensors cover the data without
 * gap or overlap, and the checksum where the file has one. A later version of the format is refused. */
mixent_status mixent_safetensors_open(const char *path, mixent_safetensors **out);
/* The same from memory that must outlive *out; `origin` names it in messages. */
mixent_status mixent_safetensors_parse(const char *bytes, size_t size, const char *origin,
                                       mixent_safetensors **out);
void mixent_safetensors_free(mixent_safetensors *file);

/* In the order of the header. */
const mixent_safetensor *mixent_safetensors_tensors(const mixent_safetensors *file, size_t *count);
/* NULL if there is none of that name. */
const mixent_safetensor *mixent_safetensors_find(const mixent_safetensors *file, const char *name);
/* Entry i of __metadata__, in the order of the file; false after the last. */
bool mixent_safetensors_metadata_at(const mixent_safetensors *file, size_t i, mixent_metadata *out);
/* The value of a key of __metadata__, or NULL. */
const char *mixent_safetensors_metadata(const mixent_safetensors *file, const char *key);

#endif
