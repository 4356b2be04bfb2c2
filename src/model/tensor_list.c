/* Tensors listed for a checkpoint. */
#include "model/tensor_list.h"
#include "core/locale.h"
#include "core/memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void mixent_tensor_list_add(mixent_tensor_list *list, mixent_element element, const void *data,
                            const mixent_tensor *like, size_t count, const char *format, ...) {
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
static void add_statistics(mixent_tensor_list *list, const mixent_graph *graph, const float *values,
                           const char *bias, const int64_t *batches) {
  size_t count;
  const mixent_tensor *statistics = mixent_graph_statistics(graph, &count);
  const char *dot = strrchr(bias, '.');
  size_t layer = dot ? (size_t)(dot - bias) : 0;
  if (!dot || strcmp(dot, ".bias") != 0) return;
  for (size_t i = 0; i < count; i++) {
    const char *name = statistics[i].name;
    if (strncmp(name, bias, layer + 1) != 0 || strchr(name + layer + 1, '.')) continue;
    mixent_tensor_list_add(list, MIXENT_F32, values + statistics[i].offset, &statistics[i], 0, "%s", name);
    if (strcmp(name + layer, ".running_var") == 0)
      mixent_tensor_list_add(list, MIXENT_I64, batches, NULL, 0, "%.*s.num_batches_tracked", (int)layer,
                             name);
  }
}

void mixent_tensor_list_add_model(mixent_tensor_list *list, const mixent_graph *graph,
                                  const float *parameters, const float *statistics, const int64_t *batches) {
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(graph, &count);
  for (size_t i = 0; i < count; i++) {
    mixent_tensor_list_add(list, MIXENT_F32, parameters + tensors[i].offset, &tensors[i], 0, "%s",
                           tensors[i].name);
    add_statistics(list, graph, statistics, tensors[i].name, batches);
  }
}

void mixent_tensor_list_free(mixent_tensor_list *list) {
  for (size_t i = 0; i < list->count; i++) free((char *)list->items[i].name);
  free(list->items);
  *list = (mixent_tensor_list){0};
}
