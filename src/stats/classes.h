/* What predictions are worth class by class: recall, precision, F1, and their means in which each class counts the same. */
#ifndef MIXENT_STATS_CLASSES_H
#define MIXENT_STATS_CLASSES_H

#include <stddef.h>
#include <stdint.h>

/* Of one class; start from {0}. */
typedef struct mixent_class_count {
  uint32_t images;    /* of this class */
  uint32_t predicted; /* taken for this class, rightly or not */
  uint32_t right;     /* of this class and taken for it */
} mixent_class_count;

/* counts [classes]. Adds a batch as mixent_metrics_add does (stats/metrics.h). */
void mixent_class_counts_add(mixent_class_count *counts, const float *logits, const int32_t *labels,
                             size_t rows, size_t classes);
/* Adds the counts of other rows. */
void mixent_class_counts_join(mixent_class_count *counts, const mixent_class_count *others, size_t classes);

/* right / images, right / predicted, 2 right / (images + predicted); NaN where the divisor is 0. */
double mixent_class_recall(const mixent_class_count *count);
double mixent_class_precision(const mixent_class_count *count);
double mixent_class_f1(const mixent_class_count *count);

/* As scikit-learn defines them; all 0 where no row was counted. */
typedef struct mixent_class_scores {
  size_t classes;           /* with images */
  double balanced_accuracy; /* mean recall of the classes with images */
  double macro_f1;          /* mean F1 of the classes with images or predictions */
  size_t worst;             /* class with the least recall, the first among equals */
  double worst_recall;
} mixent_class_scores;
mixent_class_scores mixent_class_scores_of(const mixent_class_count *counts, size_t classes);

#endif
