/* libFuzzer: any bytes as an ONNX file. What is taken is a whole model: its numbers are finite, and no more of them than a file of
 * that size should need. */
#include "model/import_onnx.h"
#include "model/state_dict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_model *model;
  mixent_status status = mixent_model_parse_onnx((const char *)data, size, "input", &model);
  if (status == MIXENT_ERROR_MEMORY) return 0;
  if (status != MIXENT_OK) {
    if (strncmp(mixent_last_error(), "input", 5) != 0 || model) abort();
    return 0;
  }
  size_t parameters = mixent_graph_parameter_count(model->graph),
         statistics = mixent_graph_statistic_count(model->graph);
  if (parameters + statistics > size + (1 << 16)) abort();
  if (!mixent_all_finite(model->parameters, parameters) || !mixent_all_finite(model->statistics, statistics))
    abort();
  for (int c = 0; c < model->channels; c++)
    if (!isfinite(model->mean[c]) || !(model->deviation[c] > 0)) abort();
  for (int k = 0; k < model->classes; k++)
    if (!model->class_names[k]) abort();
  mixent_model_free(model);
  return 0;
}
