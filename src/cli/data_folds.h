/* Cross-validation for a data check: small models, each trained without a part of the data, say what they think of that part. */
#ifndef MIXENT_CLI_DATA_FOLDS_H
#define MIXENT_CLI_DATA_FOLDS_H

#include "lab/inspect/check.h"
#include "mixent/recipe.h"

typedef struct mixent_folds {
  const char *recipe, *net;    /* NULL: by the kind of data */
  long count, epochs, threads; /* epochs 0: by the kind of data */
} mixent_folds;

/* Trains a run for each fold below the system's directory of temporary files, adds what it says of its fold, and takes it away again. */
mixent_status mixent_folds_judge(const mixent_folds *folds, const mixent_dataset *dataset,
                                 mixent_out_of_sample *out);

#endif
