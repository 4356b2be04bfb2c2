/* What is told of a model's predictions: accuracy, negative log-likelihood, calibration, sharpness. Rows are
 * added in the caller's order and summed in double, so that the same rows give the same bits whatever the
 * batch size. */
#ifndef MIXENT_STATS_METRICS_H
#define MIXENT_STATS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIXENT_METRICS_BINS = 15 };

/* Sums so far; start from {0}. */
typedef struct mixent_metrics {
  size_t count, correct;
  double nll, brier, entropy; /* summed over rows */
  /* per bin of confidence max q: bin i holds (i/15, (i+1)/15] */
  size_t bin_count[MIXENT_METRICS_BINS], bin_correct[MIXENT_METRICS_BINS];
  double bin_confidence[MIXENT_METRICS_BINS];
} mixent_metrics;

typedef struct mixent_metrics_values {
  size_t count, correct;
  double accuracy; /* argmax right, the lowest index among equals; 0 to 1 */
  double nll;      /* mean of -ln q_y */
  double ece;      /* expected calibration error: sum over bins of n_bin / n |accuracy - mean confidence| */
  double brier;    /* mean over rows of sum_k (q_k - [k = y])^2, 0 to 2 */
  double entropy;  /* mean of H(q) in nats */
} mixent_metrics_values;

/* One row: what its predictions are worth. */
typedef struct mixent_metrics_row {
  bool correct;
  double confidence, nll, brier, entropy; /* max q, and as in mixent_metrics_values */
} mixent_metrics_row;
/* The class of the largest logit, the lowest among equals. */
size_t mixent_metrics_predicted(const float *logits, size_t classes);
mixent_metrics_row mixent_metrics_row_of(const float *logits, size_t label, size_t classes);
void mixent_metrics_add_row(mixent_metrics *metrics, const mixent_metrics_row *row);

/* Adds a batch: logits [rows, classes], labels [rows] in 0..classes-1; a negative label leaves its row out. A
 * row with NaN or +inf, or of -inf alone, is counted as wrong and makes nll, ece, brier and entropy NaN. */
void mixent_metrics_add(mixent_metrics *metrics, const float *logits, const int32_t *labels, size_t rows,
                        size_t classes);

/* Adds the sums over other rows. */
void mixent_metrics_join(mixent_metrics *metrics, const mixent_metrics *others);

/* The means; all 0 when no row was counted. */
mixent_metrics_values mixent_metrics_result(const mixent_metrics *metrics);

#endif
