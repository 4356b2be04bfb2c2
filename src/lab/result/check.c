/* Whether a result that was read agrees with itself: each number that others give, exactly or within bounds, is worked out again. */
#include "lab/result/parts.h"

#include <math.h>
#include <string.h>

static const double rounding = 1e-6;

static bool is_near(double a, double b) {
  return (isnan(a) && isnan(b)) || fabs(a - b) <= rounding * (1 + fabs(b));
}

static bool is_within(double value, double low, double high) {
  return value >= low - rounding && value <= high + rounding;
}

/* 0 of no images, though their mean is NaN. */
static double part_of(double share, double mean) {
  return share > 0 ? share * mean : 0;
}

/* The entropy of all images is the mean of those that are right and those that are wrong. */
static bool entropies_agree(const mixent_calibration *part) {
  return is_near(part->entropy, part_of(part->accuracy, part->entropy_right) +
                                    part_of(1 - part->accuracy, part->entropy_wrong));
}

/* A temperature changes no prediction, but where it makes the two largest logits round to one number. */
static bool calibrated_agrees(const mixent_calibration *before, const mixent_calibration *after,
                              double temperature, size_t images) {
  if (!entropies_agree(after) || fabs(before->accuracy - after->accuracy) > 1.5 / (double)images + rounding)
    return false;
  return temperature != 1 || (is_near(before->nll, after->nll) && is_near(before->brier, after->brier) &&
                              is_near(before->ece, after->ece) && is_near(before->entropy, after->entropy));
}

/* It is fitted to the NLL of the images held out: the NLL is theirs, and no worse than at temperature 1. */
static bool temperature_agrees(const mixent_result *result) {
  const mixent_temperature *temperature = &result->temperature;
  if (result->validation_images == 0) return true;
  return is_near(temperature->nll_before, result->validation.nll) &&
         is_near(temperature->nll_after, result->validation_calibrated.nll) &&
         (!temperature->found || temperature->nll_after <= temperature->nll_before * (1 + rounding));
}

/* Accuracy and expected calibration error are those of the bins, and each bin holds whole images of its confidence. */
static bool bins_agree(const mixent_calibration *part, size_t images, const mixent_reliability_bin *bins) {
  const double width = 1.0 / MIXENT_RELIABILITY_BINS;
  double ece = 0, right = 0;
  for (size_t b = 0; b < MIXENT_RELIABILITY_BINS; b++) {
    double count = (double)bins[b].count, correct = count * bins[b].accuracy;
    bool empty = bins[b].count == 0;
    if (empty ? bins[b].confidence != 0 || bins[b].accuracy != 0
              : !is_within(bins[b].confidence, (double)b * width, (double)(b + 1) * width) ||
                    !is_near(correct, round(correct)))
      return false;
    ece += count / (double)images * fabs(bins[b].confidence - bins[b].accuracy);
    right += correct;
  }
  return is_near(ece, part->ece) && is_near(right / (double)images, part->accuracy);
}

/* NLL and Brier score lie where the bins allow. In the bin from a to d, with q the confidence and p the probability of the label: if the
 * image is right, p = q <= d, and its Brier score is within (1 - q)^2 and 2 (1 - q)^2; if it is wrong, p <= 1 - q, and p <= q, and
 * its Brier score is within q^2 + (1 - p)^2 >= 2 q^2 and 2. */
static bool scores_fit_bins(const mixent_calibration *part, size_t images,
                            const mixent_reliability_bin *bins) {
  double nll = 0, low = 0, high = 0;
  for (size_t b = 0; b < MIXENT_RELIABILITY_BINS; b++) {
    double a = (double)b / MIXENT_RELIABILITY_BINS, d = (double)(b + 1) / MIXENT_RELIABILITY_BINS;
    double right = (double)bins[b].count * bins[b].accuracy, wrong = (double)bins[b].count - right;
    nll -= right * log(d) + wrong * log(fmin(1 - a, d));
    low += right * (1 - d) * (1 - d) + wrong * 2 * a * a;
    high += right * 2 * (1 - a) * (1 - a) + wrong * 2;
  }
  return is_within(part->brier, low / (double)images, high / (double)images) &&
         (isnan(part->nll) || is_within(part->nll, nll / (double)images, HUGE_VAL));
}

/* Their mean lies where the bins of their entropies say. */
static bool histogram_agrees(const size_t *bins, double mean, size_t classes) {
  double low = 0, high = 0, count = 0;
  for (size_t b = 0; b < MIXENT_ENTROPY_BINS; b++) {
    count += (double)bins[b];
    low += (double)bins[b] * (double)b, high += (double)bins[b] * (double)(b + 1);
  }
  double unit = log((double)classes) / MIXENT_ENTROPY_BINS / count;
  return count > 0 ? is_within(mean, low * unit, high * unit) : isnan(mean);
}

/* A wrong image has a higher entropy than a right one of a lower bin; within a bin nobody knows. */
static bool auroc_agrees(const mixent_result *result) {
  double low = 0, high = 0, right = 0, wrong = 0;
  for (size_t b = 0; b < MIXENT_ENTROPY_BINS; b++) {
    double others = (double)result->entropy_right[b], errors = (double)result->entropy_wrong[b];
    low += errors * right;
    right += others, wrong += errors;
    high += errors * right;
  }
  if (right == 0 || wrong == 0) return isnan(result->test.auroc);
  return is_within(result->test.auroc, low / right / wrong, high / right / wrong);
}

/* Errors among the most confident become no fewer as more images are covered, and are those of all at the end. Between two points
 * there are at least those of the first and at most those of the second, which bounds the area under the curve. */
static const char *find_risk(const mixent_result *result) {
  double images = (double)result->test_images, before = 0, low = 0, high = 0;
  size_t covered = 0;
  for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++) {
    size_t next = (i + 1) * result->test_images / MIXENT_COVERAGE_POINTS;
    if (next == 0) next = 1; /* as the point is made */
    double errors = result->risk[i] * (double)next;
    if (!is_within(errors, before, before + (double)(next - covered))) return "risk";
    for (size_t k = covered + 1; k <= next; k++) low += before / (double)k, high += errors / (double)k;
    before = errors, covered = next;
  }
  if (!is_near(before / images, 1 - result->test.accuracy)) return "risk";
  return is_within(result->test.area, low / images, high / images) ? NULL : "aurc of the test part";
}

static bool comes_before(const mixent_result *result, const mixent_confused *pair, size_t label,
                         size_t predicted) {
  size_t count = result->confusion[label * result->classes + predicted];
  if (count != pair->count) return count > pair->count;
  return label < pair->label || (label == pair->label && predicted < pair->predicted);
}

/* The pairs are the most frequent ones of the confusion, in order, with images that are wrong. */
static bool confused_agrees(const mixent_result *result) {
  for (size_t p = 0; p < result->confused_count; p++) {
    const mixent_confused *pair = &result->confused[p];
    size_t before = 0,
           images = pair->count < MIXENT_CONFUSED_IMAGES ? pair->count : (size_t)MIXENT_CONFUSED_IMAGES;
    for (size_t label = 0; label < result->classes; label++)
      for (size_t predicted = 0; predicted < result->classes; predicted++)
        before += label != predicted && comes_before(result, pair, label, predicted);
    if (before != p || pair->count == 0 || pair->image_count != images) return false;
    for (size_t i = 0; i < images; i++) {
      if (result->right[pair->images[i]]) return false;
      for (size_t k = 0; k < i; k++)
        if (pair->images[i] == pair->images[k]) return false;
    }
  }
  size_t pairs = 0;
  for (size_t i = 0; i < result->classes * result->classes; i++)
    pairs += i / result->classes != i % result->classes && result->confusion[i] > 0;
  return result->confused_count == (pairs < MIXENT_CONFUSED_PAIRS ? pairs : (size_t)MIXENT_CONFUSED_PAIRS);
}

const char *mixent_result_contradiction(const mixent_result *result) {
  double temperature = result->temperature.temperature;
  size_t images = result->test_images;
  if (!entropies_agree(&result->test)) return "test";
  if (result->validation_images > 0 && !entropies_agree(&result->validation)) return "validation";
  if (!temperature_agrees(result)) return "temperature";
  if (!calibrated_agrees(&result->test, &result->test_calibrated, temperature, images))
    return "test_calibrated";
  if (result->validation_images > 0 && !calibrated_agrees(&result->validation, &result->validation_calibrated,
                                                          temperature, result->validation_images))
    return "validation_calibrated";
  if (!bins_agree(&result->test, images, result->reliability)) return "reliability";
  if (!scores_fit_bins(&result->test, images, result->reliability)) return "test";
  if (!bins_agree(&result->test_calibrated, images, result->reliability_calibrated))
    return "reliability_calibrated";
  if (!scores_fit_bins(&result->test_calibrated, images, result->reliability_calibrated))
    return "test_calibrated";
  if (!histogram_agrees(result->entropy_right, result->test.entropy_right, result->classes))
    return "entropy_right";
  if (!histogram_agrees(result->entropy_wrong, result->test.entropy_wrong, result->classes))
    return "entropy_wrong";
  if (!auroc_agrees(result)) return "auroc of the test part";
  const char *risk = find_risk(result);
  if (risk) return risk;
  return confused_agrees(result) ? NULL : "confused";
}
