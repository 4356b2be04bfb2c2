/* What is kept of a run's predictions: small, and enough to compare and report without model or data. */
#ifndef MIXENT_LAB_RESULT_H
#define MIXENT_LAB_RESULT_H

#include "core/status.h"
#include "lab/calibration.h"
#include <stddef.h>
#include <stdint.h>

enum {
  MIXENT_RELIABILITY_BINS = 15,
  MIXENT_ENTROPY_BINS = 20,
  MIXENT_COVERAGE_POINTS = 50,
  MIXENT_CONFUSED_PAIRS = 12,
  MIXENT_CONFUSED_IMAGES = 8
};
typedef struct mixent_reliability_bin {
  size_t count;
  double confidence, accuracy;
} mixent_reliability_bin; /* means; equal width */
typedef struct mixent_confused {
  size_t label, predicted, count, image_count, images[MIXENT_CONFUSED_IMAGES];
} mixent_confused; /* images: places in the test set */
typedef struct mixent_result {
  char *run;                        /* its directory */
  char *recipe, *data, *net, *loss; /* from summary.json */
  long seed;
  int epochs, best_epoch;
  double seconds, images_per_second;
  size_t classes, test_images,
      validation_images;          /* 0 validation images: nothing held out, and no temperature */
  char **class_names;             /* [classes] */
  mixent_temperature temperature; /* fitted on validation */
  mixent_calibration test, test_calibrated, validation,
      validation_calibrated; /* lab/calibration.h; _calibrated: at that temperature */
  uint8_t *right;            /* [test_images] 0/1 */
  uint32_t *confusion;       /* [classes (true), classes (predicted)] of test */
  mixent_reliability_bin reliability[MIXENT_RELIABILITY_BINS],
      reliability_calibrated[MIXENT_RELIABILITY_BINS];
  size_t entropy_right[MIXENT_ENTROPY_BINS],
      entropy_wrong[MIXENT_ENTROPY_BINS]; /* of test images, bins of equal width over 0 … ln classes */
  double risk[MIXENT_COVERAGE_POINTS];    /* share of errors among the (i+1)/50 most confident */
  mixent_confused confused[MIXENT_CONFUSED_PAIRS];
  size_t confused_count; /* most frequent pairs first */
} mixent_result;
mixent_status mixent_result_read(const char *run,
                                 mixent_result **out); /* makes result.json first where it is not there */
void mixent_result_free(mixent_result *result);

#endif
