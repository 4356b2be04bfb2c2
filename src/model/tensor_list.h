/* The tensors of a checkpoint that is being written, in the order of PyTorch's state dict. */
#ifndef MIXENT_MODEL_TENSOR_LIST_H
#define MIXENT_MODEL_TENSOR_LIST_H

#include "io/safetensors.h"
#include "mixent/net.h"

typedef struct mixent_tensor_list {
  mixent_safetensor *items; /* names are the list's own, data are not */
  size_t count;
  bool failed; /* memory ran out */
} mixent_tensor_list;

/* Adds a tensor with the shape of `like`, or one dimension of `count` elements, or a scalar (count 0). */
void mixent_tensor_list_add(mixent_tensor_list *list, mixent_element element, const void *data,
                            const mixent_tensor *like, size_t count, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* Adds a network's parameters and statistics, and `batches`, those that batch norm has tracked, for each batch norm. */
void mixent_tensor_list_add_model(mixent_tensor_list *list, const mixent_graph *graph,
                                  const float *parameters, const float *statistics, const int64_t *batches);
/* Safe on a zeroed struct. */
void mixent_tensor_list_free(mixent_tensor_list *list);

#endif
