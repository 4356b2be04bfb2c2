/* Confident learning: the labels that cleanlab 2.9.0 lists, in its order (filter_by="confident_learning", ranked by normalized margin). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stats/label_errors.h"
#include <math.h>
#include <stdlib.h>

enum { ITEMS = 10, CLASSES = 3 };

/* Item 5 is as good as undecided between its label and another class. */
static const double probabilities[ITEMS][CLASSES] = {
    {0.9, 0.05, 0.05},           {0.6, 0.3, 0.1},   {0.2, 0.7, 0.1}, {0.4, 0.5, 0.1}, {0.5, 0.45, 0.05},
    {0.4999999, 0.5, 0.0000001}, {0.05, 0.15, 0.8}, {0.3, 0.6, 0.1}, {0.1, 0.1, 0.8}, {0.7, 0.2, 0.1}};
static const int32_t labels[ITEMS] = {0, 0, 0, 1, 1, 0, 2, 2, 2, 2};

static void test_as_cleanlab(void **state) {
  (void)state;
  static const struct {
    size_t item;
    int32_t suggested;
  } wanted[] = {{9, 0}, {2, 1}, {7, 1}};
  enum { COUNT = sizeof wanted / sizeof *wanted };
  mixent_label_error *errors;
  size_t count;
  assert_int_equal(mixent_label_errors_find(*probabilities, labels, ITEMS, CLASSES, &errors, &count),
                   MIXENT_OK);
  assert_int_equal(count, COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    const double *row = probabilities[wanted[i].item];
    assert_int_equal(errors[i].item, wanted[i].item);
    assert_int_equal(errors[i].label, labels[wanted[i].item]);
    assert_int_equal(errors[i].suggested, wanted[i].suggested);
    assert_true(errors[i].confidence == row[labels[wanted[i].item]]);
    assert_true(fabs(errors[i].margin - (errors[i].confidence - row[wanted[i].suggested] + 1) / 2) < 1e-15);
  }
  free(errors);
}

static void test_of_nothing(void **state) {
  (void)state;
  mixent_label_error *errors;
  size_t count;
  assert_int_equal(mixent_label_errors_find(*probabilities, labels, 0, CLASSES, &errors, &count), MIXENT_OK);
  assert_true(!errors && count == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_cleanlab), cmocka_unit_test(test_of_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
