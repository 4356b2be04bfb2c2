/* A trained model as model hubs expect it: a directory with weights, configuration and card. */
#ifndef MIXENT_MODEL_HUB_H
#define MIXENT_MODEL_HUB_H

#include "mixent/model.h"

/* Writes model.safetensors (as mixent_one_file_write does), config.json and, unless it is there, README.md into a directory, which is
 * made where there is none. *card: README.md was written. Files of those names that it did not write stay, and are a failure. `model`
 * is what one file holds, or the ensemble of several. The card quotes the scores of the run that the only file lies in. */
mixent_status mixent_hub_write(const mixent_model *model, const char *const *files, size_t count, bool half,
                               const char *directory, bool *card);

#endif
