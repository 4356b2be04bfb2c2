/* A trained model's network for evaluation: in float with batch norms folded into the layers before them, in
 * bfloat16 as it was trained, for folded weights would be rounded anew. The model must outlive it. */
#ifndef MIXENT_MODEL_EVALUATOR_H
#define MIXENT_MODEL_EVALUATOR_H

#include "mixent/model.h"
#include "net/graph/fold.h"

typedef struct mixent_evaluator {
  mixent_folded folded; /* zeroed where nothing is folded */
  mixent_net *net;      /* of `batch` rows, its parameters frozen */
} mixent_evaluator;

/* MIXENT_ERROR_ARGUMENT where a model that was filled in by hand lacks something, is not its network's, or holds numbers that make
 * no probabilities. */
mixent_status mixent_model_check(const mixent_model *model);

mixent_status mixent_evaluator_create(const mixent_model *model, int batch, mixent_precision precision,
                                      mixent_evaluator *out);
/* What divides the model's logits: of a model filled by hand, where it is 0, 1. */
static inline double mixent_model_temperature(const mixent_model *model) {
  return model->temperature != 0 ? model->temperature : 1;
}
/* Safe on a zeroed struct. */
void mixent_evaluator_free(mixent_evaluator *evaluator);

#endif
