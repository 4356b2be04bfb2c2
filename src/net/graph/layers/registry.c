/* Every kind of layer, one line each. */
#include "net/graph/layers/kind.h"

const mixent_layer_type *const mixent_layer_types[] = {
    &mixent_layer_conv2d,   &mixent_layer_batch_norm,  &mixent_layer_relu,
    &mixent_layer_max_pool, &mixent_layer_global_pool, &mixent_layer_flatten,
    &mixent_layer_linear,   &mixent_layer_dropout,     &mixent_layer_split,
    &mixent_layer_concat,   &mixent_layer_add,         &mixent_layer_mean_probability,
    &mixent_layer_gelu,     &mixent_layer_silu,        NULL,
};

const mixent_layer_type *mixent_layer_type_find(const char *name) {
  for (const mixent_layer_type *const *type = mixent_layer_types; *type; type++)
    if (strcmp((*type)->name, name) == 0) return *type;
  return NULL;
}
