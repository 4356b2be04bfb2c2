/* Several trained models as one, whose prediction is the mean of their probabilities. Its network is theirs side by side
 * (members, net/graph/describe.c), so that it is scored, predicts and is exported as any model is. */
#ifndef MIXENT_MODEL_ENSEMBLE_H
#define MIXENT_MODEL_ENSEMBLE_H

#include "mixent/model.h"

/* A new model of `count` others, which it does not need any more; of one a failure. Their input, classes and normalisation must
 * be the same; `names` stand for them in messages. It scores by the recipe of the first. Where the recipes cut the data in
 * different ways it knows no data set that it was trained on. */
mixent_status mixent_ensemble_make(const mixent_model *const *models, const char *const *names, size_t count,
                                   mixent_model **out);

#endif
