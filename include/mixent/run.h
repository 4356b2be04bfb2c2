/* What a run leaves behind: scores, and the summary of a finished run. */
#ifndef MIXENT_RUN_H
#define MIXENT_RUN_H

#include "mixent/loss.h"
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MIXENT_CLASS_NAME = 256 }; /* bytes of a class's name here; a longer name is cut */

/* What a set of images says about a network. Fractions and natural logarithms, not per cent. */
typedef struct mixent_scores {
  size_t images;
  double loss; /* with the weights, bases and epoch of the moment */
  double accuracy, nll, brier;
  double ece;                 /* expected calibration error, 15 bins of equal width */
  double entropy;             /* mean entropy of the predictions */
  double terms[MIXENT_TERMS]; /* those of the loss, and CE1, H, CE2, KL; the others 0 */
  bool by_class; /* the next four are known: not of training steps, nor of runs of older versions */
  double balanced_accuracy;            /* mean recall over the classes with images */
  double macro_f1;                     /* mean F1 over the classes with images or predictions */
  double worst_recall;                 /* the least recall of a class with images */
  char worst_class[MIXENT_CLASS_NAME]; /* the class of that recall */
} mixent_scores;

typedef struct mixent_train_summary {
  char run[4096];           /* the run's directory */
  const char *samples;      /* what was trained on: "images", or "rows" of a table */
  int best_epoch;           /* from 1 */
  int test_views;           /* of each image, whose predictions the next two average; 1: the image alone */
  mixent_scores validation; /* of best.safetensors; images 0 if nothing was held out */
  mixent_scores test;
  double images_per_second; /* training images over seconds of training: data, optimiser and EMA included */
  double seconds;           /* of training, over all parts of a resumed run */
  size_t peak_memory_bytes, parameters;
  char *json; /* the text of summary.json; free with mixent_train_summary_free */
} mixent_train_summary;
void mixent_train_summary_free(mixent_train_summary *summary);

#ifdef __cplusplus
}
#endif
#endif
