/* Reading a network's tensors: everything must be there, in the right type and shape, and finite. */
#include "model/state_dict.h"
#include "core/half.h"
#include "core/memory.h"
#include "core/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef struct finite_search {
  const float *values;
  atomic_bool found;
} finite_search;

/* In whole numbers, which the compiler puts into vectors: infinities and NaN have all bits of the exponent.
 */
static void look_for_infinite(void *context, size_t begin, size_t end) {
  const uint32_t exponent = 0x7f800000;
  finite_search *search = context;
  uint32_t found = 0;
  for (size_t i = begin; i < end; i++) {
    uint32_t bits;
    memcpy(&bits, &search->values[i], sizeof bits);
    found |= (bits & exponent) == exponent;
  }
  if (found) atomic_store(&search->found, true);
}

bool mixent_all_finite(const float *values, size_t count) {
  enum { PIECE = 65536 };
  finite_search search = {.values = values};
  mixent_parallel_for(count, PIECE, look_for_infinite, &search);
  return !atomic_load(&search.found);
}

bool mixent_batches_name(const char *statistic, char *out, size_t size) {
  const char *dot = strrchr(statistic, '.');
  if (!dot || strcmp(dot, ".running_mean") != 0) return false;
  snprintf(out, size, "%.*s.num_batches_tracked", (int)(dot - statistic), statistic);
  return true;
}

static void append_shape(mixent_text *text, int dimensions, const int64_t *shape) {
  mixent_text_append(text, "[");
  for (int i = 0; i < dimensions; i++) mixent_text_append_item(text, (size_t)i, "%lld", (long long)shape[i]);
  mixent_text_append(text, "]");
}

static mixent_status fail_shape(const char *path, const mixent_safetensor *found, int dimensions,
                                const int64_t *shape) {
  mixent_text has = {0}, wanted = {0};
  append_shape(&has, found->dimensions, found->shape);
  append_shape(&wanted, dimensions, shape);
  mixent_status status = mixent_fail(MIXENT_ERROR_FORMAT, "%s: '%.200s' has shape %s, expected %s", path,
                                     found->name, has.data ? has.data : "", wanted.data ? wanted.data : "");
  mixent_text_free(&has);
  mixent_text_free(&wanted);
  return status;
}

bool mixent_tensor_is_real(const mixent_safetensor *tensor) {
  return tensor->element == MIXENT_F32 || tensor->element == MIXENT_ELEMENT_F16 ||
         tensor->element == MIXENT_ELEMENT_BF16;
}

static void widen(const mixent_safetensor *tensor, float *out) {
  const char *from = tensor->data;
  for (size_t i = 0; i < tensor->bytes / sizeof(uint16_t); i++) {
    uint16_t half;
    memcpy(&half, from + i * sizeof half, sizeof half);
    out[i] = tensor->element == MIXENT_ELEMENT_F16 ? mixent_f16_to_float(half) : mixent_bf16_to_float(half);
  }
}

mixent_status mixent_tensor_read(const mixent_safetensors *file, const char *path, const char *name,
                                 mixent_element element, int dimensions, const int64_t *shape, void *out) {
  const mixent_safetensor *found = mixent_safetensors_find(file, name);
  if (!found) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: '%s' is missing", path, name);
  bool narrow = element == MIXENT_F32 && found->element != element && mixent_tensor_is_real(found);
  if (found->element != element && !narrow)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: '%s' has another number type", path, name);
  bool same = found->dimensions == dimensions;
  for (int i = 0; i < dimensions && same; i++) same = found->shape[i] == shape[i];
  if (!same) return fail_shape(path, found, dimensions, shape);
  if (narrow)
    widen(found, out);
  else if (found->bytes)
    memcpy(out, found->data, found->bytes);
  return MIXENT_OK;
}

mixent_status mixent_tensors_read(const mixent_safetensors *file, const char *path, const char *prefix,
                                  const mixent_tensor *tensors, size_t count, float *out) {
  char name[512];
  for (size_t i = 0; i < count; i++) {
    snprintf(name, sizeof name, "%s%s", prefix, tensors[i].name);
    MIXENT_TRY(mixent_tensor_read(file, path, name, MIXENT_F32, tensors[i].dimensions, tensors[i].shape,
                                  out + tensors[i].offset));
  }
  return MIXENT_OK;
}

static bool is_of_model(const char *name, const mixent_graph *graph) {
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(tensors[i].name, name) == 0) return true;
  tensors = mixent_graph_statistics(graph, &count);
  for (size_t i = 0; i < count; i++) {
    char batches[512];
    if (strcmp(tensors[i].name, name) == 0) return true;
    if (mixent_batches_name(tensors[i].name, batches, sizeof batches) && strcmp(batches, name) == 0)
      return true;
  }
  return false;
}

mixent_status mixent_state_dict_read(const mixent_safetensors *file, const char *path,
                                     const mixent_graph *graph, float *parameters, float *statistics) {
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  MIXENT_TRY(mixent_tensors_read(file, path, "", tensors, count, parameters));
  tensors = mixent_graph_statistics(graph, &count);
  MIXENT_TRY(mixent_tensors_read(file, path, "", tensors, count, statistics));
  const mixent_safetensor *found = mixent_safetensors_tensors(file, &count);
  for (size_t i = 0; i < count; i++)
    if (strncmp(found[i].name, "state.", 6) != 0 && !is_of_model(found[i].name, graph))
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s: holds '%.200s', which network %s has not", path,
                         found[i].name, mixent_graph_name(graph));
  if (!mixent_all_finite(parameters, mixent_graph_parameter_count(graph)) ||
      !mixent_all_finite(statistics, mixent_graph_statistic_count(graph)))
    return mixent_fail(MIXENT_ERROR_NUMERIC, "%s: some of its weights are not finite", path);
  return MIXENT_OK;
}
