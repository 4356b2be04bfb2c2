/* What is measured of a run: the one table that comparison, tables, JSON, CSV and report go by. */
#include "lab/compare/compare.h"

#include <math.h>
#include <string.h>

#define AT(field) offsetof(mixent_result, field)

const mixent_measure mixent_measures[MIXENT_MEASURES] = {
    [MIXENT_MEASURE_ACCURACY] = {"accuracy", "accuracy", "%", 100, 2, 1, MIXENT_MEASURE_TEST,
                                 AT(test.accuracy)},
    {"nll", "NLL", "", 1, 4, -1, MIXENT_MEASURE_TEST, AT(test.nll)},
    {"ece", "ECE", "", 1, 4, -1, MIXENT_MEASURE_TEST, AT(test.ece)},
    {"ece_equal_mass", "ECE, equal mass", "", 1, 4, -1, MIXENT_MEASURE_TEST, AT(test.ece_equal_mass)},
    {"brier", "Brier", "", 1, 4, -1, MIXENT_MEASURE_TEST, AT(test.brier)},
    {"entropy", "entropy", "", 1, 4, 0, MIXENT_MEASURE_TEST, AT(test.entropy)},
    {"entropy_right", "entropy of right", "", 1, 4, 0, MIXENT_MEASURE_TEST, AT(test.entropy_right)},
    {"entropy_wrong", "entropy of wrong", "", 1, 4, 0, MIXENT_MEASURE_TEST, AT(test.entropy_wrong)},
    {"auroc", "AUROC of errors", "", 1, 4, 1, MIXENT_MEASURE_TEST, AT(test.auroc)},
    {"aurc", "AURC", "", 1, 5, -1, MIXENT_MEASURE_TEST, AT(test.area)},
    {"temperature", "temperature", "", 1, 3, 0, MIXENT_MEASURE_CALIBRATED, AT(temperature.temperature)},
    {"nll_calibrated", "NLL at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.nll)},
    {"ece_calibrated", "ECE at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.ece)},
    {"ece_equal_mass_calibrated", "ECE, equal mass, at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.ece_equal_mass)},
    {"brier_calibrated", "Brier at temperature", "", 1, 4, -1, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.brier)},
    {"entropy_calibrated", "entropy at temperature", "", 1, 4, 0, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.entropy)},
    {"entropy_right_calibrated", "entropy of right at temperature", "", 1, 4, 0, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.entropy_right)},
    {"entropy_wrong_calibrated", "entropy of wrong at temperature", "", 1, 4, 0, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.entropy_wrong)},
    {"auroc_calibrated", "AUROC of errors at temperature", "", 1, 4, 1, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.auroc)},
    {"aurc_calibrated", "AURC at temperature", "", 1, 5, -1, MIXENT_MEASURE_CALIBRATED,
     AT(test_calibrated.area)},
    {"validation_accuracy", "validation accuracy", "%", 100, 2, 1, MIXENT_MEASURE_VALIDATION,
     AT(validation.accuracy)},
    {"seconds", "training time", "s", 1, 0, -1, MIXENT_MEASURE_RUN, AT(seconds)}};

double mixent_measure_of(const mixent_measure *measure, const mixent_result *result) {
  bool held_out = measure->kind == MIXENT_MEASURE_CALIBRATED || measure->kind == MIXENT_MEASURE_VALIDATION;
  if (held_out && !result->validation_images) return NAN;
  if (measure->kind == MIXENT_MEASURE_CALIBRATED && !result->temperature.found) return NAN;
  double value;
  memcpy(&value, (const char *)result + measure->offset, sizeof value);
  return value;
}

size_t mixent_measure_find(const char *name) {
  size_t index = 0;
  while (index < MIXENT_MEASURES && strcmp(mixent_measures[index].name, name) != 0) index++;
  return index;
}
