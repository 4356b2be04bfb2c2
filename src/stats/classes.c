/* Counts of classes, and the scores that follow from them. */
#include "stats/classes.h"
#include "stats/metrics.h"

#include <math.h>

/* As stats/metrics.c has it: a row with NaN or infinity says nothing. */
static bool is_measured(const float *row, size_t predicted, size_t classes) {
  float sum = 0;
  for (size_t k = 0; k < classes; k++) sum += row[k] - row[predicted];
  return !isnan(sum);
}

void mixent_class_counts_add(mixent_class_count *counts, const float *logits, const int32_t *labels,
                             size_t rows, size_t classes) {
  for (size_t row = 0; row < rows; row++) {
    if (labels[row] < 0) continue;
    const float *values = logits + row * classes;
    size_t predicted = mixent_metrics_predicted(values, classes);
    counts[labels[row]].images++;
    counts[predicted].predicted++;
    counts[predicted].right += predicted == (size_t)labels[row] && is_measured(values, predicted, classes);
  }
}

void mixent_class_counts_join(mixent_class_count *counts, const mixent_class_count *others, size_t classes) {
  for (size_t k = 0; k < classes; k++) {
    counts[k].images += others[k].images;
    counts[k].predicted += others[k].predicted;
    counts[k].right += others[k].right;
  }
}

static double ratio(double part, double whole) {
  return whole > 0 ? part / whole : NAN;
}

double mixent_class_recall(const mixent_class_count *count) {
  return ratio(count->right, count->images);
}

double mixent_class_precision(const mixent_class_count *count) {
  return ratio(count->right, count->predicted);
}

double mixent_class_f1(const mixent_class_count *count) {
  return ratio(2.0 * count->right, (double)count->images + count->predicted);
}

mixent_class_scores mixent_class_scores_of(const mixent_class_count *counts, size_t classes) {
  mixent_class_scores scores = {0};
  double recalls = 0, f1 = 0;
  size_t seen = 0; /* with images or predictions */
  for (size_t k = 0; k < classes; k++) {
    if (counts[k].images + counts[k].predicted == 0) continue;
    seen++, f1 += mixent_class_f1(&counts[k]);
    if (counts[k].images == 0) continue;
    double recall = mixent_class_recall(&counts[k]);
    if (scores.classes == 0 || recall < scores.worst_recall) scores.worst = k, scores.worst_recall = recall;
    scores.classes++, recalls += recall;
  }
  if (scores.classes == 0) return scores;
  scores.balanced_accuracy = recalls / (double)scores.classes;
  scores.macro_f1 = f1 / (double)seen;
  return scores;
}
