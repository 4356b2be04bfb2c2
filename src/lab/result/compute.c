/* A result from predictions: what mixent/statistics.h measures, and what can be counted image by image. */
#include "core/memory.h"
#include "lab/result/parts.h"
#include "stats/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

_Static_assert((int)MIXENT_RELIABILITY_BINS == (int)MIXENT_METRICS_BINS,
               "reliability has the bins of the ECE");

static mixent_predictions part_of(const mixent_run_predictions *predictions, const mixent_predicted *part) {
  return (mixent_predictions){part->logits, part->labels, part->images, predictions->classes};
}

/* `row`: scratch of one row. */
static void find_reliability(const mixent_predictions *test, double temperature, float *row,
                             mixent_reliability_bin *bins) {
  mixent_metrics sums = {0};
  for (size_t i = 0; i < test->images; i++) {
    for (size_t k = 0; k < test->classes; k++)
      row[k] = (float)(test->logits[i * test->classes + k] / temperature);
    mixent_metrics_add(&sums, row, &test->labels[i], 1, test->classes);
  }
  for (size_t b = 0; b < MIXENT_METRICS_BINS; b++) {
    size_t count = sums.bin_count[b];
    bins[b] = (mixent_reliability_bin){.count = count};
    if (count == 0) continue;
    bins[b].confidence = sums.bin_confidence[b] / (double)count;
    bins[b].accuracy = (double)sums.bin_correct[b] / (double)count;
  }
}

typedef struct mistake {
  size_t label, predicted, count; /* count: of this pair */
  double confidence;
  size_t image;
} mistake;

/* Frequent pairs first, within a pair the most confident. */
static int compare_mistakes(const void *left, const void *right) {
  const mistake *a = left, *b = right;
  if (a->count != b->count) return a->count < b->count ? 1 : -1;
  if (a->label != b->label) return a->label < b->label ? -1 : 1;
  if (a->predicted != b->predicted) return a->predicted < b->predicted ? -1 : 1;
  if (a->confidence != b->confidence) return a->confidence < b->confidence ? 1 : -1;
  return a->image < b->image ? -1 : 1;
}

static void list_confused(mistake *mistakes, size_t count, mixent_result *out) {
  for (size_t i = 0; i < count; i++)
    mistakes[i].count = out->confusion[mistakes[i].label * out->classes + mistakes[i].predicted];
  qsort(mistakes, count, sizeof *mistakes, compare_mistakes);
  for (size_t i = 0; i < count && out->confused_count < MIXENT_CONFUSED_PAIRS; i += mistakes[i].count) {
    mixent_confused *pair = &out->confused[out->confused_count++];
    *pair = (mixent_confused){mistakes[i].label, mistakes[i].predicted, mistakes[i].count, 0, {0}};
    for (; pair->image_count < pair->count && pair->image_count < MIXENT_CONFUSED_IMAGES; pair->image_count++)
      pair->images[pair->image_count] = mistakes[i + pair->image_count].image;
  }
}

/* Who is right, who is taken for whom, and how the entropies lie. `mistakes`: room for every image. */
static void count_images(const mixent_predictions *test, mistake *mistakes, mixent_result *out) {
  size_t count = 0;
  for (size_t i = 0; i < test->images; i++) {
    const float *logits = test->logits + i * test->classes;
    size_t label = (size_t)test->labels[i], predicted = mixent_metrics_predicted(logits, test->classes);
    mixent_metrics_row values = mixent_metrics_row_of(logits, label, test->classes);
    double share = test->classes > 1 ? values.entropy / log((double)test->classes) : 0;
    size_t bin = share > 0 ? (size_t)(share * MIXENT_ENTROPY_BINS) : 0;
    if (bin >= MIXENT_ENTROPY_BINS) bin = MIXENT_ENTROPY_BINS - 1;
    out->right[i] = values.correct;
    out->confusion[label * test->classes + predicted]++;
    (values.correct ? out->entropy_right : out->entropy_wrong)[bin]++;
    if (!values.correct)
      mistakes[count++] =
          (mistake){.label = label, .predicted = predicted, .confidence = values.confidence, .image = i};
  }
  list_confused(mistakes, count, out);
}

mixent_status mixent_result_score_classes(mixent_result *out) {
  mixent_class_count *counts;
  MIXENT_TRY(MIXENT_ALLOCATE(out->classes, &counts));
  for (size_t label = 0; label < out->classes; label++)
    for (size_t k = 0; k < out->classes; k++) {
      uint32_t count = out->confusion[label * out->classes + k];
      counts[label].images += count;
      counts[k].predicted += count;
      if (label == k) counts[k].right = count;
    }
  out->by_class = mixent_class_scores_of(counts, out->classes);
  free(counts);
  return MIXENT_OK;
}

/* risk [images]: scratch. */
static mixent_status measure_test(const mixent_predictions *test, double *risk, float *row, mistake *mistakes,
                                  mixent_result *out) {
  double temperature = out->temperature.temperature;
  MIXENT_TRY(mixent_calibration_measure(test, 1, risk, &out->test));
  for (size_t i = 0; i < MIXENT_COVERAGE_POINTS; i++) {
    size_t covered = (i + 1) * test->images / MIXENT_COVERAGE_POINTS;
    out->risk[i] = risk[covered ? covered - 1 : 0];
  }
  MIXENT_TRY(mixent_calibration_measure(test, temperature, NULL, &out->test_calibrated));
  find_reliability(test, 1, row, out->reliability);
  find_reliability(test, temperature, row, out->reliability_calibrated);
  count_images(test, mistakes, out);
  return MIXENT_OK;
}

static mixent_status measure_validation(const mixent_predictions *validation, mixent_result *out) {
  out->temperature = (mixent_temperature){.temperature = 1, .nll_before = NAN, .nll_after = NAN};
  if (validation->images == 0) return MIXENT_OK;
  MIXENT_TRY(mixent_temperature_fit(validation, &out->temperature));
  MIXENT_TRY(mixent_calibration_measure(validation, 1, NULL, &out->validation));
  return mixent_calibration_measure(validation, out->temperature.temperature, NULL,
                                    &out->validation_calibrated);
}

static mixent_status copy_names(const mixent_run_predictions *predictions, mixent_result *out) {
  MIXENT_TRY(MIXENT_ALLOCATE(predictions->classes, &out->class_names));
  for (; out->classes < predictions->classes; out->classes++)
    MIXENT_TRY(mixent_copy_text(predictions->class_names[out->classes], &out->class_names[out->classes]));
  return MIXENT_OK;
}

mixent_status mixent_result_compute(const mixent_run_predictions *predictions, mixent_result *out) {
  const mixent_predictions test = part_of(predictions, &predictions->test),
                           validation = part_of(predictions, &predictions->validation);
  if (test.classes > MIXENT_RESULT_CLASSES || test.images > MIXENT_RESULT_IMAGES)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "%zu images in %zu classes; %d in %d can be compared",
                       test.images, test.classes, MIXENT_RESULT_IMAGES, MIXENT_RESULT_CLASSES);
  double *risk = NULL;
  float *row = NULL;
  mistake *mistakes = NULL;
  MIXENT_TRY(copy_names(predictions, out));
  out->test_images = test.images, out->validation_images = validation.images;
  out->test_labels = (int64_t)crc32_z(0, (const Bytef *)test.labels, test.images * sizeof *test.labels);
  MIXENT_TRY(MIXENT_ALLOCATE(test.images, &out->right));
  MIXENT_TRY(MIXENT_ALLOCATE(test.classes * test.classes, &out->confusion));
  MIXENT_TRY(measure_validation(&validation, out));
  mixent_status status = MIXENT_ALLOCATE(test.images, &risk);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(test.classes, &row);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(test.images, &mistakes);
  if (status == MIXENT_OK) status = measure_test(&test, risk, row, mistakes, out);
  free(risk);
  free(row);
  free(mistakes);
  return status == MIXENT_OK ? mixent_result_score_classes(out) : status;
}
