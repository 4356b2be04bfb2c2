/* What is kept of a run's predictions: small, and enough to compare and report runs without model or data.
 * docs/FORMATS.md lists result.json, which holds the same. */
#ifndef MIXENT_LAB_RESULT_RESULT_H
#define MIXENT_LAB_RESULT_RESULT_H

#include "mixent/statistics.h"
#include "stats/classes.h"
#include <stddef.h>
#include <stdint.h>

enum {
  MIXENT_RELIABILITY_BINS = 15,
  MIXENT_ENTROPY_BINS = 20,
  MIXENT_COVERAGE_POINTS = 50,
  MIXENT_CONFUSED_PAIRS = 12,
  MIXENT_CONFUSED_IMAGES = 8
};

/* Images whose confidence lies in (i / 15, (i + 1) / 15]: means over them, 0 where there are none. */
typedef struct mixent_reliability_bin {
  size_t count;
  double confidence, accuracy;
} mixent_reliability_bin;

/* Images of one class taken for another. */
typedef struct mixent_confused {
  size_t label, predicted, count;
  size_t image_count, images[MIXENT_CONFUSED_IMAGES]; /* places in the test set, the most confident first */
} mixent_confused;

typedef struct mixent_result {
  char *run;                        /* its directory */
  char *recipe, *data, *net, *loss; /* from summary.json, as the next */
  bool rows;                        /* of a table were classified; else images */
  long seed;
  int epochs, best_epoch;
  double seconds, images_per_second; /* of training */
  size_t classes, test_images;
  size_t validation_images;       /* 0: nothing was held out, and no temperature found */
  char **class_names;             /* [classes] */
  mixent_temperature temperature; /* fitted on validation; 1, its likelihoods NaN, where there is none */
  mixent_calibration test, validation;
  mixent_calibration test_calibrated, validation_calibrated; /* at that temperature */
  uint8_t *right;                                            /* [test_images], 0 or 1 */
  int64_t
      test_labels; /* CRC-32 of the labels, int32 each: other labels are another test set; -1: not known */
  uint32_t *confusion;          /* [classes (true), classes (predicted)] of test */
  mixent_class_scores by_class; /* of test: what the confusion says */
  mixent_reliability_bin reliability[MIXENT_RELIABILITY_BINS],
      reliability_calibrated[MIXENT_RELIABILITY_BINS]; /* of test */
  size_t entropy_right[MIXENT_ENTROPY_BINS],
      entropy_wrong[MIXENT_ENTROPY_BINS]; /* test images, by bins of equal width over 0 to ln classes */
  double risk[MIXENT_COVERAGE_POINTS];    /* share of errors among the (i + 1) / 50 most confident */
  mixent_confused confused[MIXENT_CONFUSED_PAIRS];
  size_t confused_count; /* the most frequent pairs first */
} mixent_result;

/* Whether both were scored on the same labels in the same order; true as well where one does not know them. */
bool mixent_result_same_labels(const mixent_result *a, const mixent_result *b);

/* Reads summary.json and result.json of a finished run; where result.json is not there, it is made from
 * predictions.safetensors first. Says what to do about a run that is not finished or keeps neither, and refuses a
 * result.json that is damaged, contradicts itself or is not that run's (MIXENT_ERROR_FORMAT). */
mixent_status mixent_result_read(const char *run, mixent_result **out);
/* The same of the two files' texts; `run` names the run. */
mixent_status mixent_result_parse(const char *run, const char *summary, const char *kept,
                                  mixent_result **out);
/* The same of a directory without summary.json: what its predictions say, without what a summary does. A result.json that is older
 * than predictions.safetensors is made again. *out NULL, and no error, where neither is there. */
mixent_status mixent_result_read_predictions(const char *run, mixent_result **out);
void mixent_result_free(mixent_result *result);

#endif
