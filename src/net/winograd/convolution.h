/* 3x3 convolution with stride 1 by Winograd's minimal filtering: forward, to the data, to the weights. Values are
 * [rows, height, width, channels] in float or bfloat16, weights and their gradient float in PyTorch's order
 * [out, in, 3, 3]. Values do not depend on the number of threads; the gradient
 * of the weights, a sum over all images, does. */
#ifndef MIXENT_NET_WINOGRAD_CONVOLUTION_H
#define MIXENT_NET_WINOGRAD_CONVOLUTION_H

#include "mixent/status.h"
#include "net/kernels/kernels.h"

typedef enum mixent_winograd_pass {
  MIXENT_WINOGRAD_FORWARD,
  MIXENT_WINOGRAD_DATA,
  MIXENT_WINOGRAD_WEIGHTS
} mixent_winograd_pass;

typedef struct mixent_winograd_shape {
  int rows, height, width, channels; /* of the layer's input */
  int outputs;                       /* channels of its value */
  int padding;                       /* 0 to 2 */
  bool bf16;
  bool frozen; /* the transformed filters are kept from run to run (forward) */
} mixent_winograd_shape;

/* How a map is cut into tiles: a largest tile of 2, 3, 4 or 7 outputs everywhere, or 4 and 3 mixed to fit ("43"). */
typedef enum mixent_winograd_cut {
  MIXENT_CUT_2,
  MIXENT_CUT_3,
  MIXENT_CUT_4,
  MIXENT_CUT_43,
  MIXENT_CUT_7,
  MIXENT_CUTS
} mixent_winograd_cut;

/* "winograd-43": names of back ends in plans; indices are cuts. */
extern const char *const mixent_winograd_names[MIXENT_CUTS];

typedef struct mixent_winograd mixent_winograd;

/* `kernels` NULL: the best here. Up to `threads` threads will run it. */
mixent_status mixent_winograd_create(const mixent_winograd_shape *shape, mixent_winograd_pass pass,
                                     mixent_winograd_cut cut, const mixent_kernels *kernels, int threads,
                                     mixent_winograd **out);
void mixent_winograd_free(mixent_winograd *winograd);
/* Memory for the transformed filters, held between runs if the shape is frozen, and for the rest of one run. */
size_t mixent_winograd_filter_bytes(const mixent_winograd *winograd);
size_t mixent_winograd_scratch_bytes(const mixent_winograd *winograd);
/* What a run costs, in products of two floats for each image; compares cuts of one convolution. */
double mixent_winograd_cost(const mixent_winograd *winograd);

/* Forward: `from` is the input, `to` the value; bias may be NULL. Data: `from` is the gradient of the value, `to` that of
 * the input, no bias and ReLU. Memory is 64-byte aligned. With `kept` the filters in `filters` are those of the run
 * before. */
void mixent_winograd_run(const mixent_winograd *winograd, const void *from, const float *weights, bool kept,
                         const float *bias, bool relu, void *to, void *filters, void *scratch);
/* Weights: overwrites weight_gradient, and bias_gradient unless NULL. */
void mixent_winograd_run_weights(const mixent_winograd *winograd, const void *input, const void *gradient,
                                 float *weight_gradient, float *bias_gradient, void *filters, void *scratch);

#endif
