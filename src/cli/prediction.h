/* The answers of `mixent predict`, printed. */
#ifndef MIXENT_CLI_PREDICTION_H
#define MIXENT_CLI_PREDICTION_H

#include "mixent/model.h"

typedef enum mixent_prediction_shape {
  MIXENT_PREDICTION_TEXT,
  MIXENT_PREDICTION_JSON,
  MIXENT_PREDICTION_CSV
} mixent_prediction_shape;

/* What was classified: an image, or row `row` (from 1) of a table. */
typedef struct mixent_predicted_subject {
  const char *path;
  size_t row; /* 0: an image */
  bool inverted;
} mixent_predicted_subject;

/* "file,row,class,p(A),p(B)"; of images without the row. */
mixent_status mixent_prediction_print_header(const mixent_model *model);
/* `width`: columns of the longest path, of rows of the longest number. Returns an exit code. */
int mixent_prediction_print(const mixent_model *model, mixent_prediction_shape shape,
                            const mixent_predicted_subject *subject, int width, const float *probabilities);

#endif
