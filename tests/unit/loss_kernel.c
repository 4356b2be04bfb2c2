/* loss: the float kernel held to the double reference, and what it promises at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/threads.h"
#include "loss_cases.h"
#include <string.h>

static const double eps = 1e-6;

static void assert_close(double value, double wanted, double tolerance) {
  if (value == wanted) return;
  if (!(fabs(value - wanted) <= tolerance))
    fail_msg("%.9g is not %.9g within %.2g", value, wanted, tolerance);
}

/* Backwards and in single blocks: an order no sensible caller would choose. */
static void parallel_backwards(size_t count, size_t grain, mixent_loss_work *work, void *context) {
  (void)grain;
  for (size_t i = count; i-- > 0;) work(context, i, i + 1);
}

static void check_against_reference(draws *random, size_t rows, size_t classes, double scale, double masked,
                                    bool soft) {
  static loss_case c;
  static float gradient[sizeof c.logits / sizeof *c.logits], again[sizeof c.logits / sizeof *c.logits];
  static double wanted_gradient[sizeof c.wide_logits / sizeof *c.wide_logits];
  draw_case(random, rows, classes, scale, masked, soft, &c);
  double terms[MIXENT_TERMS], terms_again[MIXENT_TERMS], wanted[MIXENT_TERMS];
  const float untouched = 12345;
  for (size_t i = 0; i < rows * c.batch.stride; i++) gradient[i] = again[i] = untouched;
  assert_int_equal(mixent_loss_evaluate(&c.batch, c.coefficients, eps, NULL, terms, gradient), MIXENT_OK);
  assert_int_equal(
      mixent_loss_evaluate(&c.batch, c.coefficients, eps, parallel_backwards, terms_again, again), MIXENT_OK);
  assert_memory_equal(terms, terms_again, sizeof terms);
  assert_memory_equal(gradient, again, rows * c.batch.stride * sizeof *gradient);
  mixent_loss_batch in_place = c.batch;
  for (size_t i = 0; i < rows * c.batch.stride; i++) again[i] = c.batch.logits[i];
  in_place.logits = again;
  assert_int_equal(mixent_loss_evaluate(&in_place, c.coefficients, eps, NULL, terms_again, again), MIXENT_OK);
  assert_memory_equal(terms, terms_again, sizeof terms);
  for (size_t row = 0; row < rows; row++)
    assert_memory_equal(gradient + row * c.batch.stride, again + row * c.batch.stride,
                        classes * sizeof *again);
  assert_int_equal(mixent_loss_evaluate(&c.batch, c.coefficients, eps, NULL, terms_again, NULL), MIXENT_OK);
  assert_memory_equal(terms, terms_again, sizeof terms);

  assert_int_equal(evaluate_wide(&c, eps, wanted, wanted_gradient), MIXENT_OK);
  for (int i = 0; i < MIXENT_TERMS; i++) assert_close(terms[i], wanted[i], 2e-6 * (1 + fabs(wanted[i])));
  size_t counted = rows;
  for (size_t row = 0; !soft && row < rows; row++) counted -= c.labels[row] < 0;
  double largest = (fabs(c.coefficients[MIXENT_CE1]) + 14 * fabs(c.coefficients[MIXENT_CE2]) +
                    14 * fabs(c.coefficients[MIXENT_KL]) + 5 * fabs(c.coefficients[MIXENT_H])) /
                   (double)(counted ? counted : 1);
  for (size_t row = 0; row < rows; row++) {
    for (size_t j = 0; j < c.batch.stride; j++) {
      double value = gradient[row * c.batch.stride + j];
      if (j < classes) {
        assert_close(value, wanted_gradient[row * classes + j], 1e-6 * largest);
      } else {
        assert_true(value == untouched);
      }
    }
  }
}

static void test_random_batches(void **state) {
  (void)state;
  draws random = draws_start(1);
  for (int i = 0; i < 600; i++) {
    size_t rows = (size_t)draw_integer(&random, 0, MAX_ROWS);
    size_t classes = (size_t)draw_integer(&random, 1, i % 3 ? 30 : MAX_CLASSES);
    double scale = pow(10, draw(&random, -2, 4)), masked = i % 4 ? 0 : draw(&random, 0, 1);
    check_against_reference(&random, rows, classes, scale, masked, i % 2);
  }
}

/* A sure prediction: 1 - q_y is far below float's resolution of 1, and still right to its last digits. */
static void test_small_gradients_keep_their_digits(void **state) {
  (void)state;
  for (float margin = 1; margin < 80; margin += 1.7f) {
    float logits[3] = {margin, 0, -1}, gradient[3];
    int32_t label = 0;
    mixent_loss_batch batch = {.rows = 1, .classes = 3, .stride = 3, .logits = logits, .labels = &label};
    batch.ignore_label = -1;
    double wide[3] = {margin, 0, -1}, wanted[3], terms[MIXENT_TERMS];
    const double coefficients[MIXENT_TERMS] = {1, 0.3, 0.2, 0};
    assert_int_equal(mixent_loss_evaluate(&batch, coefficients, eps, NULL, terms, gradient), MIXENT_OK);
    assert_int_equal(
        mixent_loss_evaluate_double(1, 3, wide, &label, NULL, -1, coefficients, eps, terms, wanted),
        MIXENT_OK);
    /* the sum of the two small q gives 1 - q_y, where S in double still shows it */
    double rest = wanted[1] + wanted[2];
    assert_close(gradient[0], -rest, 1e-6 * rest + 1e-15);
    for (int j = 1; j < 3; j++) assert_close(gradient[j], wanted[j], 1e-5 * fabs(wanted[j]));
  }
}

static void test_result_does_not_depend_on_threads(void **state) {
  (void)state;
  enum { ROWS = 5000, CLASSES = 7 };
  static float logits[ROWS * CLASSES], gradient[4][ROWS * CLASSES];
  static int32_t labels[ROWS];
  draws random = draws_start(2);
  for (int i = 0; i < ROWS * CLASSES; i++) logits[i] = (float)draw(&random, -5, 5);
  for (int i = 0; i < ROWS; i++) labels[i] = draw_integer(&random, -1, CLASSES - 1);
  mixent_loss_batch batch = {ROWS, CLASSES, CLASSES, logits, labels, NULL, -1};
  const double coefficients[MIXENT_TERMS] = {1, 0.2, 0.3, 0};
  double terms[4][MIXENT_TERMS];
  assert_int_equal(mixent_loss_evaluate(&batch, coefficients, eps, NULL, terms[0], gradient[0]), MIXENT_OK);
  for (int threads = 1; threads <= 3; threads++) {
    mixent_threads_set(threads);
    assert_int_equal(mixent_loss_evaluate(&batch, coefficients, eps, mixent_parallel_for, terms[threads],
                                          gradient[threads]),
                     MIXENT_OK);
    assert_memory_equal(terms[threads], terms[0], sizeof terms[0]);
    assert_memory_equal(gradient[threads], gradient[0], sizeof gradient[0]);
  }
}

/* Each row of the gradient sums to 0 where the targets do to 1: softmax does not see a shift of its logits.
 */
static void test_gradient_rows_sum_to_zero(void **state) {
  (void)state;
  static loss_case c;
  static float gradient[sizeof c.logits / sizeof *c.logits];
  draws random = draws_start(3);
  for (int i = 0; i < 50; i++) {
    double terms[MIXENT_TERMS];
    draw_case(&random, MAX_ROWS, (size_t)draw_integer(&random, 2, 50), 5, 0.1, false, &c);
    assert_int_equal(mixent_loss_evaluate(&c.batch, c.coefficients, eps, NULL, terms, gradient), MIXENT_OK);
    for (size_t row = 0; row < c.batch.rows; row++) {
      double sum = 0;
      for (size_t j = 0; j < c.batch.classes; j++) sum += gradient[row * c.batch.stride + j];
      assert_close(sum, 0, 1e-6);
    }
  }
}

static void test_masked_classes(void **state) {
  (void)state;
  const double all[MIXENT_TERMS] = {1, 1, 1, 1};
  float logits[4] = {-INFINITY, 2, -INFINITY, -INFINITY}, gradient[4];
  float targets[4] = {0, 1, 0, 0};
  int32_t label = 1;
  double terms[MIXENT_TERMS];
  mixent_loss_batch hard = {1, 4, 4, logits, &label, NULL, -1}, soft = {1, 4, 4, logits, NULL, targets, -1};
  /* a single class left: every term and the whole gradient are exactly 0 */
  for (int i = 0; i < 2; i++) {
    assert_int_equal(mixent_loss_evaluate(i ? &soft : &hard, all, eps, NULL, terms, gradient), MIXENT_OK);
    for (int k = 0; k < MIXENT_TERMS; k++) assert_true(terms[k] == 0);
    for (int j = 0; j < 4; j++) assert_true(gradient[j] == 0);
  }
  /* masking is the same as leaving the class out */
  float wide[5] = {1, -INFINITY, 3, -INFINITY, 2}, narrow[3] = {1, 3, 2}, wide_gradient[5],
        narrow_gradient[3];
  int32_t wide_label = 2, narrow_label = 1;
  double narrow_terms[MIXENT_TERMS];
  mixent_loss_batch a = {1, 5, 5, wide, &wide_label, NULL, -1},
                    b = {1, 3, 3, narrow, &narrow_label, NULL, -1};
  assert_int_equal(mixent_loss_evaluate(&a, all, eps, NULL, terms, wide_gradient), MIXENT_OK);
  assert_int_equal(mixent_loss_evaluate(&b, all, eps, NULL, narrow_terms, narrow_gradient), MIXENT_OK);
  for (int k = 0; k < MIXENT_TERMS; k++)
    assert_close(terms[k], narrow_terms[k], 1e-6 * (1 + narrow_terms[k]));
  for (int j = 0; j < 3; j++) assert_close(wide_gradient[2 * j], narrow_gradient[j], 1e-7);
  assert_true(wide_gradient[1] == 0 && wide_gradient[3] == 0);
  /* a masked label cannot be right: CE1 is infinite, the rest finite, the gradient that of q - p */
  wide_label = 1;
  assert_int_equal(mixent_loss_evaluate(&a, all, eps, NULL, terms, wide_gradient), MIXENT_OK);
  assert_true(isinf(terms[MIXENT_CE1]) && isfinite(terms[MIXENT_H]) && isfinite(terms[MIXENT_CE2]));
  assert_close(wide_gradient[1], -1, 1e-7);
}

static void test_ignored_rows(void **state) {
  (void)state;
  const double all[MIXENT_TERMS] = {1, 1, 1, 1};
  float logits[6] = {NAN, 1, 2, 0, 1, 2}, gradient[6] = {9, 9, 9, 9, 9, 9};
  int32_t labels[2] = {-1, -1};
  double terms[MIXENT_TERMS], alone[MIXENT_TERMS];
  mixent_loss_batch batch = {2, 3, 3, logits, labels, NULL, -1};
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, gradient), MIXENT_OK);
  for (int k = 0; k < MIXENT_TERMS; k++) assert_true(terms[k] == 0);
  for (int j = 0; j < 6; j++) assert_true(gradient[j] == 0);
  /* an ignored row is not even looked at, and the mean is over the others */
  labels[1] = 2;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, gradient), MIXENT_OK);
  mixent_loss_batch second = {1, 3, 3, logits + 3, labels + 1, NULL, -1};
  assert_int_equal(mixent_loss_evaluate(&second, all, eps, NULL, alone, NULL), MIXENT_OK);
  assert_memory_equal(terms, alone, sizeof terms);
  assert_true(gradient[0] == 0 && gradient[3] != 0);
}

static void test_rows_without_a_distribution_are_nan(void **state) {
  (void)state;
  const double all[MIXENT_TERMS] = {1, 1, 1, 1};
  const float bad[3][3] = {{0, NAN, 1}, {INFINITY, 0, 0}, {-INFINITY, -INFINITY, -INFINITY}};
  const float targets[6] = {0.5f, 0.25f, 0.25f, 0, 0, 1};
  const int32_t labels[2] = {0, 2};
  for (int kind = 0; kind < 3; kind++) {
    for (int soft = 0; soft < 2; soft++) {
      float logits[6], gradient[6];
      double wide[6], wide_targets[6], terms[2][MIXENT_TERMS], wide_gradient[6];
      for (int j = 0; j < 3; j++) logits[j] = (float)j, logits[3 + j] = bad[kind][j];
      for (int j = 0; j < 6; j++) wide[j] = logits[j], wide_targets[j] = targets[j];
      mixent_loss_batch batch = {2, 3, 3, logits, soft ? NULL : labels, soft ? targets : NULL, -1};
      assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms[0], gradient), MIXENT_OK);
      assert_int_equal(mixent_loss_evaluate_double(2, 3, wide, batch.labels, soft ? wide_targets : NULL, -1,
                                                   all, eps, terms[1], wide_gradient),
                       MIXENT_OK);
      for (int k = 0; k < MIXENT_TERMS; k++) assert_true(isnan(terms[0][k]) && isnan(terms[1][k]));
      for (int j = 0; j < 3; j++) {
        assert_true(isfinite(gradient[j]) && isfinite(wide_gradient[j]));
        assert_true(isnan(gradient[3 + j]) && isnan(wide_gradient[3 + j]));
      }
    }
  }
}

static void test_wrong_arguments(void **state) {
  (void)state;
  const double all[MIXENT_TERMS] = {1, 1, 1, 1};
  float logits[6] = {0}, targets[6] = {0};
  int32_t labels[2] = {0, 3};
  double terms[MIXENT_TERMS];
  const mixent_loss_batch good = {2, 3, 3, logits, labels, NULL, -1};
  mixent_loss_batch batch = good;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, NULL), MIXENT_ERROR_ARGUMENT);
  assert_string_equal(mixent_last_error(), "loss: row 1 has label 3; labels run from 0 to 2");
  labels[1] = -2;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, NULL), MIXENT_ERROR_ARGUMENT);
  labels[1] = 2;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, NULL), MIXENT_OK);
  const double wrong_eps[] = {0, 1, -1, NAN, INFINITY};
  for (int i = 0; i < 5; i++)
    assert_int_equal(mixent_loss_evaluate(&batch, all, wrong_eps[i], NULL, terms, NULL),
                     MIXENT_ERROR_ARGUMENT);
  batch.targets = targets;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, NULL), MIXENT_ERROR_ARGUMENT);
  batch.targets = NULL, batch.labels = NULL;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, NULL), MIXENT_ERROR_ARGUMENT);
  batch = good, batch.stride = 2;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, NULL), MIXENT_ERROR_ARGUMENT);
  batch = good, batch.classes = 0;
  assert_int_equal(mixent_loss_evaluate(&batch, all, eps, NULL, terms, NULL), MIXENT_ERROR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_batches),
      cmocka_unit_test(test_small_gradients_keep_their_digits),
      cmocka_unit_test(test_result_does_not_depend_on_threads),
      cmocka_unit_test(test_gradient_rows_sum_to_zero),
      cmocka_unit_test(test_masked_classes),
      cmocka_unit_test(test_ignored_rows),
      cmocka_unit_test(test_rows_without_a_distribution_are_nan),
      cmocka_unit_test(test_wrong_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
