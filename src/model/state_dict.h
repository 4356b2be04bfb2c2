/* A network's tensors in a safetensors file, named as in PyTorch's state dict. */
#ifndef MIXENT_MODEL_STATE_DICT_H
#define MIXENT_MODEL_STATE_DICT_H

#include "io/safetensors.h"
#include "mixent/net.h"
#include <stdbool.h>

/* Whether its numbers can be read as floats: those of 32 bits, and of 16, which are widened. */
bool mixent_tensor_is_real(const mixent_safetensor *tensor);
/* One tensor of that type and shape into out; a difference is named. */
mixent_status mixent_tensor_read(const mixent_safetensors *file, const char *path, const char *name,
                                 mixent_element element, int dimensions, const int64_t *shape, void *out);
/* Floats in the form of `tensors`, each under PREFIX and its own name. */
mixent_status mixent_tensors_read(const mixent_safetensors *file, const char *path, const char *prefix,
                                  const mixent_tensor *tensors, size_t count, float *out);

/* "l1.1.running_mean" -> "l1.1.num_batches_tracked" in out; false for other names. */
bool mixent_batches_name(const char *statistic, char *out, size_t size);

/* The parameters and statistics of a file that must hold exactly the graph's; a difference is named. */
mixent_status mixent_state_dict_read(const mixent_safetensors *file, const char *path,
                                     const mixent_graph *graph, float *parameters, float *statistics);

/* Whether all of these are finite; over the step's threads. */
bool mixent_all_finite(const float *values, size_t count);

#endif
