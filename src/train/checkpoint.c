/* Writing checkpoints: the model's tensors in the order of PyTorch's state dict, then the state. */
#include "train/checkpoint.h"
#include "model/state_dict.h"
#include "model/tensor_list.h"
#include "train/checkpoint_state.h"

#include <math.h>

static void add_state(mixent_tensor_list *list, const mixent_checkpoint *checkpoint,
                      const mixent_small_state *small) {
  const mixent_train_state *state = checkpoint->state;
  size_t count, all = mixent_graph_parameter_count(checkpoint->graph);
  const mixent_tensor *parameters = mixent_graph_parameters(checkpoint->graph, &count);
  for (int a = 0; a < checkpoint->optimizer->state_arrays; a++)
    for (size_t i = 0; i < count; i++)
      mixent_tensor_list_add(list, MIXENT_F32, state->optimizer + (size_t)a * all + parameters[i].offset,
                             &parameters[i], 0, "state.optimizer.%s.%s",
                             checkpoint->optimizer->state_names[a], parameters[i].name);
  for (size_t i = 0; state->ema && i < count; i++)
    mixent_tensor_list_add(list, MIXENT_F32, state->ema + parameters[i].offset, &parameters[i], 0,
                           "state.ema.%s", parameters[i].name);
  if (state->losses)
    mixent_tensor_list_add(list, MIXENT_F32, state->losses, NULL, mixent_checkpoint_losses(checkpoint),
                           "state.losses");
  for (const mixent_small_field *field = mixent_small_fields; field->name; field++)
    mixent_tensor_list_add(list, field->element, (const char *)small + field->offset, NULL, field->count,
                           "%s", field->name);
}

/* A checkpoint that cannot be used must not take the place of one that can. */
static mixent_status check_finite(const mixent_checkpoint *checkpoint, bool with_state) {
  const mixent_train_state *state = checkpoint->state;
  size_t parameters = mixent_graph_parameter_count(checkpoint->graph);
  bool finite = mixent_all_finite(checkpoint->parameters, parameters) &&
                mixent_all_finite(checkpoint->statistics, mixent_graph_statistic_count(checkpoint->graph));
  if (with_state && finite)
    finite = mixent_all_finite(state->optimizer, parameters * (size_t)checkpoint->optimizer->state_arrays) &&
             (!state->ema || mixent_all_finite(state->ema, parameters)) &&
             (!state->losses || mixent_all_finite(state->losses, mixent_checkpoint_losses(checkpoint)));
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) finite &= isfinite(state->loss.value[k]) != 0;
  return finite ? MIXENT_OK : mixent_fail(MIXENT_ERROR_NUMERIC, "the weights are no longer finite");
}

static mixent_status write_checkpoint(const char *path, const mixent_checkpoint *checkpoint,
                                      bool with_state) {
  mixent_description description;
  mixent_small_state small;
  mixent_tensor_list list = {0};
  MIXENT_TRY(check_finite(checkpoint, with_state));
  MIXENT_TRY(mixent_checkpoint_describe(checkpoint, &description));
  mixent_small_state_pack(checkpoint, &small);
  mixent_tensor_list_add_model(&list, checkpoint->graph, checkpoint->parameters, checkpoint->statistics,
                               &small.batches_tracked);
  if (with_state) add_state(&list, checkpoint, &small);
  mixent_status status = list.failed ? mixent_no_memory("%s", path)
                                     : mixent_safetensors_write(path, description.entries, description.count,
                                                                list.items, list.count);
  mixent_tensor_list_free(&list);
  mixent_description_free(&description);
  return status;
}

mixent_status mixent_checkpoint_write_model(const char *path, const mixent_checkpoint *checkpoint) {
  return write_checkpoint(path, checkpoint, false);
}

mixent_status mixent_checkpoint_write_all(const char *path, const mixent_checkpoint *checkpoint) {
  return write_checkpoint(path, checkpoint, true);
}
