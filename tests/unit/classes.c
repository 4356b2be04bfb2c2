/* Scores by class: against scikit-learn (tests/golden/make_classes.py), and at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stats/classes.h"
#include <math.h>
#include <string.h>

enum { ROWS = 14, CLASSES = 6 };

static const int32_t labels[ROWS] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 4, 4, 4, 4, 4};
static const size_t predicted[ROWS] = {0, 0, 1, 3, 1, 1, 0, 2, 4, 4, 4, 4, 1, 0};

static void draw_logits(float logits[ROWS][CLASSES]) {
  memset(logits, 0, ROWS * sizeof *logits);
  for (size_t i = 0; i < ROWS; i++) logits[i][predicted[i]] = 1;
}

static void assert_near(double value, double wanted) {
  if (!(fabs(value - wanted) <= 1e-15)) fail_msg("%.17g is not %.17g", value, wanted);
}

static void test_as_scikit_learn(void **state) {
  (void)state;
  float logits[ROWS][CLASSES];
  mixent_class_count counts[CLASSES] = {{0}};
  draw_logits(logits);
  mixent_class_counts_add(counts, *logits, labels, ROWS, CLASSES);
  const mixent_class_scores scores = mixent_class_scores_of(counts, CLASSES);
  assert_near(scores.balanced_accuracy, 0.5666666666666667);
  assert_near(scores.macro_f1, 0.4809523809523809);
  assert_int_equal(scores.classes, 4);
  assert_int_equal(scores.worst, 0); /* and class 2, which comes later */
  assert_near(scores.worst_recall, 0.5);
  static const double wanted[CLASSES][3] = {{0.5, 0.5, 0.5},
                                            {0.6666666666666666, 0.5, 0.5714285714285714},
                                            {0.5, 1, 0.6666666666666666},
                                            {NAN, 0, 0},
                                            {0.6, 0.75, 0.6666666666666666},
                                            {NAN, NAN, NAN}};
  for (size_t k = 0; k < CLASSES; k++) {
    const double got[3] = {mixent_class_recall(&counts[k]), mixent_class_precision(&counts[k]),
                           mixent_class_f1(&counts[k])};
    for (size_t i = 0; i < 3; i++)
      if (isnan(wanted[k][i]))
        assert_true(isnan(got[i]));
      else
        assert_near(got[i], wanted[k][i]);
  }
}

static void test_in_parts(void **state) {
  (void)state;
  float logits[ROWS][CLASSES];
  mixent_class_count whole[CLASSES] = {{0}}, first[CLASSES] = {{0}}, second[CLASSES] = {{0}};
  draw_logits(logits);
  mixent_class_counts_add(whole, *logits, labels, ROWS, CLASSES);
  mixent_class_counts_add(first, *logits, labels, 5, CLASSES);
  mixent_class_counts_add(second, logits[5], labels + 5, ROWS - 5, CLASSES);
  mixent_class_counts_join(first, second, CLASSES);
  assert_memory_equal(first, whole, sizeof whole);
  const int32_t ignored = -1;
  mixent_class_counts_add(first, *logits, &ignored, 1, CLASSES);
  assert_memory_equal(first, whole, sizeof whole);
}

/* As in the accuracy: NaN, or infinity above, is right for no class; a class that is ruled out may be -inf. */
static void test_logits_that_are_none(void **state) {
  (void)state;
  const float logits[4][2] = {{NAN, NAN}, {INFINITY, 0}, {-INFINITY, -INFINITY}, {0, -INFINITY}};
  const int32_t all_first[4] = {0, 0, 0, 0};
  mixent_class_count counts[2] = {{0}};
  mixent_class_counts_add(counts, *logits, all_first, 4, 2);
  assert_int_equal(counts[0].images, 4);
  assert_int_equal(counts[0].right, 1);
}

static void test_of_nothing(void **state) {
  (void)state;
  const mixent_class_count none[CLASSES] = {{0}};
  const mixent_class_scores scores = mixent_class_scores_of(none, CLASSES);
  assert_int_equal(scores.classes, 0);
  assert_true(scores.balanced_accuracy == 0 && scores.macro_f1 == 0 && scores.worst_recall == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_scikit_learn), cmocka_unit_test(test_in_parts),
                                     cmocka_unit_test(test_of_nothing),
                                     cmocka_unit_test(test_logits_that_are_none)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
