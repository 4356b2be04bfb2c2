/* Tensors of one network copied into another's by name. */
#include "train/init_from.h"
#include "core/status.h"
#include "core/unicode.h"
#include "mixent/model.h"
#include "net/graph/layer.h"

#include <string.h>

static mixent_status same_classes(const mixent_model *model, const mixent_dataset *dataset, bool *same) {
  *same = model->classes == dataset->classes;
  for (int k = 0; *same && k < model->classes; k++)
    MIXENT_TRY(mixent_text_same(model->class_names[k], dataset->class_names[k], same));
  return MIXENT_OK;
}

/* The last linear layer; NULL: there is none. */
static const mixent_layer *find_head(const mixent_graph *graph) {
  for (int i = graph->layer_count - 1; i > 0; i--)
    if (mixent_layer_is(&graph->layers[i], MIXENT_LAYER_LINEAR)) return &graph->layers[i];
  return NULL;
}

static const mixent_tensor *find_tensor(const mixent_tensor *tensors, size_t count,
                                        const mixent_tensor *like) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(tensors[i].name, like->name) == 0 && tensors[i].dimensions == like->dimensions &&
        memcmp(tensors[i].shape, like->shape, (size_t)like->dimensions * sizeof *like->shape) == 0)
      return &tensors[i];
  return NULL;
}

/* A network's parameters, or its statistics. */
typedef struct tensor_set {
  const mixent_tensor *tensors;
  size_t count;
  float *values;
} tensor_set;

static mixent_status copy_tensors(const mixent_trainer *trainer, const mixent_model *model, tensor_set from,
                                  tensor_set to, const mixent_layer *kept) {
  for (size_t i = 0; i < to.count; i++) {
    const mixent_tensor *tensor = &to.tensors[i], *found = find_tensor(from.tensors, from.count, tensor);
    if (kept && ((int)i == kept->parameters[0] || (int)i == kept->parameters[1])) continue;
    if (!found)
      return mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "init_from: %s holds network %s, which has no '%s' of the shape that network %s has; name a "
          "checkpoint of the same network, or leave init_from out",
          trainer->recipe.init_from, mixent_graph_name(model->graph), tensor->name,
          mixent_graph_name(trainer->graph));
    memcpy(to.values + tensor->offset, from.values + found->offset, tensor->count * sizeof *to.values);
  }
  return MIXENT_OK;
}

static mixent_status take_weights(mixent_trainer *trainer, const mixent_model *model) {
  tensor_set from = {.values = model->parameters}, to = {.values = trainer->parameters};
  bool same;
  MIXENT_TRY(same_classes(model, trainer->dataset, &same));
  from.tensors = mixent_graph_parameters(model->graph, &from.count);
  to.tensors = mixent_graph_parameters(trainer->graph, &to.count);
  MIXENT_TRY(copy_tensors(trainer, model, from, to, same ? NULL : find_head(trainer->graph)));
  from.values = model->statistics, to.values = trainer->statistics;
  from.tensors = mixent_graph_statistics(model->graph, &from.count);
  to.tensors = mixent_graph_statistics(trainer->graph, &to.count);
  MIXENT_TRY(copy_tensors(trainer, model, from, to, NULL));
  size_t bytes = trainer->parameter_count * sizeof *trainer->parameters;
  if (trainer->state.ema) memcpy(trainer->state.ema, trainer->parameters, bytes);
  return MIXENT_OK;
}

mixent_status mixent_trainer_init_from(mixent_trainer *trainer) {
  mixent_model *model;
  if (!*trainer->recipe.init_from) return MIXENT_OK;
  mixent_status status = mixent_model_open(trainer->recipe.init_from, &model);
  if (status != MIXENT_OK) return mixent_fail_within(status, "init_from");
  status = take_weights(trainer, model);
  mixent_model_free(model);
  return status;
}
