/* loss: what follows from the definitions, each as a property of random batches; and the options around them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loss_cases.h"
#include <string.h>

static const double eps = 1e-6;

static void assert_near(double value, double wanted) {
  if (!(fabs(value - wanted) <= 1e-10 * (1 + fabs(wanted)))) fail_msg("%.17g is not %.17g", value, wanted);
}

/* A log base only rescales its term: (w, b) and (w / ln b, e) are the same loss. */
static void test_weight_and_base_are_redundant(void **state) {
  (void)state;
  draws random = draws_start(21);
  for (int i = 0; i < 100; i++) {
    mixent_loss_options based = mixent_loss_defaults();
    based.kind = i % 2 ? MIXENT_LOSS_MIN_ENT : MIXENT_LOSS_MIX_ENT;
    for (int k = 0; k < 2; k++) based.w[k] = draw(&random, -2, 2), based.b[k] = exp(draw(&random, 0.1, 6));
    mixent_loss_options natural = based;
    for (int k = 0; k < 2; k++) natural.w[k] = based.w[k] / log(based.b[k]), natural.b[k] = exp(1);
    mixent_loss_state a = mixent_loss_start(&based), b = mixent_loss_start(&natural);
    double c[2][MIXENT_TERMS], terms[MIXENT_TERMS], unused[MIXENT_LOSS_PARAMETERS];
    mixent_loss_coefficients(&based, &a, 0, c[0]);
    mixent_loss_coefficients(&natural, &b, 0, c[1]);
    for (int k = 0; k < MIXENT_TERMS; k++) assert_near(c[0][k], c[1][k]), terms[k] = draw(&random, 0, 4);
    assert_near(mixent_loss_value(&based, &a, 0, terms, unused),
                mixent_loss_value(&natural, &b, 0, terms, unused));
  }
}

/* With one-hot targets CE2 = A (1 - q_y), A = -ln eps (13.8 for 1e-6): scaled mean absolute error. */
static void test_one_hot_ce2_is_a_mean_absolute_error(void **state) {
  (void)state;
  static loss_case c;
  draws random = draws_start(22);
  for (int i = 0; i < 100; i++) {
    size_t classes = (size_t)draw_integer(&random, 1, 30);
    draw_case(&random, 1, classes, 5, 0, false, &c);
    c.labels[0] = draw_integer(&random, 0, (int)classes - 1);
    double terms[MIXENT_TERMS], gradient[MAX_CLASSES], sum = 0;
    assert_int_equal(evaluate_wide(&c, eps, terms, gradient), MIXENT_OK);
    for (size_t j = 0; j < classes; j++) sum += exp(c.wide_logits[j]);
    double q = exp(c.wide_logits[c.labels[0]]) / sum;
    assert_near(terms[MIXENT_CE2], 13.815510557964274 * (1 - q));
    assert_near(terms[MIXENT_CE1], -log(q)); /* so MIX-ENT is Poly-1: -ln q_y + w2 A (1 - q_y) */
  }
}

/* CE2 = KL + H in value and gradient; KL is the divergence of q from p, at least 0 and 0 where they are
 * equal. */
static void test_ce2_is_divergence_plus_entropy(void **state) {
  (void)state;
  static loss_case c;
  static double gradient[3][sizeof c.wide_logits / sizeof *c.wide_logits];
  const mixent_term term[3] = {MIXENT_CE2, MIXENT_KL, MIXENT_H};
  draws random = draws_start(23);
  for (int i = 0; i < 60; i++) {
    double terms[MIXENT_TERMS];
    draw_case(&random, 8, (size_t)draw_integer(&random, 1, 40), 6, 0.1, i % 2, &c);
    for (int k = 0; k < 3; k++) {
      for (int other = 0; other < MIXENT_TERMS; other++) c.coefficients[other] = other == (int)term[k];
      assert_int_equal(evaluate_wide(&c, eps, terms, gradient[k]), MIXENT_OK);
    }
    assert_near(terms[MIXENT_CE2], terms[MIXENT_KL] + terms[MIXENT_H]);
    for (size_t j = 0; j < c.batch.rows * c.batch.classes; j++)
      assert_near(gradient[0][j], gradient[1][j] + gradient[2][j]);
  }
  for (int i = 0; i < 40; i++) { /* targets above eps everywhere: a true divergence */
    double logits[6], targets[6], terms[MIXENT_TERMS], sum = 0;
    const double none[MIXENT_TERMS] = {0};
    for (int j = 0; j < 6; j++)
      logits[j] = draw(&random, -4, 4), targets[j] = draw(&random, 0.1, 1), sum += targets[j];
    for (int j = 0; j < 6; j++) targets[j] /= sum;
    assert_int_equal(mixent_loss_evaluate_double(1, 6, logits, NULL, targets, -1, none, eps, terms, NULL),
                     MIXENT_OK);
    assert_true(terms[MIXENT_KL] > 0);
    for (int j = 0; j < 6; j++) logits[j] = log(targets[j]) + 3;
    assert_int_equal(mixent_loss_evaluate_double(1, 6, logits, NULL, targets, -1, none, eps, terms, NULL),
                     MIXENT_OK);
    assert_true(fabs(terms[MIXENT_KL]) < 1e-14);
    assert_near(terms[MIXENT_CE1], terms[MIXENT_H]);
  }
}

/* A one-hot row of soft targets is a hard label, in the float kernel too; smoothing mixes the cross
 * entropies. */
static void test_soft_targets_extend_hard_labels(void **state) {
  (void)state;
  static loss_case c;
  static float hard_gradient[sizeof c.logits / sizeof *c.logits],
      soft_gradient[sizeof c.logits / sizeof *c.logits];
  draws random = draws_start(24);
  for (int i = 0; i < 60; i++) {
    double hard[MIXENT_TERMS], soft[MIXENT_TERMS], uniform[MIXENT_TERMS];
    size_t rows = 5, classes = (size_t)draw_integer(&random, 1, 40);
    draw_case(&random, rows, classes, 5, 0.1, false, &c);
    for (size_t row = 0; row < rows; row++) {
      if (c.labels[row] < 0) c.labels[row] = 0;
      for (size_t j = 0; j < classes; j++) c.targets[row * classes + j] = (int32_t)j == c.labels[row];
    }
    assert_int_equal(mixent_loss_evaluate(&c.batch, c.coefficients, eps, NULL, hard, hard_gradient),
                     MIXENT_OK);
    c.batch.labels = NULL, c.batch.targets = c.targets;
    assert_int_equal(mixent_loss_evaluate(&c.batch, c.coefficients, eps, NULL, soft, soft_gradient),
                     MIXENT_OK);
    for (int k = 0; k < MIXENT_TERMS; k++) assert_true(fabs(hard[k] - soft[k]) < 2e-6 * (1 + hard[k]));
    for (size_t row = 0; row < rows; row++)
      for (size_t j = row * c.batch.stride; j < row * c.batch.stride + classes; j++)
        assert_true(fabs((double)hard_gradient[j] - soft_gradient[j]) < 2e-5);

    draw_case(&random, rows, classes, 5, 0, true, &c);
    double *p = c.wide_targets;
    assert_int_equal(evaluate_wide(&c, eps, hard, NULL), MIXENT_OK);
    for (size_t j = 0; j < rows * classes; j++) p[j] = 0.9 * p[j] + 0.1 / (double)classes;
    assert_int_equal(evaluate_wide(&c, eps, soft, NULL), MIXENT_OK);
    for (size_t j = 0; j < rows * classes; j++) p[j] = 1 / (double)classes;
    assert_int_equal(evaluate_wide(&c, eps, uniform, NULL), MIXENT_OK);
    assert_near(soft[MIXENT_CE1], 0.9 * hard[MIXENT_CE1] + 0.1 * uniform[MIXENT_CE1]);
  }
}

static void test_entropy_lies_between_0_and_ln_classes(void **state) {
  (void)state;
  static loss_case c;
  draws random = draws_start(25);
  for (int i = 0; i < 60; i++) {
    double terms[MIXENT_TERMS], most = log((double)(i + 1));
    draw_case(&random, 1, (size_t)i + 1, pow(10, draw(&random, -1, 3)), 0, true, &c);
    assert_int_equal(mixent_loss_evaluate(&c.batch, c.coefficients, eps, NULL, terms, NULL), MIXENT_OK);
    assert_true(terms[MIXENT_H] >= 0 && terms[MIXENT_H] <= most + 1e-6);
    for (int j = 0; j <= i; j++) c.logits[j] = 7;
    assert_int_equal(mixent_loss_evaluate(&c.batch, c.coefficients, eps, NULL, terms, NULL), MIXENT_OK);
    assert_near(terms[MIXENT_H], most);
  }
}

/* The styles' table, written out once more by hand: t = (0.5, 2), epoch 50 of 200, so u = 1/4. */
static void test_style_weights(void **state) {
  (void)state;
  const double wanted[MIXENT_STYLES][2] = {
      [MIXENT_STYLE_FREE] = {0.5, 2},
      [MIXENT_STYLE_SQUARE] = {0.25, 4},
      [MIXENT_STYLE_EXPO] = {exp(0.5), exp(2)},
      [MIXENT_STYLE_SOFTMAX] = {exp(0.5) / (exp(0.5) + exp(2)), exp(2) / (exp(0.5) + exp(2))},
      [MIXENT_STYLE_SQUARE_DECAY] = {0.25, 3},
      [MIXENT_STYLE_SQUARE_WAX] = {0.25, 1},
      [MIXENT_STYLE_SQUARE_TIE] = {-3, 4},
      [MIXENT_STYLE_SQUARE_DECAY_TIE] = {-2, 3},
      [MIXENT_STYLE_EPOCH_NO_PARAMS] = {0.75, 0.25},
      [MIXENT_STYLE_EPOCH_MULT_PARAMS] = {0.375, 0.5},
      [MIXENT_STYLE_EPOCH_ADD_PARAMS] = {1.25, 2.25},
      [MIXENT_STYLE_EPOCH_ADD_MULT] = {1.125, 0.75},
      [MIXENT_STYLE_SOFTPLUS] = {log(1 + exp(0.5)), log(1 + exp(2))},
      [MIXENT_STYLE_UNCERTAINTY] = {exp(-0.5), exp(-2)},
  };
  mixent_loss_options options = mixent_loss_defaults();
  options.kind = MIXENT_LOSS_MIN_ENT;
  options.w[0] = 0.5, options.w[1] = 2;
  for (int style = 0; style < MIXENT_STYLES; style++) {
    double w[2], late[2], later[2];
    options.style = (mixent_style)style;
    mixent_loss_state at = mixent_loss_start(&options);
    mixent_loss_weights(&options, &at, 50, w);
    for (int k = 0; k < 2; k++) assert_near(w[k], wanted[style][k]);
    mixent_loss_weights(&options, &at, 200, late); /* u stays at 1 */
    mixent_loss_weights(&options, &at, 900, later);
    assert_memory_equal(late, later, sizeof late);
    assert_non_null(mixent_style_names[style]);
  }
  assert_null(mixent_style_names[MIXENT_STYLES]);
  options.kind = MIXENT_LOSS_CE; /* knows neither weights nor bases */
  options.b[0] = 2;
  mixent_loss_state at = mixent_loss_start(&options);
  const double terms[MIXENT_TERMS] = {1.5, 2, 3, 1};
  double w[2], gradient[MIXENT_LOSS_PARAMETERS];
  mixent_loss_weights(&options, &at, 50, w);
  assert_true(w[0] == 1 && w[1] == 0);
  assert_true(mixent_loss_value(&options, &at, 50, terms, gradient) == 1.5);
}

/* Softplus stays right where exp t is out of range. */
static void test_softplus_far_out(void **state) {
  (void)state;
  mixent_loss_options options = mixent_loss_defaults();
  options.kind = MIXENT_LOSS_MIN_ENT, options.style = MIXENT_STYLE_SOFTPLUS;
  options.w[0] = 1000, options.w[1] = -30;
  mixent_loss_state at = mixent_loss_start(&options);
  double w[2];
  mixent_loss_weights(&options, &at, 0, w);
  assert_near(w[0], 1000);
  assert_true(fabs(w[1] / exp(-30) - 1) < 1e-10);
}

/* Learning w by descent is ill-posed (the gradient is the term itself, never negative) except with
 * uncertainty weighting, whose optimum is exp(-s) = 1 / (2 T). A base above 1 only grows while its weight is
 * positive. */
static void test_which_way_the_parameters_move(void **state) {
  (void)state;
  draws random = draws_start(26);
  for (int i = 0; i < 50; i++) {
    mixent_loss_options options = mixent_loss_defaults();
    options.kind = i % 2 ? MIXENT_LOSS_MIN_ENT : MIXENT_LOSS_MIX_ENT;
    for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) options.learn[k] = true;
    double terms[MIXENT_TERMS], gradient[MIXENT_LOSS_PARAMETERS];
    for (int k = 0; k < MIXENT_TERMS; k++) terms[k] = draw(&random, 0.01, 5);
    mixent_loss_state at = mixent_loss_start(&options);
    mixent_loss_value(&options, &at, 0, terms, gradient);
    assert_near(gradient[0], terms[MIXENT_CE1]);
    assert_near(gradient[1], terms[i % 2 ? MIXENT_H : MIXENT_CE2]);
    assert_true(gradient[2] < 0 && gradient[3] < 0);
    options.style = MIXENT_STYLE_UNCERTAINTY;
    at.value[0] = log(2 * terms[MIXENT_CE1]), at.value[1] = log(2 * terms[i % 2 ? MIXENT_H : MIXENT_CE2]);
    mixent_loss_value(&options, &at, 0, terms, gradient);
    assert_true(fabs(gradient[0]) < 1e-12 && fabs(gradient[1]) < 1e-12);
  }
}

static void test_bounds_hold_what_is_learned(void **state) {
  (void)state;
  mixent_loss_options options = mixent_loss_defaults();
  mixent_loss_state at = {{50, -50, 0, 50}}, before = at;
  mixent_loss_clamp(&options, &at);
  assert_memory_equal(&at, &before, sizeof at);
  const double bounded[MIXENT_LOSS_PARAMETERS] = {20, -20, log(1.1), log(1000)};
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) {
    options.learn[k] = true;
    mixent_loss_clamp(&options, &at);
    for (int j = 0; j < MIXENT_LOSS_PARAMETERS; j++)
      assert_near(at.value[j], j <= k ? bounded[j] : before.value[j]);
  }
}

static void test_options_are_checked(void **state) {
  (void)state;
  const mixent_loss_options good = mixent_loss_defaults();
  assert_int_equal(mixent_loss_check(&good), MIXENT_OK);
  enum { CASES = 12 };
  mixent_loss_options wrong[CASES];
  for (int i = 0; i < CASES; i++) wrong[i] = good;
  wrong[0].eps = 0;
  wrong[1].eps = NAN;
  wrong[2].b[0] = 1;
  wrong[3].b[1] = -2;
  wrong[4].max_interval = 0;
  wrong[5].w[1] = NAN;
  wrong[6].learn[0] = true, wrong[6].w[0] = 21;
  wrong[7].learn[2] = true, wrong[7].b[0] = 1.05;
  wrong[8].b_bounds[0] = 0.5;
  wrong[9].w_bounds[0] = 30;
  wrong[10].kind = (mixent_loss_kind)3;
  wrong[11].style = MIXENT_STYLES;
  for (int i = 0; i < CASES; i++) assert_int_equal(mixent_loss_check(&wrong[i]), MIXENT_ERROR_ARGUMENT);
  mixent_loss_check(&wrong[7]);
  assert_string_equal(mixent_last_error(), "loss: b1 starts at 1.05, outside its bounds 1.1 to 1000");
  mixent_loss_options fixed = good; /* what is not learned may lie outside its bounds */
  fixed.b[0] = 0.5, fixed.w[0] = 30;
  fixed.learn[1] = fixed.learn[3] = true;
  assert_int_equal(mixent_loss_check(&fixed), MIXENT_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_weight_and_base_are_redundant),
      cmocka_unit_test(test_one_hot_ce2_is_a_mean_absolute_error),
      cmocka_unit_test(test_ce2_is_divergence_plus_entropy),
      cmocka_unit_test(test_soft_targets_extend_hard_labels),
      cmocka_unit_test(test_entropy_lies_between_0_and_ln_classes),
      cmocka_unit_test(test_style_weights),
      cmocka_unit_test(test_softplus_far_out),
      cmocka_unit_test(test_which_way_the_parameters_move),
      cmocka_unit_test(test_bounds_hold_what_is_learned),
      cmocka_unit_test(test_options_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
