/* The plan's values as oneDNN sees them. */
#include "net/onednn/patterns.h"
#include "net/onednn/processor.h"

#include <string.h>

dnnl_data_type_t mixent_onednn_type(mixent_data_type type) {
  return type == MIXENT_TYPE_BF16 ? dnnl_bf16 : dnnl_f32;
}

mixent_shape mixent_onednn_value_shape(const mixent_plan *plan, int layer, int dimensions) {
  const mixent_layer *l = &plan->graph->layers[layer];
  return (mixent_shape){.dimensions = dimensions,
                        .sizes = {plan->rows, l->channels, l->height, l->width},
                        .type = mixent_onednn_type(plan->types[layer]),
                        .layout = dimensions == 2 ? dnnl_ab : dnnl_nhwc};
}

bool mixent_onednn_has_type(const mixent_plan *plan) {
  unsigned isa = (unsigned)dnnl_get_effective_cpu_isa(), avx512 = (unsigned)dnnl_cpu_isa_avx512_core;
  if (plan->value_type == MIXENT_TYPE_BF16) return (isa & avx512) == avx512;
  return plan->value_type == MIXENT_TYPE_F32;
}

bool mixent_onednn_match_same_type(const mixent_plan *plan, int layer, mixent_layer_kind kind) {
  return layer < plan->graph->layer_count && mixent_onednn_has_type(plan) &&
         plan->types[layer] == plan->value_type && mixent_layer_is(&plan->graph->layers[layer], kind);
}

void mixent_onednn_buffer_list(int out[], const int in[], int count) {
  for (int i = 0; i < count; i++)
    if (in[i] >= 0) *out++ = in[i];
  *out = -1;
}
