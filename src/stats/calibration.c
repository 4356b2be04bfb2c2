/* Calibration measures over a whole set of images; what one image is worth comes from stats/metrics.h. */
#include "core/memory.h"
#include "core/status.h"
#include "core/threads.h"
#include "mixent/statistics.h"
#include "stats/metrics.h"
#include "stats/root.h"

#include <math.h>
#include <stdlib.h>

enum { ROW_GRAIN = 256 };

static const double coldest = 1e-3, hottest = 1e3;

typedef struct image {
  double confidence, entropy;
  double wrong; /* 0 or 1; once sorted, the mean of those with equal confidence */
} image;

static mixent_status check_row(const mixent_predictions *predictions, size_t i) {
  const float *row = predictions->logits + i * predictions->classes;
  float largest = -INFINITY;
  for (size_t k = 0; k < predictions->classes; k++) {
    if (isnan(row[k]) || row[k] == INFINITY)
      return mixent_fail(MIXENT_ERROR_NUMERIC, "image %zu: its logit of class %zu is %g", i, k,
                         (double)row[k]);
    if (row[k] > largest) largest = row[k];
  }
  if (largest == -INFINITY) return mixent_fail(MIXENT_ERROR_NUMERIC, "image %zu: all its logits are -inf", i);
  int32_t label = predictions->labels[i];
  if (label < 0 || (size_t)label >= predictions->classes)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "image %zu: label %d is not within 0 and %zu", i, (int)label,
                       predictions->classes - 1);
  return MIXENT_OK;
}

static mixent_status check(const mixent_predictions *predictions) {
  if (predictions->images == 0 || predictions->classes == 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu images of %zu classes: nothing to measure",
                       predictions->images, predictions->classes);
  for (size_t i = 0; i < predictions->images; i++) MIXENT_TRY(check_row(predictions, i));
  return MIXENT_OK;
}

static int compare_confidence(const void *left, const void *right) { /* the most confident first */
  const image *a = left, *b = right;
  return (a->confidence < b->confidence) - (a->confidence > b->confidence);
}

static int compare_entropy(const void *left, const void *right) {
  const image *a = left, *b = right;
  return (a->entropy > b->entropy) - (a->entropy < b->entropy);
}

/* Scores each row, scaled, in order; the sums are those of stats/metrics.c, to the bit. */
static mixent_status score(const mixent_predictions *predictions, double temperature, float *row,
                           image *images, mixent_calibration *out) {
  mixent_metrics sums = {0};
  size_t classes = predictions->classes;
  for (size_t i = 0; i < predictions->images; i++) {
    float largest = -INFINITY;
    for (size_t k = 0; k < classes; k++) {
      row[k] = (float)(predictions->logits[i * classes + k] / temperature);
      if (row[k] > largest) largest = row[k];
    }
    if (!isfinite(largest))
      return mixent_fail(MIXENT_ERROR_NUMERIC, "image %zu: its largest logit at temperature %g is %g", i,
                         temperature, (double)largest);
    mixent_metrics_row values = mixent_metrics_row_of(row, (size_t)predictions->labels[i], classes);
    mixent_metrics_add_row(&sums, &values);
    images[i] = (image){values.confidence, values.entropy, !values.correct};
  }
  mixent_metrics_values means = mixent_metrics_result(&sums);
  out->accuracy = means.accuracy;
  out->nll = means.nll;
  out->brier = means.brier;
  out->ece = means.ece;
  out->entropy = means.entropy;
  return MIXENT_OK;
}

static void split_entropy(const image *images, size_t count, mixent_calibration *out) {
  double right = 0, wrong = 0, errors = 0;
  for (size_t i = 0; i < count; i++) {
    errors += images[i].wrong;
    if (images[i].wrong == 1)
      wrong += images[i].entropy;
    else
      right += images[i].entropy;
  }
  out->entropy_right = errors < (double)count ? right / ((double)count - errors) : NAN;
  out->entropy_wrong = errors > 0 ? wrong / errors : NAN;
}

/* Mann and Whitney's statistic: for each run of equal entropies, its wrong ones against the right ones below it and half
 * of those in it. */
static double find_auroc(image *images, size_t count) {
  qsort(images, count, sizeof *images, compare_entropy);
  double pairs = 0, right = 0, wrong = 0;
  for (size_t begin = 0, end; begin < count; begin = end) {
    double errors = 0;
    for (end = begin; end < count && images[end].entropy == images[begin].entropy; end++)
      errors += images[end].wrong;
    double others = (double)(end - begin) - errors;
    pairs += errors * (right + others / 2);
    right += others;
    wrong += errors;
  }
  return right > 0 && wrong > 0 ? pairs / right / wrong : NAN;
}

static void sort_confidence(image *images, size_t count) {
  qsort(images, count, sizeof *images, compare_confidence);
  for (size_t begin = 0, end; begin < count; begin = end) {
    double errors = 0;
    for (end = begin; end < count && images[end].confidence == images[begin].confidence; end++)
      errors += images[end].wrong;
    for (size_t i = begin; i < end; i++) images[i].wrong = errors / (double)(end - begin);
  }
}

/* Bin b holds images b n / 15 to (b + 1) n / 15 in order of confidence. */
static double find_ece_equal_mass(const image *images, size_t count) {
  double ece = 0;
  for (size_t bin = 0; bin < MIXENT_METRICS_BINS; bin++) {
    double difference = 0;
    for (size_t i = bin * count / MIXENT_METRICS_BINS; i < (bin + 1) * count / MIXENT_METRICS_BINS; i++)
      difference += 1 - images[i].wrong - images[i].confidence;
    ece += fabs(difference);
  }
  return ece / (double)count;
}

static double find_risk(const image *images, size_t count, double *risk) {
  double errors = 0, area = 0;
  for (size_t i = 0; i < count; i++) {
    errors += images[i].wrong;
    if (risk) risk[i] = errors / (double)(i + 1);
    area += errors / (double)(i + 1);
  }
  return area / (double)count;
}

mixent_status mixent_calibration_measure(const mixent_predictions *predictions, double temperature,
                                         double *risk, mixent_calibration *out) {
  MIXENT_NEED(predictions);
  MIXENT_NEED(out);
  MIXENT_NEED(predictions->logits);
  MIXENT_NEED(predictions->labels);
  MIXENT_TRY(check(predictions));
  if (!(temperature > 0) || !isfinite(temperature))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "temperature %g is not above 0", temperature);
  float *row = NULL;
  image *images = NULL;
  mixent_status status = MIXENT_ALLOCATE(predictions->classes, &row);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(predictions->images, &images);
  if (status == MIXENT_OK) status = score(predictions, temperature, row, images, out);
  if (status == MIXENT_OK) {
    size_t count = predictions->images;
    split_entropy(images, count, out);
    out->auroc = find_auroc(images, count);
    sort_confidence(images, count);
    out->ece_equal_mass = find_ece_equal_mass(images, count);
    out->area = find_risk(images, count, risk);
  }
  free(row);
  free(images);
  return status;
}

/* NLL and its derivative by b = 1 / temperature, of one row: ln sum exp(b (z_k - z_y)), and the mean of z_k - z_y under
 * softmax(b z). */
typedef struct slope {
  double nll, derivative;
} slope;

static slope slope_of_row(const float *row, size_t label, size_t classes, double b) {
  double largest = row[0], sum = 0, inner = 0;
  for (size_t k = 1; k < classes; k++) largest = fmax(largest, row[k]);
  for (size_t k = 0; k < classes; k++) {
    double difference = row[k] - largest, exponential = exp(b * difference);
    sum += exponential;
    if (exponential != 0) inner += exponential * difference;
  }
  double behind = largest - row[label];
  return (slope){log(sum) + b * behind, inner / sum + behind};
}

typedef struct fit {
  const mixent_predictions *validation;
  double b;
  slope *rows; /* [images] */
} fit;

static void slope_range(void *context, size_t begin, size_t end) {
  fit *fit = context;
  size_t classes = fit->validation->classes;
  for (size_t i = begin; i < end; i++)
    fit->rows[i] = slope_of_row(fit->validation->logits + i * classes, (size_t)fit->validation->labels[i],
                                classes, fit->b);
}

/* Means, summed in the order of the images whatever the number of threads. */
static slope slope_at(fit *fit, double b) {
  size_t images = fit->validation->images;
  slope sum = {0};
  fit->b = b;
  mixent_parallel_for(images, ROW_GRAIN, slope_range, fit);
  for (size_t i = 0; i < images; i++) {
    sum.nll += fit->rows[i].nll;
    sum.derivative += fit->rows[i].derivative;
  }
  return (slope){sum.nll / (double)images, sum.derivative / (double)images};
}

static double derivative_at(double log_temperature, void *context) {
  return slope_at(context, exp(-log_temperature)).derivative;
}

mixent_status mixent_temperature_fit(const mixent_predictions *validation, mixent_temperature *out) {
  MIXENT_NEED(validation);
  MIXENT_NEED(out);
  MIXENT_NEED(validation->logits);
  MIXENT_NEED(validation->labels);
  MIXENT_TRY(check(validation));
  for (size_t i = 0; i < validation->images; i++)
    if (validation->logits[i * validation->classes + (size_t)validation->labels[i]] == -INFINITY)
      return mixent_fail(MIXENT_ERROR_NUMERIC,
                         "image %zu: its label has the logit -inf; no temperature mends that", i);
  fit fit = {.validation = validation};
  MIXENT_TRY(MIXENT_ALLOCATE(validation->images, &fit.rows));
  mixent_temperature result = {.temperature = 1, .nll_before = slope_at(&fit, 1).nll};
  result.found = slope_at(&fit, 1 / coldest).derivative > 0 && slope_at(&fit, 1 / hottest).derivative < 0;
  if (result.found)
    result.temperature = exp(mixent_root_find(derivative_at, &fit, log(coldest), log(hottest)));
  result.nll_after = result.found ? slope_at(&fit, 1 / result.temperature).nll : result.nll_before;
  free(fit.rows);
  *out = result;
  return MIXENT_OK;
}
