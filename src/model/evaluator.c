/* A trained model's network for evaluation, made and freed. */
#include "model/evaluator.h"
#include "core/status.h"

mixent_status mixent_evaluator_create(const mixent_model *model, int batch, mixent_precision precision,
                                      mixent_evaluator *out) {
  const mixent_net_options options = {.batch = batch, .precision = precision, .frozen = true};
  *out = (mixent_evaluator){0};
  if (precision != MIXENT_FP32 && precision != MIXENT_BF16 && precision != MIXENT_QUANTIZED)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "expected MIXENT_FP32, MIXENT_BF16 or MIXENT_QUANTIZED as the precision of a trained model, got %d",
        (int)precision);
  if (precision == MIXENT_BF16) {
    MIXENT_TRY(mixent_net_create(model->graph, &options, &out->net));
    mixent_net_use(out->net, model->parameters, model->statistics);
    return MIXENT_OK;
  }
  MIXENT_TRY(mixent_fold(model->graph, model->parameters, model->statistics, &out->folded));
  mixent_status status = mixent_net_create(out->folded.graph, &options, &out->net);
  if (status == MIXENT_OK)
    mixent_net_use(out->net, out->folded.parameters, out->folded.statistics);
  else
    mixent_evaluator_free(out);
  return status;
}

void mixent_evaluator_free(mixent_evaluator *evaluator) {
  mixent_net_free(evaluator->net);
  mixent_folded_free(&evaluator->folded);
  *evaluator = (mixent_evaluator){0};
}
