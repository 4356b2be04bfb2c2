/* The temperature of a trained model (Guo et al. 2017): fitted once, on the images held out, and kept in the checkpoint. */
#ifndef MIXENT_MODEL_TEMPERATURE_H
#define MIXENT_MODEL_TEMPERATURE_H

#include "mixent/model.h"
#include "run/predictions.h"

#define MIXENT_TEMPERATURE_KEY "temperature" /* in __metadata__: [T], of best.safetensors alone */

static inline bool mixent_is_temperature(double value) {
  return value >= MIXENT_LEAST_TEMPERATURE && value <= MIXENT_MOST_TEMPERATURE;
}

/* Fits it to what the model says of the images held out, and writes the checkpoint anew with it; where none has the least
 * NLL (nothing held out, no image wrong), the file stays as it is. The same predictions give the same bytes. */
mixent_status mixent_temperature_keep(const char *checkpoint, const mixent_predicted *validation,
                                      size_t classes);

#endif
