/* A trained network's layers as C: constants, and the calls that compute them. */
#ifndef MIXENT_MODEL_C_LAYERS_H
#define MIXENT_MODEL_C_LAYERS_H

#include "mixent/model.h"
#include "model/c_plan.h"
#include "model/c_text.h"
#include "net/graph/fold.h"

/* Output channels whose sums are computed together, and inputs whose weights serve several windows before the next do. */
enum { MIXENT_C_BLOCK = 16, MIXENT_C_DEPTH = 16 };

/* The functions of src/model/exported, in the order in which a file has those that it needs. */
typedef enum mixent_c_function {
  MIXENT_C_EXPONENTIAL,
  MIXENT_C_LOGARITHM,
  MIXENT_C_NORMALISE_PIXELS,
  MIXENT_C_NORMALISE_FEATURES,
  MIXENT_C_FLOAT_WEIGHTS,
  MIXENT_C_INT8_WEIGHTS,
  MIXENT_C_CONVOLVE,
  MIXENT_C_BATCH_NORM,
  MIXENT_C_RELU,
  MIXENT_C_GELU,
  MIXENT_C_SILU,
  MIXENT_C_MAX_POOL,
  MIXENT_C_GLOBAL_POOL,
  MIXENT_C_FLATTEN,
  MIXENT_C_COPY_CHANNELS,
  MIXENT_C_ADD_CHANNELS,
  MIXENT_C_MEAN_PROBABILITY,
  MIXENT_C_SOFTMAX,
  MIXENT_C_FUNCTIONS
} mixent_c_function;
extern const char *const mixent_c_function_names[MIXENT_C_FUNCTIONS];

typedef struct mixent_c_exporter {
  const mixent_model *model;
  mixent_c_options options;
  mixent_folded folded;
  mixent_c_plan plan;
  bool needs[MIXENT_C_FUNCTIONS];
  mixent_text constants, calls;
  size_t constant_bytes;
} mixent_c_exporter;

/* MIXENT_ERROR_UNSUPPORTED, with the layer's name, where a layer has no form in C. */
mixent_status mixent_c_check_layers(const mixent_graph *graph);
/* The constants and the call of a step. */
mixent_status mixent_c_export_step(mixent_c_exporter *e, const mixent_c_step *step);

#endif
