/* calibration: SciPy's values (tests/golden/statistics.h), the definitions by brute force, extremes, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/threads.h"
#include "golden/statistics.h"
#include "mixent/statistics.h"
#include "stats/metrics.h"
#include "unit/lab_near.h"

enum { IMAGES = 97, CLASSES = 5 };

static float logits[IMAGES * CLASSES];
static int32_t labels[IMAGES];
static const mixent_predictions predictions = {logits, labels, IMAGES, CLASSES};

/* The same numbers as `logits` in tests/golden/make_statistics.py. */
static void draw(void) {
  for (size_t i = 0; i < IMAGES; i++) {
    labels[i] = (int32_t)(i * 31 % CLASSES);
    for (size_t k = 0; k < CLASSES; k++)
      logits[i * CLASSES + k] = (float)((i * 7919 + k * 104729 + i * i * k * 13) % 1024) / 128;
    logits[i * CLASSES + (size_t)labels[i]] += 2.5f;
  }
}

static mixent_calibration measure(double temperature, double *risk) {
  mixent_calibration result;
  assert_int_equal(mixent_calibration_measure(&predictions, temperature, risk, &result), MIXENT_OK);
  return result;
}

static mixent_temperature fit(void) {
  mixent_temperature result;
  assert_int_equal(mixent_temperature_fit(&predictions, &result), MIXENT_OK);
  return result;
}

static void test_against_scipy(void **state) {
  (void)state;
  draw();
  const double *wanted = golden_calibration[0];
  mixent_calibration result = measure(1, NULL);
  const double values[] = {result.accuracy,       result.nll,     result.brier,
                           result.ece_equal_mass, result.entropy, result.entropy_right,
                           result.entropy_wrong,  result.auroc,   result.area};
  for (size_t i = 0; i < ROWS(values); i++) assert_near(values[i], wanted[i], 1e-10);
  mixent_temperature found = fit();
  assert_true(found.found);
  assert_near(found.temperature, wanted[9], 1e-10);
  assert_near(found.nll_after, wanted[10], 1e-12);
  assert_near(found.nll_before, wanted[1], 1e-12);
}

static void test_the_training_metrics_to_the_bit(void **state) {
  (void)state;
  draw();
  mixent_metrics sums = {0};
  mixent_metrics_add(&sums, logits, labels, IMAGES, CLASSES);
  mixent_metrics_values values = mixent_metrics_result(&sums);
  mixent_calibration result = measure(1, NULL);
  assert_true(result.accuracy == values.accuracy && result.nll == values.nll && result.brier == values.brier);
  assert_true(result.ece == values.ece && result.entropy == values.entropy);
}

/* All pairs of a right and a wrong image; with many equal entropies. */
static void test_auroc_by_brute_force(void **state) {
  (void)state;
  for (int step = 1; step < 40; step++) {
    draw();
    for (size_t i = 0; i < IMAGES * CLASSES; i++) logits[i] = rintf(logits[i] * 4 / (float)step);
    double pairs = 0, above = 0;
    mixent_metrics_row rows[IMAGES];
    for (size_t i = 0; i < IMAGES; i++)
      rows[i] = mixent_metrics_row_of(logits + i * CLASSES, (size_t)labels[i], CLASSES);
    for (size_t i = 0; i < IMAGES; i++)
      for (size_t k = 0; k < IMAGES; k++) {
        if (rows[i].correct || !rows[k].correct) continue;
        pairs++;
        above += rows[i].entropy > rows[k].entropy ? 1 : rows[i].entropy == rows[k].entropy ? 0.5 : 0;
      }
    if (pairs > 0) assert_near(measure(1, NULL).auroc, above / pairs, 1e-12);
  }
}

static void test_order_leaves_no_trace(void **state) {
  (void)state;
  draw();
  for (size_t i = 0; i < IMAGES * CLASSES; i++) logits[i] = rintf(logits[i] / 3); /* many equal confidences */
  double risk[IMAGES], turned[IMAGES];
  mixent_calibration one = measure(1, risk);
  for (size_t i = 0; i < IMAGES / 2; i++) {
    size_t other = IMAGES - 1 - i;
    for (size_t k = 0; k < CLASSES; k++) {
      float swap = logits[i * CLASSES + k];
      logits[i * CLASSES + k] = logits[other * CLASSES + k];
      logits[other * CLASSES + k] = swap;
    }
    int32_t swap = labels[i];
    labels[i] = labels[other], labels[other] = swap;
  }
  mixent_calibration two = measure(1, turned);
  assert_near(one.ece_equal_mass, two.ece_equal_mass, 1e-12);
  assert_near(one.area, two.area, 1e-12);
  for (size_t i = 0; i < IMAGES; i++) assert_near(risk[i], turned[i], 1e-12);
  assert_near(risk[IMAGES - 1], 1 - one.accuracy, 1e-12);
}

static void test_risk_and_coverage_by_hand(void **state) {
  (void)state;
  const float rows[] = {3, 0, 2, 0, 1, 0, 0.5f, 0};
  const int32_t truth[] = {0, 1, 0, 1}; /* right, wrong, right, wrong: in order of confidence */
  double risk[4];
  mixent_calibration result;
  assert_int_equal(mixent_calibration_measure(&(mixent_predictions){rows, truth, 4, 2}, 1, risk, &result),
                   MIXENT_OK);
  assert_true(risk[0] == 0 && risk[1] == 0.5 && risk[3] == 0.5);
  assert_near(risk[2], 1 / 3.0, 1e-15);
  assert_near(result.area, (0.5 + 1 / 3.0 + 0.5) / 4, 1e-15);
  assert_near(result.auroc, 0.75, 1e-15);
}

/* At the temperature found NLL has no slope, and logits scaled by it ask for none. */
static void test_temperature_is_the_least(void **state) {
  (void)state;
  for (float scale = 0.01f; scale < 300; scale *= 4) {
    draw();
    for (size_t i = 0; i < IMAGES * CLASSES; i++) logits[i] *= scale;
    mixent_temperature found = fit();
    assert_true(found.found);
    assert_near(found.temperature, golden_calibration[0][9] * (double)scale, 1e-6);
    double before = measure(found.temperature * 0.999, NULL).nll, at = measure(found.temperature, NULL).nll;
    double after = measure(found.temperature * 1.001, NULL).nll;
    assert_near(at, found.nll_after, 1e-6);
    assert_true(at < before && at < after);
    assert_true(fabs(after - before) < 1e-6);
  }
}

static void test_temperature_at_extremes(void **state) {
  (void)state;
  draw();
  for (size_t i = 0; i < IMAGES; i++) logits[i * CLASSES + (size_t)labels[i]] = 100; /* none wrong */
  assert_true(!fit().found && fit().temperature == 1 && fit().nll_after == fit().nll_before);
  memset(logits, 0, sizeof logits); /* they say nothing */
  assert_true(!fit().found && fit().temperature == 1);
  draw();
  for (size_t i = 0; i < IMAGES; i++) logits[i * CLASSES + (size_t)labels[i]] -= 30; /* worse than chance */
  assert_true(!fit().found);
  draw();
  for (size_t i = 0; i < IMAGES; i++) logits[i * CLASSES + (size_t)(labels[i] + 1) % CLASSES] = -INFINITY;
  assert_true(isfinite(fit().temperature));
  logits[0] = 1e30f; /* one certain error among many that are right */
  labels[0] = 2;
  assert_true(isfinite(fit().temperature) && fit().nll_after <= fit().nll_before);
}

static void test_threads_leave_no_trace(void **state) {
  (void)state;
  draw();
  int threads = mixent_threads();
  mixent_threads_set(1);
  mixent_temperature one = fit();
  mixent_threads_set(3);
  mixent_temperature three = fit();
  mixent_threads_set(threads);
  assert_true(one.temperature == three.temperature && one.nll_after == three.nll_after);
}

static void test_one_kind_alone(void **state) {
  (void)state;
  draw();
  for (size_t i = 0; i < IMAGES; i++) logits[i * CLASSES + (size_t)labels[i]] = 100;
  mixent_calibration result = measure(1, NULL);
  assert_true(result.accuracy == 1 && isnan(result.auroc) && isnan(result.entropy_wrong) && result.area == 0);
  assert_near(result.entropy_right, result.entropy, 1e-12);
}

static void test_what_is_refused(void **state) {
  (void)state;
  mixent_calibration out;
  mixent_temperature found;
  draw();
  assert_refused(mixent_calibration_measure(&(mixent_predictions){logits, labels, 0, 5}, 1, NULL, &out),
                 MIXENT_ERROR_ARGUMENT, "0 images");
  assert_refused(mixent_calibration_measure(&predictions, 0, NULL, &out), MIXENT_ERROR_ARGUMENT,
                 "temperature");
  assert_refused(mixent_calibration_measure(&predictions, NAN, NULL, &out), MIXENT_ERROR_ARGUMENT,
                 "temperature");
  logits[3 * CLASSES + 2] = 3e37F;
  assert_refused(mixent_calibration_measure(&predictions, 1e-3, NULL, &out), MIXENT_ERROR_NUMERIC,
                 "image 3: its largest logit at temperature 0.001 is inf");
  logits[3 * CLASSES + 2] = NAN;
  assert_refused(mixent_calibration_measure(&predictions, 1, NULL, &out), MIXENT_ERROR_NUMERIC,
                 "image 3: its logit of class 2");
  assert_refused(mixent_temperature_fit(&predictions, &found), MIXENT_ERROR_NUMERIC, "image 3");
  for (size_t k = 0; k < CLASSES; k++) logits[3 * CLASSES + k] = -INFINITY;
  assert_refused(mixent_temperature_fit(&predictions, &found), MIXENT_ERROR_NUMERIC, "all its logits");
  draw();
  logits[4 * CLASSES + (size_t)labels[4]] = -INFINITY;
  assert_refused(mixent_temperature_fit(&predictions, &found), MIXENT_ERROR_NUMERIC, "image 4: its label");
  draw();
  labels[6] = CLASSES;
  assert_refused(mixent_temperature_fit(&predictions, &found), MIXENT_ERROR_ARGUMENT, "image 6: label 5");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_scipy),
                                     cmocka_unit_test(test_the_training_metrics_to_the_bit),
                                     cmocka_unit_test(test_auroc_by_brute_force),
                                     cmocka_unit_test(test_order_leaves_no_trace),
                                     cmocka_unit_test(test_risk_and_coverage_by_hand),
                                     cmocka_unit_test(test_temperature_is_the_least),
                                     cmocka_unit_test(test_temperature_at_extremes),
                                     cmocka_unit_test(test_threads_leave_no_trace),
                                     cmocka_unit_test(test_one_kind_alone),
                                     cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
