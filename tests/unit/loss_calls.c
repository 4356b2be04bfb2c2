/* loss: what a call promises at the edges, one rule after the other: weights and divisors, ignored rows,
 * masked classes, smoothing, rows without a distribution, wrong arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixent/loss.h"
#include <math.h>
#include <string.h>

static void assert_near(double value, double wanted) {
  if (!(fabs(value - wanted) <= 1e-12 * (1 + fabs(wanted)))) fail_msg("%.17g is not %.17g", value, wanted);
}

/* Three rows of double logits with hard labels, and every term but bi-tempered with a coefficient of its own.
 */
static const double logits[3][4] = {{1, 2, 0, -1}, {0.5, -1, 3, 0}, {2, 2, -2, 1}};
static const int16_t labels[3] = {1, 0, 3};

static mixent_loss_batch hard_batch(void) {
  return (mixent_loss_batch){
      .rows = 3, .classes = 4, .logits = {logits, MIXENT_FLOAT64, 0}, .labels = {labels, MIXENT_INT16, 0}};
}

static mixent_loss_rule mixed_rule(void) {
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  for (int t = 0; t < MIXENT_BI_TEMPERED; t++) rule.coefficients[t] = 0.3 + 0.1 * t;
  return rule;
}

static mixent_loss_result evaluate(const mixent_loss_batch *batch, const mixent_loss_rule *rule,
                                   void *gradient) {
  mixent_loss_result result = {.gradient = gradient};
  if (mixent_loss_evaluate(batch, rule, NULL, &result) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return result;
}

/* Sum, mean and the rows' own values tell the same story. */
static void test_reductions(void **state) {
  (void)state;
  mixent_loss_batch batch = hard_batch();
  mixent_loss_rule rule = mixed_rule();
  double gradients[3][12], row_values[3], row_terms[3 * MIXENT_TERMS];
  mixent_loss_result results[3];
  for (int reduction = MIXENT_MEAN; reduction <= MIXENT_NONE; reduction++) {
    rule.reduction = (mixent_reduction)reduction;
    results[reduction] = evaluate(&batch, &rule, gradients[reduction]);
  }
  mixent_loss_result rows = {.row_values = row_values, .row_terms = row_terms};
  assert_int_equal(mixent_loss_evaluate(&batch, &rule, NULL, &rows), MIXENT_OK);
  assert_near(results[MIXENT_SUM].value, row_values[0] + row_values[1] + row_values[2]);
  assert_near(results[MIXENT_MEAN].value, results[MIXENT_SUM].value / 3);
  assert_near(results[MIXENT_NONE].value, results[MIXENT_SUM].value);
  for (int t = 0; t < MIXENT_TERMS; t++)
    assert_near(results[MIXENT_MEAN].terms[t],
                (row_terms[t] + row_terms[MIXENT_TERMS + t] + row_terms[2 * MIXENT_TERMS + t]) / 3);
  for (int i = 0; i < 12; i++) {
    assert_near(gradients[MIXENT_MEAN][i], gradients[MIXENT_SUM][i] / 3);
    assert_near(gradients[MIXENT_NONE][i], gradients[MIXENT_SUM][i]);
  }
}

/* Hard labels: the mean divides by the class weights of the rows counted, whose terms they all multiply. Soft
 * targets: by rows. */
static void test_class_weights(void **state) {
  (void)state;
  const float weights[4] = {0.5f, 2, 7, 0.25f};
  double targets[3][4] = {{0}}, gradient[2][12];
  mixent_loss_batch batch = hard_batch();
  mixent_loss_rule rule = mixed_rule();
  double row_values[3];
  mixent_loss_result rows = {.row_values = row_values};
  assert_int_equal(mixent_loss_evaluate(&batch, &rule, NULL, &rows), MIXENT_OK);
  batch.class_weights = (mixent_array){weights, MIXENT_FLOAT32, 0};
  mixent_loss_result hard = evaluate(&batch, &rule, gradient[0]);
  assert_near(hard.divisor, 2 + 0.5 + 0.25);
  assert_near(hard.value, (2 * row_values[0] + 0.5 * row_values[1] + 0.25 * row_values[2]) / 2.75);
  for (int r = 0; r < 3; r++) targets[r][labels[r]] = 1;
  batch.labels.data = NULL, batch.targets = (mixent_array){targets, MIXENT_FLOAT64, 0};
  mixent_loss_result soft = evaluate(&batch, &rule, gradient[1]);
  assert_near(soft.divisor, 3);
  assert_near(soft.value * 3, hard.value * 2.75);
  for (int i = 0; i < 12; i++) assert_near(gradient[1][i] * 3, gradient[0][i] * 2.75);
}

/* A row's weight multiplies all its terms and its gradient, and does not enter the divisor. Of weight 0,
 * nothing of it counts. */
static void test_row_weights(void **state) {
  (void)state;
  const double weights[3] = {2, -1, 0};
  double plain[12], weighted[12], row_values[3];
  mixent_loss_batch batch = hard_batch();
  mixent_loss_rule rule = mixed_rule();
  mixent_loss_result rows = {.gradient = plain, .row_values = row_values};
  assert_int_equal(mixent_loss_evaluate(&batch, &rule, NULL, &rows), MIXENT_OK);
  batch.row_weights = (mixent_array){weights, MIXENT_FLOAT64, 0};
  mixent_loss_result result = evaluate(&batch, &rule, weighted);
  assert_near(result.divisor, 3);
  assert_near(result.value, (2 * row_values[0] - row_values[1]) / 3);
  for (int i = 0; i < 12; i++) assert_near(weighted[i], plain[i] * weights[i / 4]);
  const double masked[4] = {-INFINITY, 0, 0, 0};
  const int8_t label = 0;
  const mixent_loss_batch infinite = {.rows = 1,
                                      .classes = 4,
                                      .logits = {masked, MIXENT_FLOAT64, 0},
                                      .labels = {&label, MIXENT_INT8, 0},
                                      .row_weights = {weights + 2, MIXENT_FLOAT64, 0}};
  assert_true(evaluate(&infinite, &rule, NULL).value == 0);
}

static void test_ignored_rows(void **state) {
  (void)state;
  const float rows[2][3] = {{NAN, 1, 2}, {0, 1, 2}};
  const uint8_t all_ignored[2] = {255, 255}, one_left[2] = {255, 2}, alone[1] = {2};
  float gradient[6];
  mixent_loss_rule rule = mixed_rule();
  mixent_loss_batch batch = {.rows = 2,
                             .classes = 3,
                             .logits = {rows, MIXENT_FLOAT32, 0},
                             .labels = {all_ignored, MIXENT_UINT8, 0},
                             .ignore = true,
                             .ignore_label = 255};
  memset(gradient, 0x7f, sizeof gradient);
  mixent_loss_result result = evaluate(&batch, &rule, gradient);
  assert_true(result.value == 0 && result.counted == 0 && result.undefined == 0);
  for (int t = 0; t < MIXENT_TERMS; t++) assert_true(result.terms[t] == 0);
  for (int j = 0; j < 6; j++) assert_true(gradient[j] == 0);
  /* an ignored row is not even looked at, and the mean is over the others */
  batch.labels.data = one_left;
  result = evaluate(&batch, &rule, gradient);
  const mixent_loss_batch second = {
      .rows = 1, .classes = 3, .logits = {rows[1], MIXENT_FLOAT32, 0}, .labels = {alone, MIXENT_UINT8, 0}};
  mixent_loss_result wanted = evaluate(&second, &rule, NULL);
  assert_true(result.counted == 1 && result.value == wanted.value);
  assert_true(gradient[0] == 0 && gradient[3] != 0);
  batch.rows = 0, batch.logits.data = NULL; /* no rows at all */
  result = evaluate(&batch, &rule, gradient);
  assert_true(result.value == 0 && result.counted == 0);
}

/* Masking a class is the same as leaving it out; a masked label cannot be right. */
static void test_masked_classes(void **state) {
  (void)state;
  const double wide[5] = {1, -INFINITY, 3, -INFINITY, 2}, narrow[3] = {1, 3, 2};
  double wide_gradient[5], narrow_gradient[3];
  int32_t wide_label = 2, narrow_label = 1;
  mixent_loss_rule rule = mixed_rule();
  rule.coefficients[MIXENT_BI_TEMPERED] = 1;
  mixent_loss_batch a = {
      .rows = 1, .classes = 5, .logits = {wide, MIXENT_FLOAT64, 0}, .labels = {&wide_label, MIXENT_INT32, 0}};
  mixent_loss_batch b = {.rows = 1,
                         .classes = 3,
                         .logits = {narrow, MIXENT_FLOAT64, 0},
                         .labels = {&narrow_label, MIXENT_INT32, 0}};
  for (int smooth = 0; smooth < 2; smooth++) { /* smoothing spreads over what is not masked */
    rule.smoothing = 0.2 * smooth;
    mixent_loss_result with = evaluate(&a, &rule, wide_gradient),
                       without = evaluate(&b, &rule, narrow_gradient);
    for (int t = 0; t < MIXENT_TERMS; t++) assert_near(with.terms[t], without.terms[t]);
    for (int j = 0; j < 3; j++) assert_near(wide_gradient[2 * j], narrow_gradient[j]);
    assert_true(wide_gradient[1] == 0 && wide_gradient[3] == 0);
  }
  wide_label = 1, rule = mixent_loss_rule_defaults(), rule.coefficients[MIXENT_CE1] = 1;
  mixent_loss_result result = evaluate(&a, &rule, wide_gradient);
  assert_true(isinf(result.value) && isfinite(result.terms[MIXENT_H]) && isfinite(result.terms[MIXENT_CE2]));
  assert_near(wide_gradient[1], -1);
  assert_int_equal(result.undefined, 0);
}

/* With smoothing s and K classes CE2's scale A = -ln eps shrinks to ln((1 - s + s/K) / (s/K)), the distance
 * of the two targets' logarithms. */
static void test_smoothing_shrinks_the_swapped_cross_entropy(void **state) {
  (void)state;
  for (double s = 0.05; s < 0.5; s += 0.1) {
    mixent_loss_batch batch = hard_batch();
    mixent_loss_rule rule = mixent_loss_rule_defaults();
    batch.rows = 1, rule.smoothing = s;
    double sum = 0, off = s / 4, on = 1 - s + off;
    for (int k = 0; k < 4; k++) sum += exp(logits[0][k]);
    double q = exp(logits[0][labels[0]]) / sum;
    assert_near(evaluate(&batch, &rule, NULL).terms[MIXENT_CE2], -log(on) + log(on / off) * (1 - q));
  }
}

static void test_rows_without_a_distribution_are_nan(void **state) {
  (void)state;
  const float bad[3][3] = {{0, NAN, 1}, {INFINITY, 0, 0}, {-INFINITY, -INFINITY, -INFINITY}};
  const float targets[6] = {0.5f, 0.25f, 0.25f, 0, 0, 1};
  const int32_t hard[2] = {0, 2};
  mixent_loss_rule rule = mixed_rule();
  for (int kind = 0; kind < 3; kind++)
    for (int soft = 0; soft < 2; soft++) {
      float rows[6], gradient[6];
      for (int j = 0; j < 3; j++) rows[j] = (float)j, rows[3 + j] = bad[kind][j];
      mixent_loss_batch batch = {.rows = 2, .classes = 3, .logits = {rows, MIXENT_FLOAT32, 0}};
      if (soft)
        batch.targets = (mixent_array){targets, MIXENT_FLOAT32, 0};
      else
        batch.labels = (mixent_array){hard, MIXENT_INT32, 0};
      mixent_loss_result result = evaluate(&batch, &rule, gradient);
      assert_int_equal(result.undefined, 1);
      assert_true(isnan(result.value) && isnan(result.terms[MIXENT_H]));
      for (int j = 0; j < 3; j++) assert_true(isfinite(gradient[j]) && isnan(gradient[3 + j]));
    }
}

static void test_wrong_arguments(void **state) {
  (void)state;
  const mixent_loss_batch good = hard_batch();
  const mixent_loss_rule right = mixed_rule();
  const double targets[12] = {0}, negative[4] = {1, -1, 1, 1};
  const int32_t wide[3] = {1, 4, 0};
  double gradient[12], before[12];
  memset(gradient, 0x55, sizeof gradient);
  memcpy(before, gradient, sizeof before);
  enum { CASES = 20 };
  mixent_loss_batch batch[CASES];
  mixent_loss_rule rule[CASES];
  mixent_loss_result result[CASES];
  for (int i = 0; i < CASES; i++)
    batch[i] = good, rule[i] = right, result[i] = (mixent_loss_result){.gradient = gradient};
  batch[0].classes = 0;
  batch[1].logits.data = NULL;
  batch[2].logits.stride = 3;
  batch[3].logits.type = MIXENT_INT8;
  batch[4].labels.type = MIXENT_FLOAT32;
  batch[5].labels.data = NULL;
  batch[6].targets = (mixent_array){targets, MIXENT_FLOAT64, 0};
  batch[7].labels = (mixent_array){wide, MIXENT_INT32, 0};
  batch[8].class_weights = (mixent_array){negative, MIXENT_FLOAT64, 0};
  rule[9].smoothing = 1.5;
  batch[10].logits.data = (const char *)logits + 1;
  rule[11].eps = 0;
  rule[12].eps = NAN;
  rule[13].coefficients[MIXENT_H] = INFINITY;
  rule[14].reduction = (mixent_reduction)3;
  rule[15].t1 = 1;
  rule[16].t2 = 0.9;
  rule[17].gce_q = 0;
  rule[18].focal_gamma = -1;
  batch[19].rows = SIZE_MAX / 8;
  for (int i = 0; i < CASES; i++) {
    if (mixent_loss_evaluate(&batch[i], &rule[i], NULL, &result[i]) != MIXENT_ERROR_ARGUMENT)
      fail_msg("case %d passes", i);
    assert_memory_equal(gradient, before, sizeof gradient);
  }
  mixent_loss_evaluate(&batch[7], &right, NULL, &result[7]);
  assert_string_equal(
      mixent_last_error(),
      "loss: row 1 has label 4; labels run from 0 to 3 (rows to leave out: set ignore and ignore_label)");
}

/* Every name is there, in order. */
static void test_names(void **state) {
  (void)state;
  for (int t = 0; t < MIXENT_TERMS; t++) assert_non_null(mixent_term_names[t]);
  assert_null(mixent_term_names[MIXENT_TERMS]);
  assert_int_equal(mixent_type_size(MIXENT_BFLOAT16), 2);
  assert_int_equal(mixent_type_size((mixent_type)99), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reductions),
      cmocka_unit_test(test_class_weights),
      cmocka_unit_test(test_row_weights),
      cmocka_unit_test(test_ignored_rows),
      cmocka_unit_test(test_masked_classes),
      cmocka_unit_test(test_smoothing_shrinks_the_swapped_cross_entropy),
      cmocka_unit_test(test_rows_without_a_distribution_are_nan),
      cmocka_unit_test(test_wrong_arguments),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
