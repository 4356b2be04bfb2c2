/* Our own runs as the engine's input. mixent_measures is the one table that comparison, tables, JSON, CSV and report go by. */
#include "lab/compare/runs.h"
#include "core/layout.h"
#include "core/locale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const mixent_measure mixent_measures[MIXENT_MEASURES] = {
    [MIXENT_MEASURE_ACCURACY] = {"accuracy", "accuracy", "%", 100, 2, 1, MIXENT_MEASURE_TEST},
    {"nll", "NLL", "", 1, 4, -1, MIXENT_MEASURE_TEST},
    {"ece", "ECE", "", 1, 4, -1, MIXENT_MEASURE_TEST},
    {"ece_equal_mass", "ECE, equal mass", "", 1, 4, -1, MIXENT_MEASURE_TEST},
    {"brier", "Brier", "", 1, 4, -1, MIXENT_MEASURE_TEST},
    {"entropy", "entropy", "", 1, 4, 0, MIXENT_MEASURE_TEST},
    {"entropy_right", "entropy of right", "", 1, 4, 0, MIXENT_MEASURE_TEST},
    {"entropy_wrong", "entropy of wrong", "", 1, 4, 0, MIXENT_MEASURE_TEST},
    {"auroc", "AUROC of errors", "", 1, 4, 1, MIXENT_MEASURE_TEST},
    {"aurc", "AURC", "", 1, 5, -1, MIXENT_MEASURE_TEST},
    {"balanced_accuracy", "balanced accuracy", "%", 100, 2, 1, MIXENT_MEASURE_TEST},
    {"macro_f1", "macro F1", "", 1, 4, 1, MIXENT_MEASURE_TEST},
    {"worst_recall", "recall of the worst class", "%", 100, 2, 1, MIXENT_MEASURE_TEST},
    {"temperature", "temperature", "", 1, 3, 0, MIXENT_MEASURE_CALIBRATED},
    {"nll_calibrated", "NLL at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED},
    {"ece_calibrated", "ECE at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED},
    {"ece_equal_mass_calibrated", "ECE, equal mass, at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED},
    {"brier_calibrated", "Brier at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED},
    {"entropy_calibrated", "entropy at temperature", "", 1, 4, 0, MIXENT_MEASURE_CALIBRATED},
    {"entropy_right_calibrated", "entropy of right at temperature", "", 1, 4, 0, MIXENT_MEASURE_CALIBRATED},
    {"entropy_wrong_calibrated", "entropy of wrong at temperature", "", 1, 4, 0, MIXENT_MEASURE_CALIBRATED},
    {"auroc_calibrated", "AUROC of errors at temperature", "", 1, 4, 1, MIXENT_MEASURE_CALIBRATED},
    {"aurc_calibrated", "AURC at temperature", "", 1, 5, -1, MIXENT_MEASURE_CALIBRATED},
    {"validation_accuracy", "validation accuracy", "%", 100, 2, 1, MIXENT_MEASURE_VALIDATION},
    {"seconds", "training time", "s", 1, 0, -1, MIXENT_MEASURE_RUN}};

/* Where in a result each measure is. */
#define AT(field) offsetof(mixent_result, field)
static const size_t offsets[MIXENT_MEASURES] = {AT(test.accuracy),
                                                AT(test.nll),
                                                AT(test.ece),
                                                AT(test.ece_equal_mass),
                                                AT(test.brier),
                                                AT(test.entropy),
                                                AT(test.entropy_right),
                                                AT(test.entropy_wrong),
                                                AT(test.auroc),
                                                AT(test.area),
                                                AT(by_class.balanced_accuracy),
                                                AT(by_class.macro_f1),
                                                AT(by_class.worst_recall),
                                                AT(temperature.temperature),
                                                AT(test_calibrated.nll),
                                                AT(test_calibrated.ece),
                                                AT(test_calibrated.ece_equal_mass),
                                                AT(test_calibrated.brier),
                                                AT(test_calibrated.entropy),
                                                AT(test_calibrated.entropy_right),
                                                AT(test_calibrated.entropy_wrong),
                                                AT(test_calibrated.auroc),
                                                AT(test_calibrated.area),
                                                AT(validation.accuracy),
                                                AT(seconds)};

double mixent_measure_of(size_t measure, const mixent_result *result) {
  mixent_measure_kind kind = mixent_measures[measure].kind;
  bool held_out = kind == MIXENT_MEASURE_CALIBRATED || kind == MIXENT_MEASURE_VALIDATION;
  if (held_out && !result->validation_images) return NAN;
  if (kind == MIXENT_MEASURE_CALIBRATED && !result->temperature.found) return NAN;
  double value;
  memcpy(&value, (const char *)result + offsets[measure], sizeof value);
  return value;
}

size_t mixent_measure_find(const char *name) {
  size_t index = 0;
  while (index < MIXENT_MEASURES && strcmp(mixent_measures[index].name, name) != 0) index++;
  return index;
}

void mixent_measures_of(const mixent_result *result, double *values) {
  for (size_t m = 0; m < MIXENT_MEASURES; m++) values[m] = mixent_measure_of(m, result);
}

static bool same_classes(const mixent_result *a, const mixent_result *b) {
  if (a->classes != b->classes) return false;
  for (size_t k = 0; a->class_names && b->class_names && k < a->classes; k++)
    if (strcmp(a->class_names[k], b->class_names[k]) != 0) return false;
  return true;
}

/* Runs are of one data set when they say so and have as many images and the same classes; that they are paired rests on it. */
static mixent_status check_pair(const mixent_result *first, const mixent_result *result) {
  if (!same_classes(result, first))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s and %s were scored on sets called %s with other classes; only runs on the same test "
        "part can be compared",
        first->run, result->run, first->data);
  if (result->test_images != first->test_images || strcmp(result->data, first->data) != 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s was scored on %zu test %s of %s, %s on %zu of %s; only runs on the same test "
                       "part can be compared",
                       first->run, first->test_images, mixent_samples_name(first->rows), first->data,
                       result->run, result->test_images, result->data);
  if (!mixent_result_same_labels(first, result))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s and %s were scored on test %s with other labels, or in another order; only runs on the "
        "same test part can be compared",
        first->run, result->run, mixent_samples_name(first->rows));
  return MIXENT_OK;
}

/* The runs of a data set that are finished. */
static mixent_status take_data(const mixent_runs_grid *grid, size_t data, mixent_runs_compared *out,
                               size_t *count) {
  size_t each = grid->variant_count * grid->seed_count;
  const mixent_result *first = NULL;
  out->data[data] = (mixent_compare_data){.name = grid->data[data], .samples = mixent_samples_name(false)};
  for (size_t i = 0; i < each; i++) {
    const mixent_result *result = grid->results[data * each + i];
    double *values = out->values + *count * MIXENT_MEASURES;
    if (!result) continue;
    if (!first) first = result;
    mixent_status status = check_pair(first, result);
    if (status != MIXENT_OK) return mixent_fail_within(status, "%s", grid->data[data]);
    mixent_measures_of(result, values);
    out->runs[(*count)++] =
        (mixent_compare_run){.data = data,
                             .variant = i / grid->seed_count,
                             .seed = (long)(i % grid->seed_count),
                             .values = values,
                             .right = result->right,
                             .no_temperature = result->validation_images && !result->temperature.found};
  }
  if (!first) return MIXENT_OK;
  out->data[data].items = first->test_images;
  out->data[data].samples = mixent_samples_name(first->rows);
  return MIXENT_OK;
}

static mixent_status compare(const mixent_runs_grid *grid, mixent_runs_compared *out) {
  size_t runs = grid->data_count * grid->variant_count * grid->seed_count, count = 0;
  MIXENT_TRY(MIXENT_ALLOCATE(grid->data_count, &out->data));
  MIXENT_TRY(MIXENT_ALLOCATE(runs, &out->runs));
  MIXENT_TRY(MIXENT_ALLOCATE(runs * MIXENT_MEASURES, &out->values));
  MIXENT_TRY(MIXENT_ALLOCATE(grid->seed_count, &out->texts));
  MIXENT_TRY(MIXENT_ALLOCATE(grid->seed_count, &out->seeds));
  for (size_t seed = 0; seed < grid->seed_count; seed++) {
    mixent_print(out->texts[seed], sizeof out->texts[seed], "%ld", grid->seeds[seed]);
    out->seeds[seed] = out->texts[seed];
  }
  MIXENT_TRY(MIXENT_ALLOCATE(grid->variant_count, &out->test_selected));
  for (size_t i = 0; i < grid->variant_count && grid->test_selected; i++)
    out->test_selected[i] = grid->test_selected[i];
  for (size_t data = 0; data < grid->data_count; data++) MIXENT_TRY(take_data(grid, data, out, &count));
  const mixent_compare_input input = {.measures = mixent_measures,
                                      .measure_count = MIXENT_MEASURES,
                                      .primary = MIXENT_MEASURE_ACCURACY,
                                      .accuracy = MIXENT_MEASURE_ACCURACY,
                                      .variants = grid->variants,
                                      .variant_count = grid->variant_count,
                                      .baseline = grid->baseline,
                                      .test_selected = out->test_selected,
                                      .seeds = out->seeds,
                                      .seed_count = grid->seed_count,
                                      .planned = true,
                                      .data = out->data,
                                      .data_count = grid->data_count,
                                      .runs = out->runs,
                                      .run_count = count,
                                      .difference = grid->difference,
                                      .confidence = grid->confidence,
                                      .replicates = grid->replicates};
  return mixent_compare(&input, &out->comparison);
}

mixent_status mixent_runs_compare(const mixent_runs_grid *grid, mixent_runs_compared *out) {
  *out = (mixent_runs_compared){0};
  mixent_status status = compare(grid, out);
  if (status != MIXENT_OK) mixent_runs_compared_free(out);
  return status;
}

void mixent_runs_compared_free(mixent_runs_compared *compared) {
  mixent_comparison_free(compared->comparison);
  free(compared->test_selected);
  free(compared->data);
  free(compared->runs);
  free(compared->values);
  free(compared->texts);
  free(compared->seeds);
  *compared = (mixent_runs_compared){0};
}
