/* The patterns oneDNN covers, one file per family; listed in patterns.c. */
#ifndef MIXENT_NET_ONEDNN_PATTERNS_H
#define MIXENT_NET_ONEDNN_PATTERNS_H

#include "core/memory.h"
#include "net/onednn/api.h"

/* weighted.c: conv2d, linear; in evaluation with the ReLU after them */
bool mixent_onednn_finds_weight_gradient(const mixent_plan *plan, int layer); /* of a conv2d: not of all */
int mixent_onednn_match_convolution(const mixent_plan *plan, int layer);
int mixent_onednn_match_linear(const mixent_plan *plan, int layer);
int mixent_onednn_match_convolution_relu(const mixent_plan *plan, int layer);
int mixent_onednn_match_linear_relu(const mixent_plan *plan, int layer);
mixent_status mixent_onednn_lower_weighted_forward(mixent_plan *plan, int layer, void **shared);
mixent_status mixent_onednn_lower_weighted_backward(mixent_plan *plan, int layer, void *shared);
/* One pass; `target_gradient` is the buffer of the gradient of its value, of the type of values (backward). */
mixent_status mixent_onednn_lower_weighted_pass(mixent_plan *plan, int layer, mixent_pass pass,
                                                int target_gradient);
/* The same by oneDNN's own Winograd convolution, and whether the version and processor have it. */
bool mixent_onednn_has_winograd(const mixent_plan *plan, int layer, mixent_pass pass);
mixent_status mixent_onednn_lower_winograd_pass(mixent_plan *plan, int layer, mixent_pass pass,
                                                int target_gradient);

/* quantized.c: conv2d, with the ReLU after it, in 8 bits */
int mixent_onednn_match_quantized(const mixent_plan *plan, int layer);
mixent_status mixent_onednn_lower_quantized(mixent_plan *plan, int layer, void **shared);

/* max_pool.c */
int mixent_onednn_match_max_pool(const mixent_plan *plan, int layer);
mixent_status mixent_onednn_lower_max_pool_forward(mixent_plan *plan, int layer, void **shared);
mixent_status mixent_onednn_lower_max_pool_backward(mixent_plan *plan, int layer, void *shared);

dnnl_data_type_t mixent_onednn_type(mixent_data_type type);
/* Whether oneDNN computes with the plan's type of values on this processor: bfloat16 needs AVX-512. */
bool mixent_onednn_has_type(const mixent_plan *plan);
/* The value of a layer, [N, C, H, W] stored channels last, or [N, C] (dimensions 2, maps of 1x1 only). */
mixent_shape mixent_onednn_value_shape(const mixent_plan *plan, int layer, int dimensions);
/* Whether the layer is there, of that kind, and its value has the type of the others: the logits are float in
 * a bfloat16 plan, and a primitive that reads and writes one type cannot give them. */
bool mixent_onednn_match_same_type(const mixent_plan *plan, int layer, mixent_layer_kind kind);
/* Copies the entries that are not negative and closes the list with -1; `out` holds count + 1. */
void mixent_onednn_buffer_list(int out[], const int in[], int count);

#endif
