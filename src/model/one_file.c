/* Tensors of several checkpoints, or of one, put together and rounded. */
#include "model/one_file.h"
#include "core/file.h"
#include "core/half.h"
#include "core/memory.h"
#include "core/status.h"
#include "io/safetensors.h"
#include "model/description.h"
#include "model/import_onnx.h"
#include "model/temperature.h"
#include "net/graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parts of the file to be. */
typedef struct parts {
  mixent_safetensor *tensors; /* names are the list's own, data those of the files or of `rounded` */
  uint16_t **rounded;         /* [tensor_count], NULL: as it is in the file */
  mixent_metadata *metadata;
  size_t tensor_count, metadata_count;
  char fingerprint[17];
} parts;

/* A file that is read: a checkpoint, or an ONNX file, which is a model with what it says of itself. */
typedef struct source {
  mixent_safetensors *checkpoint; /* NULL: the rest counts */
  mixent_model *model;
  mixent_description description;
} source;

static mixent_status open_source(const char *path, source *out) {
  if (!mixent_has_ending(path, ".onnx")) return mixent_safetensors_open(path, &out->checkpoint);
  MIXENT_TRY(mixent_model_import_onnx(path, &out->model));
  return mixent_description_make(out->model, &out->description);
}

static void close_source(source *source) {
  mixent_safetensors_free(source->checkpoint);
  mixent_model_free(source->model);
  mixent_description_free(&source->description);
}

static bool metadata_at(const source *source, size_t i, mixent_metadata *out) {
  if (source->checkpoint) return mixent_safetensors_metadata_at(source->checkpoint, i, out);
  if (i >= source->description.count) return false;
  *out = source->description.entries[i];
  return true;
}

/* The first file's, but for the network and, of several, what was fitted to that model alone. */
static mixent_status add_metadata(parts *parts, const mixent_model *model, const source *first,
                                  size_t files) {
  mixent_metadata entry;
  snprintf(parts->fingerprint, sizeof parts->fingerprint, "%016llx", (unsigned long long)model->fingerprint);
  for (size_t i = 0; metadata_at(first, i, &entry); i++) {
    if (files > 1 && strcmp(entry.key, MIXENT_TEMPERATURE_KEY) == 0) continue;
    if (strcmp(entry.key, "net") == 0) entry.value = mixent_graph_name(model->graph);
    if (strcmp(entry.key, "net_text") == 0) entry.value = mixent_graph_text(model->graph);
    if (strcmp(entry.key, "fingerprint") == 0) entry.value = parts->fingerprint;
    MIXENT_TRY(MIXENT_GROW(&parts->metadata, parts->metadata_count, "a checkpoint"));
    parts->metadata[parts->metadata_count++] = entry;
  }
  return MIXENT_OK;
}

/* A tensor of the file as float16; `from` names the file. */
static mixent_status round_tensor(mixent_safetensor *tensor, const char *from, uint16_t **out) {
  const char *values = tensor->data;
  size_t count = tensor->bytes / sizeof(float);
  MIXENT_TRY(MIXENT_ALLOCATE(count, out));
  for (size_t i = 0; i < count; i++) {
    float value;
    memcpy(&value, values + i * sizeof value, sizeof value);
    (*out)[i] = mixent_f16_from_float(value);
    if (!isfinite(mixent_f16_to_float((*out)[i])))
      return mixent_fail(MIXENT_ERROR_NUMERIC,
                         "%s: '%.200s' holds %g; expected weights from -65504 to 65504, which is all that "
                         "float16 holds; write the file without --half",
                         from, tensor->name, (double)value);
  }
  tensor->element = MIXENT_ELEMENT_F16;
  tensor->data = *out;
  return MIXENT_OK;
}

/* `member` from 1; 0: there is but one file, and names stay. */
static mixent_status add_tensor(parts *parts, const mixent_safetensor *tensor, const char *from,
                                size_t member, bool half) {
  size_t at = parts->tensor_count;
  char *name;
  MIXENT_TRY(MIXENT_GROW(&parts->tensors, at, "a checkpoint"));
  MIXENT_TRY(MIXENT_GROW(&parts->rounded, at, "a checkpoint"));
  MIXENT_TRY(member ? mixent_print_text(&name, "m%zu.%s", member, tensor->name)
                    : mixent_copy_text(tensor->name, &name));
  parts->tensors[at] = *tensor;
  parts->tensors[at].name = name;
  parts->rounded[at] = NULL;
  parts->tensor_count++;
  if (!half || tensor->element != MIXENT_F32 || tensor->dimensions < 2) return MIXENT_OK;
  return round_tensor(&parts->tensors[at], from, &parts->rounded[at]);
}

static mixent_status add_checkpoint(parts *parts, const mixent_safetensors *file, const char *from,
                                    size_t member, bool half) {
  size_t count;
  const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
  for (size_t i = 0; i < count; i++)
    if (strncmp(tensors[i].name, "state.", 6) != 0) /* of a training that may go on */
      MIXENT_TRY(add_tensor(parts, &tensors[i], from, member, half));
  return MIXENT_OK;
}

/* A model's parameters or statistics. */
static mixent_status add_array(parts *parts, const mixent_tensor *tensors, size_t count, const float *values,
                               const char *from, size_t member, bool half) {
  for (size_t i = 0; i < count; i++) {
    mixent_safetensor tensor = {.name = tensors[i].name,
                                .element = MIXENT_F32,
                                .dimensions = tensors[i].dimensions,
                                .data = values + tensors[i].offset,
                                .bytes = tensors[i].count * sizeof *values};
    memcpy(tensor.shape, tensors[i].shape, sizeof tensors[i].shape);
    MIXENT_TRY(add_tensor(parts, &tensor, from, member, half));
  }
  return MIXENT_OK;
}

static mixent_status add_tensors(parts *parts, const source *source, const char *from, size_t member,
                                 bool half) {
  if (source->checkpoint) return add_checkpoint(parts, source->checkpoint, from, member, half);
  const mixent_model *model = source->model;
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(model->graph, &count);
  MIXENT_TRY(add_array(parts, tensors, count, model->parameters, from, member, half));
  tensors = mixent_graph_statistics(model->graph, &count);
  return add_array(parts, tensors, count, model->statistics, from, member, half);
}

static void free_parts(parts *parts) {
  for (size_t i = 0; i < parts->tensor_count; i++) {
    free((char *)parts->tensors[i].name);
    free(parts->rounded[i]);
  }
  free(parts->tensors);
  free(parts->rounded);
  free(parts->metadata);
}

mixent_status mixent_one_file_write(const mixent_model *model, const char *const *files, size_t count,
                                    bool half, const char *path) {
  source opened[MIXENT_MAX_INPUTS] = {{.checkpoint = NULL}};
  parts parts = {0};
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    status = open_source(files[i], &opened[i]);
    if (status == MIXENT_OK && i == 0) status = add_metadata(&parts, model, &opened[0], count);
    if (status == MIXENT_OK) status = add_tensors(&parts, &opened[i], files[i], count > 1 ? i + 1 : 0, half);
  }
  if (status == MIXENT_OK)
    status = mixent_safetensors_write(path, parts.metadata, parts.metadata_count, parts.tensors,
                                      parts.tensor_count);
  free_parts(&parts);
  for (size_t i = 0; i < count; i++) close_source(&opened[i]);
  return status;
}
