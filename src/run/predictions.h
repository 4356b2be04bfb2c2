/* predictions.safetensors: what the finished model says of each test and validation image. */
#ifndef MIXENT_RUN_PREDICTIONS_H
#define MIXENT_RUN_PREDICTIONS_H

#include "mixent/status.h"
#include <stddef.h>
#include <stdint.h>

/* Of one part of a data set; {0} where there is none. */
typedef struct mixent_predicted {
  size_t images;
  float *logits;   /* [images, classes]; of several views the logarithm of their mean probability */
  int32_t *labels; /* [images], as training and scoring saw them */
} mixent_predicted;
void mixent_predicted_free(mixent_predicted *predicted);

typedef struct mixent_run_predictions {
  size_t classes;
  char **class_names; /* [classes] */
  mixent_predicted test, validation;
} mixent_run_predictions;

mixent_status mixent_run_predictions_write(const char *path, const mixent_run_predictions *predictions);
/* Refuses what is not whole; labels are not held against the classes. */
mixent_status mixent_run_predictions_read(const char *path, mixent_run_predictions *out);
/* Of what was read. Safe on {0}. */
void mixent_run_predictions_free(mixent_run_predictions *predictions);

#endif
