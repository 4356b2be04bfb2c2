/* Writing checkpoints: the model's tensors in the order of PyTorch's state dict, then the state. */
#include "train/checkpoint.h"
#include "core/locale.h"
#include "model/state_dict.h"
#include "train/checkpoint_state.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tensor_list {
  mixent_safetensor *items; /* names owned */
  size_t count;
  bool failed;
} tensor_list;

/* Adds a tensor with the shape of `like`, or one dimension of `count` elements, or a scalar (count 0). */
__attribute__((format(printf, 6, 7))) static void add_tensor(tensor_list *list, mixent_element element,
                                                             const void *data, const mixent_tensor *like,
                                                             size_t count, const char *format, ...) {
  va_list arguments;
  char *name = NULL;
  va_start(arguments, format);
  mixent_print_new(&name, format, arguments);
  va_end(arguments);
  if (!name || MIXENT_GROW(&list->items, list->count, "a checkpoint") != MIXENT_OK) {
    free(name);
    list->failed = true;
    return;
  }
  mixent_safetensor *tensor = &list->items[list->count++];
  *tensor = (mixent_safetensor){.name = name, .element = element, .data = data};
  tensor->dimensions = like ? like->dimensions : count > 0;
  for (int i = 0; i < tensor->dimensions; i++) tensor->shape[i] = like ? like->shape[i] : (int64_t)count;
}

/* After a batch norm's bias come its running mean, running variance and the number of batches, as in PyTorch.
 */
static void add_statistics(tensor_list *list, const mixent_checkpoint *checkpoint, const char *bias,
                           const int64_t *batches) {
  size_t count;
  const mixent_tensor *statistics = mixent_graph_statistics(checkpoint->graph, &count);
  const char *dot = strrchr(bias, '.');
  size_t layer = dot ? (size_t)(dot - bias) : 0;
  if (!dot || strcmp(dot, ".bias") != 0) return;
  for (size_t i = 0; i < count; i++) {
    const char *name = statistics[i].name;
    if (strncmp(name, bias, layer + 1) != 0 || strchr(name + layer + 1, '.')) continue;
    add_tensor(list, MIXENT_F32, checkpoint->statistics + statistics[i].offset, &statistics[i], 0, "%s",
               name);
    if (strcmp(name + layer, ".running_var") == 0)
      add_tensor(list, MIXENT_I64, batches, NULL, 0, "%.*s.num_batches_tracked", (int)layer, name);
  }
}

static void add_model(tensor_list *list, const mixent_checkpoint *checkpoint, const int64_t *batches) {
  size_t count;
  const mixent_tensor *parameters = mixent_graph_parameters(checkpoint->graph, &count);
  for (size_t i = 0; i < count; i++) {
    add_tensor(list, MIXENT_F32, checkpoint->parameters + parameters[i].offset, &parameters[i], 0, "%s",
               parameters[i].name);
    add_statistics(list, checkpoint, parameters[i].name, batches);
  }
}

static void add_state(tensor_list *list, const mixent_checkpoint *checkpoint,
                      const mixent_small_state *small) {
  const mixent_train_state *state = checkpoint->state;
  size_t count, all = mixent_graph_parameter_count(checkpoint->graph);
  const mixent_tensor *parameters = mixent_graph_parameters(checkpoint->graph, &count);
  for (int a = 0; a < checkpoint->optimizer->state_arrays; a++)
    for (size_t i = 0; i < count; i++)
      add_tensor(list, MIXENT_F32, state->optimizer + (size_t)a * all + parameters[i].offset, &parameters[i],
                 0, "state.optimizer.%s.%s", checkpoint->optimizer->state_names[a], parameters[i].name);
  for (size_t i = 0; state->ema && i < count; i++)
    add_tensor(list, MIXENT_F32, state->ema + parameters[i].offset, &parameters[i], 0, "state.ema.%s",
               parameters[i].name);
  for (size_t i = 0; state->slow && i < count; i++)
    add_tensor(list, MIXENT_F32, state->slow + parameters[i].offset, &parameters[i], 0, "state.slow.%s",
               parameters[i].name);
  if (state->predictions)
    add_tensor(list, MIXENT_F32, state->predictions, NULL, mixent_checkpoint_predictions(checkpoint),
               "state.predictions");
  if (state->losses)
    add_tensor(list, MIXENT_F32, state->losses, NULL, mixent_checkpoint_losses(checkpoint), "state.losses");
  for (const mixent_small_field *field = mixent_small_fields; field->name; field++)
    add_tensor(list, field->element, (const char *)small + field->offset, NULL, field->count, "%s",
               field->name);
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
             (!state->slow || mixent_all_finite(state->slow, parameters)) &&
             (!state->losses || mixent_all_finite(state->losses, mixent_checkpoint_losses(checkpoint))) &&
             (!state->predictions ||
              mixent_all_finite(state->predictions, mixent_checkpoint_predictions(checkpoint)));
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) finite &= isfinite(state->loss.value[k]) != 0;
  return finite ? MIXENT_OK : mixent_fail(MIXENT_ERROR_NUMERIC, "the weights are no longer finite");
}

static mixent_status write_checkpoint(const char *path, const mixent_checkpoint *checkpoint,
                                      bool with_state) {
  mixent_description description;
  mixent_small_state small;
  tensor_list list = {0};
  MIXENT_TRY(check_finite(checkpoint, with_state));
  MIXENT_TRY(mixent_description_make(checkpoint, &description));
  mixent_small_state_pack(checkpoint, &small);
  add_model(&list, checkpoint, &small.batches_tracked);
  if (with_state) add_state(&list, checkpoint, &small);
  mixent_status status = list.failed ? mixent_no_memory("%s", path)
                                     : mixent_safetensors_write(path, description.entries, description.count,
                                                                list.items, list.count);
  for (size_t i = 0; i < list.count; i++) free((char *)list.items[i].name);
  free(list.items);
  mixent_description_free(&description);
  return status;
}

mixent_status mixent_checkpoint_write_model(const char *path, const mixent_checkpoint *checkpoint) {
  return write_checkpoint(path, checkpoint, false);
}

mixent_status mixent_checkpoint_write_all(const char *path, const mixent_checkpoint *checkpoint) {
  return write_checkpoint(path, checkpoint, true);
}
