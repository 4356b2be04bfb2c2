/* What oneDNN covers, best first, and the shapes it sees. */
#include "net/onednn/patterns.h"

const mixent_backend_pattern mixent_onednn_patterns[] = {
    {"conv2d int8", mixent_onednn_match_quantized, mixent_onednn_lower_quantized, NULL},
    {"conv2d+relu", mixent_onednn_match_convolution_relu, mixent_onednn_lower_weighted_forward, NULL},
    {"linear+relu", mixent_onednn_match_linear_relu, mixent_onednn_lower_weighted_forward, NULL},
    {"conv2d", mixent_onednn_match_convolution, mixent_onednn_lower_weighted_forward,
     mixent_onednn_lower_weighted_backward},
    {"linear", mixent_onednn_match_linear, mixent_onednn_lower_weighted_forward,
     mixent_onednn_lower_weighted_backward},
    {"max_pool", mixent_onednn_match_max_pool, mixent_onednn_lower_max_pool_forward,
     mixent_onednn_lower_max_pool_backward},
    {0},
};
