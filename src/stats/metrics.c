/* Metrics of predictions, row by row in double. Only four sums over a row of classes are needed: with m = max
 * z, d_j = z_j - m, e_j = exp d_j and S = sum e_j, q_j = e_j / S. */
#include "stats/metrics.h"
#include <math.h>

/* Bin i holds confidences in (i/15, (i+1)/15]; what is not a number goes to the first. */
static int bin_of(double confidence) {
  double bin = ceil(confidence * MIXENT_METRICS_BINS) - 1;
  return bin > 0 ? (bin < MIXENT_METRICS_BINS ? (int)bin : MIXENT_METRICS_BINS - 1) : 0;
}

size_t mixent_metrics_predicted(const float *logits, size_t classes) {
  size_t best = 0;
  for (size_t j = 1; j < classes; j++)
    if (logits[j] > logits[best]) best = j;
  return best;
}

mixent_metrics_row mixent_metrics_row_of(const float *logits, size_t label, size_t classes) {
  size_t best = mixent_metrics_predicted(logits, classes);
  double maximum = logits[best];
  double sum = 0, inner = 0, others = 0; /* S, sum e d, sum of e^2 over all but the label */
  for (size_t j = 0; j < classes; j++) {
    double difference = logits[j] - maximum, exponential = exp(difference);
    sum += exponential;
    if (exponential != 0) inner += exponential * difference; /* 0 * (-inf) is 0 */
    if (j != label) others += exponential * exponential;
  }
  double wrong = 1 - exp(logits[label] - maximum) / sum;
  return (mixent_metrics_row){.correct = best == label && !isnan(sum),
                              .confidence = 1 / sum,
                              .nll = log(sum) - (logits[label] - maximum), /* -ln q_y */
                              .brier =
                                  wrong * wrong + others / sum / sum, /* (1 - q_y)^2 + sum_{k != y} q_k^2 */
                              .entropy = log(sum) - inner / sum};     /* -sum q ln q */
}

void mixent_metrics_add_row(mixent_metrics *metrics, const mixent_metrics_row *row) {
  int bin = bin_of(row->confidence);
  metrics->count++;
  metrics->correct += row->correct;
  metrics->nll += row->nll;
  metrics->brier += row->brier;
  metrics->entropy += row->entropy;
  metrics->bin_count[bin]++;
  metrics->bin_correct[bin] += row->correct;
  metrics->bin_confidence[bin] += row->confidence;
}

void mixent_metrics_add(mixent_metrics *metrics, const float *logits, const int32_t *labels, size_t rows,
                        size_t classes) {
  for (size_t row = 0; row < rows; row++) {
    if (labels[row] < 0) continue;
    mixent_metrics_row values = mixent_metrics_row_of(logits + row * classes, (size_t)labels[row], classes);
    mixent_metrics_add_row(metrics, &values);
  }
}

void mixent_metrics_join(mixent_metrics *metrics, const mixent_metrics *others) {
  metrics->count += others->count;
  metrics->correct += others->correct;
  metrics->nll += others->nll;
  metrics->brier += others->brier;
  metrics->entropy += others->entropy;
  for (int bin = 0; bin < MIXENT_METRICS_BINS; bin++) {
    metrics->bin_count[bin] += others->bin_count[bin];
    metrics->bin_correct[bin] += others->bin_correct[bin];
    metrics->bin_confidence[bin] += others->bin_confidence[bin];
  }
}

mixent_metrics_values mixent_metrics_result(const mixent_metrics *metrics) {
  mixent_metrics_values result = {.count = metrics->count, .correct = metrics->correct};
  if (metrics->count == 0) return result;
  double count = (double)metrics->count;
  result.accuracy = (double)metrics->correct / count;
  result.nll = metrics->nll / count;
  result.brier = metrics->brier / count;
  result.entropy = metrics->entropy / count;
  for (int bin = 0; bin < MIXENT_METRICS_BINS; bin++) /* n_bin / n |accuracy - confidence|, n_bin cancelled */
    result.ece += fabs((double)metrics->bin_correct[bin] - metrics->bin_confidence[bin]) / count;
  return result;
}
