/* Weights of classes against scikit-learn's and Cui's formula (tests/golden/make_classes.py); balanced epochs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/status.h"
#include "data/balance.h"
#include <math.h>
#include <string.h>

enum { COUNT = 200, CLASSES = 4 };
static const size_t sizes[CLASSES] = {40, 3, 0, 157};
static int32_t labels[COUNT];
static uint32_t indices[COUNT];
static mixent_images images = {.count = COUNT, .labels = labels};

static int set_up(void **state) {
  (void)state;
  size_t at = 0;
  for (int k = 0; k < CLASSES; k++)
    for (size_t i = 0; i < sizes[k]; i++) labels[at++] = k;
  for (uint32_t i = 0; i < COUNT; i++) indices[i] = (i * 7 + 3) % COUNT; /* any order */
  return 0;
}

static void check_weights(mixent_class_weighting weighting, double beta, const double wanted[CLASSES]) {
  double weights[CLASSES];
  assert_int_equal(mixent_class_weights(&images, indices, COUNT, CLASSES, weighting, beta, weights),
                   MIXENT_OK);
  for (size_t k = 0; k < CLASSES; k++)
    if (!(fabs(weights[k] - wanted[k]) <= 1e-13 * (1 + wanted[k])))
      fail_msg("class %zu: %.17g is not %.17g", k, weights[k], wanted[k]);
}

static void test_weights(void **state) {
  (void)state;
  check_weights(MIXENT_WEIGHTS_BALANCED, 0,
                (const double[]){1.6666666666666667, 22.22222222222222, 0, 0.42462845010615713});
  check_weights(MIXENT_WEIGHTS_EFFECTIVE, 0.99,
                (const double[]){1.439626834649212, 16.045154688051806, 0, 0.6005061308909305});
  check_weights(MIXENT_WEIGHTS_EFFECTIVE, 0, (const double[]){1, 1, 0, 1});
  check_weights(MIXENT_WEIGHTS_NONE, 0, (const double[]){1, 1, 0, 1});
}

static void test_weights_near_balanced(void **state) {
  (void)state;
  double weights[CLASSES], balanced[CLASSES];
  mixent_class_weights(&images, indices, COUNT, CLASSES, MIXENT_WEIGHTS_BALANCED, 0, balanced);
  mixent_class_weights(&images, indices, COUNT, CLASSES, MIXENT_WEIGHTS_EFFECTIVE, 1 - 1e-9, weights);
  for (size_t k = 0; k < CLASSES; k++) assert_true(fabs(weights[k] - balanced[k]) <= 1e-5 * balanced[k]);
  assert_int_equal(
      mixent_class_weights(&images, indices, COUNT, CLASSES, MIXENT_WEIGHTS_EFFECTIVE, 1, weights),
      MIXENT_ERROR_ARGUMENT);
}

static void test_epochs(void **state) {
  (void)state;
  mixent_balance balance;
  assert_int_equal(mixent_balance_make(&images, indices, COUNT, CLASSES, &balance), MIXENT_OK);
  assert_int_equal(balance.classes, 3);
  uint32_t order[COUNT], again[COUNT], other[COUNT];
  mixent_balance_draw(&balance, 5, 2, order);
  mixent_balance_draw(&balance, 5, 3, other);
  mixent_balance_draw(&balance, 5, 2, again);
  assert_memory_equal(order, again, sizeof order);
  assert_memory_not_equal(order, other, sizeof order);
  size_t of_class[CLASSES] = {0}, of_image[COUNT] = {0}, early = 0;
  for (size_t i = 0; i < COUNT; i++) {
    uint32_t image = indices[order[i]];
    of_image[image]++, of_class[labels[image]]++;
    early += i < COUNT / 2 && labels[image] == 1;
  }
  assert_in_range(early, 33, 34); /* of 67: the classes take turns */
  for (int k = 0; k < CLASSES; k++)
    if (sizes[k]) assert_in_range(of_class[k], COUNT / 3, COUNT / 3 + 1);
  size_t firsts[CLASSES] = {0}; /* classes with which a round begins: not always the same */
  for (size_t i = 0; i + 3 <= COUNT; i += 3) {
    int sum = 0;
    for (size_t j = 0; j < 3; j++) sum += labels[indices[order[i + j]]];
    assert_int_equal(sum, 0 + 1 + 3);
    firsts[labels[indices[order[i]]]]++;
  }
  assert_true(firsts[0] > 10 && firsts[1] > 10 && firsts[3] > 10);
  for (size_t i = 0; i < COUNT; i++) { /* each image of a class as often as any other, or once more */
    size_t n = sizes[labels[i]], least = of_class[labels[i]] / n;
    assert_in_range(of_image[i], least, least + 1);
  }
  mixent_balance_free(&balance);
}

static void test_wrong_labels(void **state) {
  (void)state;
  mixent_balance balance;
  labels[9] = CLASSES;
  assert_int_equal(mixent_balance_make(&images, indices, COUNT, CLASSES, &balance), MIXENT_ERROR_ARGUMENT);
  assert_non_null(strstr(mixent_last_error(), "image 9: its label 4 is not in 0..3"));
  labels[9] = 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_weights),
                                     cmocka_unit_test(test_weights_near_balanced),
                                     cmocka_unit_test(test_epochs), cmocka_unit_test(test_wrong_labels)};
  return cmocka_run_group_tests(tests, set_up, NULL);
}
