/* A trained model read from a checkpoint, or an ONNX file. */
#include "core/file.h"
#include "core/memory.h"
#include "io/safetensors.h"
#include "model/description.h"
#include "model/import_onnx.h"
#include "model/state_dict.h"
#include "net/graph/graph.h"

#include <stdlib.h>
#include <string.h>

/* Of numbers that parameters may be read from, in all tensors: no network has more, whatever its description says. */
static size_t count_elements(const mixent_safetensors *file) {
  size_t count, elements = 0;
  const mixent_safetensor *tensors = mixent_safetensors_tensors(file, &count);
  for (size_t i = 0; i < count; i++)
    if (mixent_tensor_is_real(&tensors[i]))
      elements += tensors[i].bytes / mixent_element_size(tensors[i].element);
  return elements;
}

static mixent_status read_network(const mixent_safetensors *file, const char *path, mixent_model *model) {
  const char *text = mixent_safetensors_metadata(file, "net_text");
  if (!text)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: 'net_text' in its description is missing; it is not a checkpoint of mixent",
                       path);
  const mixent_graph_options options = {
      .channels = model->channels, .side = model->side, .classes = model->classes, .dropout = -1};
  mixent_status status = mixent_graph_parse(text, "its network", &options, &model->graph);
  if (status != MIXENT_OK)
    return mixent_fail_within(status == MIXENT_ERROR_MEMORY ? status : MIXENT_ERROR_FORMAT, "%s", path);
  if (mixent_graph_parameter_count(model->graph) > count_elements(file))
    return mixent_fail(
        MIXENT_ERROR_FORMAT, "%s: expected the %zu parameters of network %s, got %zu numbers in all", path,
        mixent_graph_parameter_count(model->graph), mixent_graph_name(model->graph), count_elements(file));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_parameter_count(model->graph), &model->parameters));
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_graph_statistic_count(model->graph), &model->statistics));
  return mixent_state_dict_read(file, path, model->graph, model->parameters, model->statistics);
}

static const char *find_metadata(const void *file, const char *key) {
  return mixent_safetensors_metadata(file, key);
}

static mixent_status open_checkpoint(const char *path, mixent_model **out) {
  mixent_safetensors *file;
  mixent_model *model;
  *out = NULL;
  MIXENT_TRY(mixent_safetensors_open(path, &file));
  const mixent_described from = {.path = path, .source = file, .find = find_metadata};
  mixent_status status = MIXENT_ALLOCATE(1, &model);
  if (status == MIXENT_OK) status = mixent_description_read(&from, model);
  if (status == MIXENT_OK) status = read_network(file, path, model);
  mixent_safetensors_free(file);
  if (status != MIXENT_OK) {
    mixent_model_free(model);
    return status;
  }
  *out = model;
  return MIXENT_OK;
}

mixent_status mixent_model_open(const char *path, mixent_model **out) {
  MIXENT_NEED(path);
  MIXENT_NEED(out);
  return mixent_has_ending(path, ".onnx") ? mixent_model_import_onnx(path, out) : open_checkpoint(path, out);
}
