/* A model in memory, written as a checkpoint. */
#include "core/status.h"
#include "model/description.h"
#include "model/evaluator.h"
#include "model/state_dict.h"
#include "model/tensor_list.h"

#include <math.h>

static mixent_status check_values(const mixent_model *model) {
  if (!mixent_all_finite(model->parameters, mixent_graph_parameter_count(model->graph)) ||
      !mixent_all_finite(model->statistics, mixent_graph_statistic_count(model->graph)))
    return mixent_fail(MIXENT_ERROR_NUMERIC, "expected finite weights, got one that is not");
  for (int i = 0; i < MIXENT_LOSS_PARAMETERS; i++)
    if (!isfinite(model->loss.value[i]))
      return mixent_fail(MIXENT_ERROR_NUMERIC, "model: loss.value[%d]: expected a finite number, got %g", i,
                         model->loss.value[i]);
  if (model->epoch >= 0 && model->epoch <= MIXENT_MOST_EPOCHS && model->epoch == floor(model->epoch))
    return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "model: epoch: expected a whole number from 0 to %d, got %g",
                     MIXENT_MOST_EPOCHS, model->epoch);
}

mixent_status mixent_model_save(const mixent_model *model, const char *path) {
  const int64_t batches = 0; /* that batch norm has tracked: a model in memory does not know */
  mixent_description description;
  mixent_tensor_list list = {0};
  MIXENT_NEED(path);
  MIXENT_TRY(mixent_model_check(model));
  MIXENT_TRY(check_values(model));
  MIXENT_TRY(mixent_description_make(model, &description));
  mixent_tensor_list_add_model(&list, model->graph, model->parameters, model->statistics, &batches);
  mixent_status status = list.failed ? mixent_no_memory("%s", path)
                                     : mixent_safetensors_write(path, description.entries, description.count,
                                                                list.items, list.count);
  mixent_tensor_list_free(&list);
  mixent_description_free(&description);
  return status;
}
