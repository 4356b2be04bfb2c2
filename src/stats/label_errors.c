/* Confident learning, with cleanlab's tolerances (filter_by="confident_learning", ranked by normalized margin). */
#include "stats/label_errors.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

static const double tolerance = 1e-6;

static size_t largest_of(const double *row, size_t classes) {
  size_t best = 0;
  for (size_t k = 1; k < classes; k++)
    if (row[k] > row[best]) best = k;
  return best;
}

/* thresholds [classes]: infinite for a class without items. counts [classes]: zeros. */
static void find_thresholds(const double *probabilities, const int32_t *labels, size_t items, size_t classes,
                            size_t *counts, double *thresholds) {
  for (size_t i = 0; i < items; i++) {
    counts[labels[i]]++;
    thresholds[labels[i]] += probabilities[i * classes + (size_t)labels[i]];
  }
  for (size_t k = 0; k < classes; k++)
    thresholds[k] = counts[k] ? fmax(thresholds[k] / (double)counts[k], 2 * tolerance) : HUGE_VAL;
}

/* The class that a row is confidently of; `classes` if there is none. */
static size_t confident_class(const double *row, const double *thresholds, size_t classes) {
  size_t reached = 0, first = classes;
  for (size_t k = 0; k < classes; k++) {
    if (!(row[k] >= thresholds[k] - tolerance)) continue;
    if (reached++ == 0) first = k;
  }
  return reached > 1 ? largest_of(row, classes) : first;
}

static double margin_of(const double *row, size_t label, size_t classes) {
  double other = 0;
  for (size_t k = 0; k < classes; k++)
    if (k != label) other = fmax(other, row[k]);
  return (row[label] - other + 1) / 2;
}

static int compare_errors(const void *a, const void *b) {
  const mixent_label_error *x = a, *y = b;
  if (x->margin != y->margin) return x->margin < y->margin ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

static mixent_status list_errors(const double *probabilities, const int32_t *labels, size_t items,
                                 size_t classes, const double *thresholds, mixent_label_error **out,
                                 size_t *count) {
  for (size_t i = 0; i < items; i++) {
    const double *row = probabilities + i * classes;
    size_t label = (size_t)labels[i], best = largest_of(row, classes);
    size_t confident = confident_class(row, thresholds, classes);
    if (confident == classes || confident == label || row[best] <= row[label] + tolerance) continue;
    MIXENT_TRY(MIXENT_GROW(out, *count, "a list of labels"));
    (*out)[(*count)++] = (mixent_label_error){.item = i,
                                              .label = labels[i],
                                              .suggested = (int32_t)best,
                                              .confidence = row[label],
                                              .margin = margin_of(row, label, classes)};
  }
  if (*count) qsort(*out, *count, sizeof **out, compare_errors);
  return MIXENT_OK;
}

mixent_status mixent_label_errors_find(const double *probabilities, const int32_t *labels, size_t items,
                                       size_t classes, mixent_label_error **out, size_t *count) {
  size_t *counts = NULL;
  double *thresholds = NULL;
  *out = NULL, *count = 0;
  mixent_status status = MIXENT_ALLOCATE(classes, &counts);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(classes, &thresholds);
  if (status == MIXENT_OK) {
    find_thresholds(probabilities, labels, items, classes, counts, thresholds);
    status = list_errors(probabilities, labels, items, classes, thresholds, out, count);
  }
  free(counts);
  free(thresholds);
  if (status == MIXENT_OK) return status;
  free(*out);
  *out = NULL, *count = 0;
  return status;
}
