/* loss: what follows from the definitions, each as a property of random batches; and the options around them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loss_cases.h"
#include "mixent/weights.h"
#include <string.h>

enum { MOST = 40 };

static void assert_near(double value, double wanted) {
  if (!(fabs(value - wanted) <= 1e-10 * (1 + fabs(wanted)))) fail_msg("%.17g is not %.17g", value, wanted);
}

/* One random row in double, a hard label, and any targets. */
typedef struct row {
  size_t classes;
  double z[MOST], targets[MOST], q[MOST];
  int32_t label;
} row;

static row draw_row(draws *random, size_t classes, double scale) {
  row row = {.classes = classes, .label = draw_integer(random, 0, (int)classes - 1)};
  double sum = 0, mass = 0;
  for (size_t k = 0; k < classes; k++) {
    row.z[k] = draw(random, -scale, scale),
    row.targets[k] = draw_chance(random, 0.3) ? 0 : draw(random, 0.01, 1);
    sum += exp(row.z[k]), mass += row.targets[k];
  }
  for (size_t k = 0; k < classes; k++) {
    row.q[k] = exp(row.z[k]) / sum;
    row.targets[k] = mass > 0 ? row.targets[k] / mass : k == 0;
  }
  return row;
}

typedef enum target { HARD, SOFT } target;

/* The row's terms; with a gradient, that of the rule. */
static mixent_loss_result evaluate(const row *row, target target, double smoothing,
                                   const mixent_loss_rule *wanted, double *gradient) {
  mixent_loss_batch batch = {.rows = 1, .classes = row->classes, .logits = {row->z, MIXENT_FLOAT64, 0}};
  mixent_loss_rule rule = *wanted;
  rule.smoothing = smoothing;
  if (target == HARD)
    batch.labels = (mixent_array){&row->label, MIXENT_INT32, 0};
  else
    batch.targets = (mixent_array){row->targets, MIXENT_FLOAT64, 0};
  mixent_loss_result result = {.gradient = gradient};
  if (mixent_loss_evaluate(&batch, &rule, NULL, &result) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  return result;
}

static mixent_loss_rule rule_with(mixent_term term, double coefficient) {
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  rule.wanted = ~0u;
  rule.coefficients[term] = coefficient;
  return rule;
}

/* A log base only rescales its term: (w, b) and (w / ln b, e) are the same loss. */
static void test_weight_and_base_are_redundant(void **state) {
  (void)state;
  draws random = draws_start(21);
  for (int i = 0; i < 200; i++) {
    mixent_loss_options based = mixent_loss_defaults((mixent_loss_kind)(i % MIXENT_LOSSES)), natural;
    for (int k = 0; k < MIXENT_LOSS_PARTS; k++)
      based.w[k] = draw(&random, -2, 2), based.b[k] = exp(draw(&random, 0.1, 6));
    natural = based;
    for (int k = 0; k < MIXENT_LOSS_PARTS; k++)
      natural.w[k] = based.w[k] / log(based.b[k]), natural.b[k] = exp(1);
    const mixent_loss_state a = mixent_loss_start(&based), b = mixent_loss_start(&natural);
    const mixent_loss_rule rules[2] = {mixent_loss_rule_of(&based, &a, 0),
                                       mixent_loss_rule_of(&natural, &b, 0)};
    double terms[MIXENT_TERMS], unused[MIXENT_LOSS_PARAMETERS];
    for (int t = 0; t < MIXENT_TERMS; t++)
      assert_near(rules[0].coefficients[t], rules[1].coefficients[t]), terms[t] = draw(&random, 0, 4);
    assert_near(mixent_loss_value(&based, &a, 0, terms, unused),
                mixent_loss_value(&natural, &b, 0, terms, unused));
  }
}

/* With one-hot targets CE2 = A (1 - q_y), A = -ln eps (13.8 for 1e-6): scaled mean absolute error; MIX-ENT is
 * Poly-1 and, with weights 0.1 and 1 and eps 1e-4, symmetric cross entropy. */
static void test_one_hot_ce2_is_a_mean_absolute_error(void **state) {
  (void)state;
  draws random = draws_start(22);
  for (int i = 0; i < 100; i++) {
    row row = draw_row(&random, (size_t)draw_integer(&random, 1, MOST), 5);
    const mixent_loss_rule rule = rule_with(MIXENT_CE2, 1), mae = rule_with(MIXENT_MAE, -log(rule.eps) / 2),
                           poly = rule_with(MIXENT_POLY1, -log(rule.eps));
    double gradients[3][MOST], rest = 0;
    mixent_loss_result result = evaluate(&row, HARD, 0, &rule, gradients[0]);
    for (size_t k = 0; k < row.classes; k++) rest += (int32_t)k == row.label ? 0 : row.q[k];
    assert_near(result.terms[MIXENT_CE2], 13.815510557964274 * rest);
    assert_near(result.terms[MIXENT_CE1], -log(row.q[row.label]));
    assert_near(result.terms[MIXENT_MAE], 2 * rest);
    assert_near(result.terms[MIXENT_POLY1], rest);
    evaluate(&row, HARD, 0, &mae, gradients[1]);
    evaluate(&row, HARD, 0, &poly, gradients[2]);
    for (size_t k = 0; k < row.classes; k++)
      assert_near(gradients[1][k], gradients[0][k]), assert_near(gradients[2][k], gradients[0][k]);
  }
}

/* MIN-ENT is the confidence penalty with the sign reversed. */
static void test_min_ent_is_a_confidence_bonus(void **state) {
  (void)state;
  mixent_loss_options bonus = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT),
                      penalty = mixent_loss_defaults(MIXENT_LOSS_CONFIDENCE_PENALTY);
  bonus.w[1] = 0.1;
  const mixent_loss_state a = mixent_loss_start(&bonus), b = mixent_loss_start(&penalty);
  const mixent_loss_rule plus = mixent_loss_rule_of(&bonus, &a, 0),
                         minus = mixent_loss_rule_of(&penalty, &b, 0);
  assert_near(plus.coefficients[MIXENT_H], 0.1);
  assert_near(minus.coefficients[MIXENT_H], -0.1);
  assert_near(plus.coefficients[MIXENT_CE1], minus.coefficients[MIXENT_CE1]);
}

/* CE2 = KL + H in value and gradient, so that mix-ent-split with equal weights is mix-ent; KL is the
 * divergence of q from p, at least 0 and 0 where they are equal. */
static void test_ce2_is_divergence_plus_entropy(void **state) {
  (void)state;
  draws random = draws_start(23);
  for (int i = 0; i < 100; i++) {
    row row = draw_row(&random, (size_t)draw_integer(&random, 1, MOST), 6);
    target target = i % 2 ? SOFT : HARD;
    double smoothing = i % 3 ? 0 : 0.1, gradient[3][MOST];
    const mixent_term terms[3] = {MIXENT_CE2, MIXENT_KL, MIXENT_H};
    mixent_loss_result result = {.gradient = NULL};
    for (int k = 0; k < 3; k++) {
      const mixent_loss_rule rule = rule_with(terms[k], 1);
      result = evaluate(&row, target, smoothing, &rule, gradient[k]);
    }
    assert_near(result.terms[MIXENT_CE2], result.terms[MIXENT_KL] + result.terms[MIXENT_H]);
    for (size_t k = 0; k < row.classes; k++) assert_near(gradient[0][k], gradient[1][k] + gradient[2][k]);
    for (size_t k = 0; k < row.classes; k++) row.targets[k] = row.q[k]; /* now p = q */
    const mixent_loss_rule rule = rule_with(MIXENT_KL, 1);
    result = evaluate(&row, SOFT, 0, &rule, NULL);
    assert_true(fabs(result.terms[MIXENT_KL]) < 2e-5); /* but for q below eps */
    assert_near(result.terms[MIXENT_CE1], result.terms[MIXENT_H]);
  }
}

/* A one-hot row of soft targets is a hard label; smoothing mixes the cross entropies. */
static void test_soft_targets_extend_hard_labels(void **state) {
  (void)state;
  draws random = draws_start(24);
  for (int i = 0; i < 60; i++) {
    row row = draw_row(&random, (size_t)draw_integer(&random, 1, MOST), 5);
    mixent_loss_rule rule = rule_with(MIXENT_CE1, 0);
    for (int t = 0; t < MIXENT_TERMS; t++) rule.coefficients[t] = draw(&random, -1, 1);
    for (size_t k = 0; k < row.classes; k++) row.targets[k] = (int32_t)k == row.label;
    double hard_gradient[MOST], soft_gradient[MOST];
    mixent_loss_result hard = evaluate(&row, HARD, 0, &rule, hard_gradient),
                       soft = evaluate(&row, SOFT, 0, &rule, soft_gradient);
    for (int t = 0; t < MIXENT_TERMS; t++) assert_near(hard.terms[t], soft.terms[t]);
    for (size_t k = 0; k < row.classes; k++) assert_near(hard_gradient[k], soft_gradient[k]);
    mixent_loss_result smooth = evaluate(&row, HARD, 0.1, &rule, NULL);
    for (size_t k = 0; k < row.classes; k++) row.targets[k] = 1 / (double)row.classes;
    mixent_loss_result uniform = evaluate(&row, SOFT, 0, &rule, NULL);
    assert_near(smooth.terms[MIXENT_CE1], 0.9 * hard.terms[MIXENT_CE1] + 0.1 * uniform.terms[MIXENT_CE1]);
  }
}

/* At the ends of their parameters the relatives meet: focal with gamma 0, generalised cross entropy with q ->
 * 0 and bi-tempered with t1 -> 1 and t2 = 1 are cross entropy; generalised cross entropy with q = 1 is 1 -
 * q_y. */
static void test_relatives_meet_at_their_ends(void **state) {
  (void)state;
  draws random = draws_start(27);
  for (int i = 0; i < 60; i++) {
    row row = draw_row(&random, (size_t)draw_integer(&random, 2, MOST), 3);
    mixent_loss_rule rule = rule_with(MIXENT_CE1, 1);
    rule.focal_gamma = 0, rule.gce_q = 1e-7, rule.t1 = 1 - 1e-7, rule.t2 = 1;
    mixent_loss_result end = evaluate(&row, i % 2 ? SOFT : HARD, 0, &rule, NULL);
    assert_near(end.terms[MIXENT_FOCAL], end.terms[MIXENT_CE1]);
    assert_true(fabs(end.terms[MIXENT_GCE] - end.terms[MIXENT_CE1]) < 1e-5);
    double entropy = 0; /* of the targets: bi-tempered is the divergence from them */
    for (size_t k = 0; k < row.classes && i % 2; k++)
      if (row.targets[k] > 0) entropy -= row.targets[k] * log(row.targets[k]);
    assert_true(fabs(end.terms[MIXENT_BI_TEMPERED] - (end.terms[MIXENT_CE1] - entropy)) < 1e-5);
    rule.gce_q = 1;
    assert_near(evaluate(&row, HARD, 0, &rule, NULL).terms[MIXENT_GCE],
                evaluate(&row, HARD, 0, &rule, NULL).terms[MIXENT_POLY1]);
  }
}

static void test_entropy_lies_between_0_and_ln_classes(void **state) {
  (void)state;
  draws random = draws_start(25);
  for (size_t classes = 1; classes <= MOST; classes++) {
    row row = draw_row(&random, classes, pow(10, draw(&random, -1, 3)));
    const mixent_loss_rule rule = rule_with(MIXENT_H, 1);
    double most = log((double)classes), h = evaluate(&row, HARD, 0, &rule, NULL).terms[MIXENT_H];
    assert_true(h >= 0 && h <= most + 1e-12);
    for (size_t k = 0; k < classes; k++) row.z[k] = 7;
    assert_near(evaluate(&row, HARD, 0, &rule, NULL).terms[MIXENT_H], most);
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
      [MIXENT_STYLE_HYPERGRADIENT] = {0.5, 2},
  };
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  options.w[0] = 0.5, options.w[1] = 2;
  for (int style = 0; style < MIXENT_STYLES; style++) {
    double w[MIXENT_LOSS_PARTS], late[MIXENT_LOSS_PARTS], later[MIXENT_LOSS_PARTS];
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
  options.kind = MIXENT_LOSS_MIX_ENT_SPLIT, options.style = MIXENT_STYLE_SQUARE_TIE, options.w[2] = 1;
  mixent_loss_state at = mixent_loss_start(&options);
  double w[MIXENT_LOSS_PARTS];
  mixent_loss_weights(&options, &at, 0, w);
  assert_true(w[0] == 1 - 4 - 1 && w[1] == 4 && w[2] == 1);
  options.kind = MIXENT_LOSS_CE; /* one part: the others have no weight */
  mixent_loss_weights(&options, &at, 0, w);
  assert_true(w[1] == 0 && w[2] == 0);
}

/* Softplus stays right where exp t is out of range. */
static void test_softplus_far_out(void **state) {
  (void)state;
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  options.style = MIXENT_STYLE_SOFTPLUS;
  options.w[0] = 1000, options.w[1] = -30;
  mixent_loss_state at = mixent_loss_start(&options);
  double w[MIXENT_LOSS_PARTS];
  mixent_loss_weights(&options, &at, 0, w);
  assert_near(w[0], 1000);
  assert_true(fabs(w[1] / exp(-30) - 1) < 1e-10);
}

/* And softmax where the parameters lie so far apart that their exponentials do not. */
static void test_softmax_far_out(void **state) {
  (void)state;
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  options.style = MIXENT_STYLE_SOFTMAX;
  options.learn[0] = options.learn[1] = true;
  const double terms[MIXENT_TERMS] = {[MIXENT_CE1] = 2, [MIXENT_H] = 1};
  for (int sign = -1; sign <= 1; sign += 2) {
    options.w[0] = 800 * sign;
    mixent_loss_state at = mixent_loss_start(&options);
    double gradient[MIXENT_LOSS_PARAMETERS];
    assert_near(mixent_loss_value(&options, &at, 0, terms, gradient),
                sign < 0 ? 1 / log(options.b[1]) : 2 / log(options.b[0]));
    assert_true(gradient[0] == 0 && gradient[1] == 0);
  }
}

/* A weight of 0 makes nothing of a term that is infinite (a masked label's), in the value and in the gradient. */
static void test_nothing_times_infinity_is_nothing(void **state) {
  (void)state;
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  options.style = MIXENT_STYLE_EPOCH_MULT_PARAMS;
  for (int k = 0; k < 2; k++) options.learn[k] = options.learn[MIXENT_LOSS_PARTS + k] = true;
  const mixent_loss_state at = mixent_loss_start(&options);
  const double terms[MIXENT_TERMS] = {[MIXENT_CE1] = INFINITY, [MIXENT_H] = 1};
  double gradient[MIXENT_LOSS_PARAMETERS];
  assert_near(mixent_loss_value(&options, &at, options.max_interval, terms, gradient),
              options.w[1] / log(options.b[1]));
  assert_true(gradient[0] == 0 && gradient[MIXENT_LOSS_PARTS] == 0);
  assert_true(isfinite(gradient[1]) && isfinite(gradient[MIXENT_LOSS_PARTS + 1]));
}

/* In single precision, too, where the temperatures differ from 1 by less than their digits. */
static void test_bi_tempered_near_its_ends(void **state) {
  (void)state;
  static const double temperatures[][2] = {{0.8, 1.001}, {0.8, 1.00001},  {0.8, 1.0000001},
                                           {0.999, 1.2}, {0.999999, 1.2}, {0.9999999, 1.0000001},
                                           {0, 7}};
  draws random = draws_start(31);
  for (int i = 0; i < 140; i++) {
    row row = draw_row(&random, (size_t)draw_integer(&random, 2, MOST), 5);
    mixent_loss_rule rule = rule_with(MIXENT_BI_TEMPERED, 1);
    rule.t1 = temperatures[i % 7][0], rule.t2 = temperatures[i % 7][1];
    float z[MOST], narrow[MOST];
    double gradient[MOST];
    for (size_t k = 0; k < row.classes; k++) row.z[k] = z[k] = (float)row.z[k];
    mixent_loss_result wide = evaluate(&row, HARD, 0, &rule, gradient), single = {.gradient = narrow};
    const mixent_loss_batch batch = {.rows = 1,
                                     .classes = row.classes,
                                     .logits = {z, MIXENT_FLOAT32, 0},
                                     .labels = {&row.label, MIXENT_INT32, 0}};
    assert_int_equal(mixent_loss_evaluate(&batch, &rule, NULL, &single), MIXENT_OK);
    double value = wide.terms[MIXENT_BI_TEMPERED];
    if (!(fabs(single.terms[MIXENT_BI_TEMPERED] - value) <= 2e-6 * (1 + fabs(value))))
      fail_msg("t1 %.8g, t2 %.8g: %.9g, not %.9g", rule.t1, rule.t2, single.terms[MIXENT_BI_TEMPERED], value);
    for (size_t k = 0; k < row.classes; k++)
      if (!(fabs(narrow[k] - gradient[k]) <= 2e-6))
        fail_msg("t1 %.8g, t2 %.8g: gradient %.9g, not %.9g", rule.t1, rule.t2, (double)narrow[k],
                 gradient[k]);
  }
}

/* Learning w by descent is ill-posed (the gradient is the term itself, never negative) except with
 * uncertainty weighting, whose optimum is exp(-s) = 1 / (2 T). A base above 1 only grows while its weight is
 * positive. */
static void test_which_way_the_parameters_move(void **state) {
  (void)state;
  draws random = draws_start(26);
  for (int i = 0; i < 50; i++) {
    mixent_loss_options options = mixent_loss_defaults(i % 2 ? MIXENT_LOSS_MIN_ENT : MIXENT_LOSS_MIX_ENT);
    for (int k = 0; k < 2; k++) options.learn[k] = options.learn[MIXENT_LOSS_PARTS + k] = true;
    double terms[MIXENT_TERMS], gradient[MIXENT_LOSS_PARAMETERS];
    for (int k = 0; k < MIXENT_TERMS; k++) terms[k] = draw(&random, 0.01, 5);
    mixent_loss_state at = mixent_loss_start(&options);
    mixent_loss_value(&options, &at, 0, terms, gradient);
    assert_near(gradient[0], terms[MIXENT_CE1]);
    assert_near(gradient[1], terms[i % 2 ? MIXENT_H : MIXENT_CE2]);
    assert_true(gradient[MIXENT_LOSS_PARTS] < 0 && gradient[MIXENT_LOSS_PARTS + 1] < 0);
    options.style = MIXENT_STYLE_UNCERTAINTY;
    at.value[0] = log(2 * terms[MIXENT_CE1]), at.value[1] = log(2 * terms[i % 2 ? MIXENT_H : MIXENT_CE2]);
    mixent_loss_value(&options, &at, 0, terms, gradient);
    assert_true(fabs(gradient[0]) < 1e-12 && fabs(gradient[1]) < 1e-12);
  }
}

static void test_bounds_hold_what_is_learned(void **state) {
  (void)state;
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIX_ENT_SPLIT);
  mixent_loss_state at = {{50, -50, 50, 0, 50, 0}}, before = at;
  mixent_loss_clamp(&options, &at);
  assert_memory_equal(&at, &before, sizeof at);
  const double bounded[MIXENT_LOSS_PARAMETERS] = {20, -20, 20, log(1.1), log(1000), log(1.1)};
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) {
    options.learn[k] = true;
    mixent_loss_clamp(&options, &at);
    for (int j = 0; j < MIXENT_LOSS_PARAMETERS; j++)
      assert_near(at.value[j], j <= k ? bounded[j] : before.value[j]);
  }
}

static void test_options_are_checked(void **state) {
  (void)state;
  enum { CASES = 19, B = MIXENT_LOSS_PARTS };
  for (int kind = 0; kind < MIXENT_LOSSES; kind++) {
    const mixent_loss_options own = mixent_loss_defaults((mixent_loss_kind)kind);
    assert_int_equal(mixent_loss_check(&own), MIXENT_OK);
    assert_non_null(mixent_loss_names[kind]);
  }
  assert_null(mixent_loss_names[MIXENT_LOSSES]);
  const mixent_loss_options good = mixent_loss_defaults(MIXENT_LOSS_MIX_ENT);
  mixent_loss_options wrong[CASES];
  for (int i = 0; i < CASES; i++) wrong[i] = good;
  wrong[0].eps = 0;
  wrong[1].eps = NAN;
  wrong[2].b[0] = 1;
  wrong[3].b[1] = -2;
  wrong[4].max_interval = 0;
  wrong[5].w[1] = NAN;
  wrong[6].learn[0] = true, wrong[6].w[0] = 21;
  wrong[7].learn[B] = true, wrong[7].b[0] = 1.05;
  wrong[8].b_bounds[0] = 0.5;
  wrong[9].w_bounds[0] = 30;
  wrong[10].kind = MIXENT_LOSSES;
  wrong[11].style = MIXENT_STYLES;
  wrong[12].learn[2] = true; /* mix-ent has no third part */
  wrong[13].smoothing = -0.1;
  wrong[14].t1 = 1;
  wrong[15].kind = MIXENT_LOSS_KL, wrong[15].style = MIXENT_STYLE_UNCERTAINTY;
  wrong[16].t2 = 7.1;
  wrong[17].eps = 1e-38;
  wrong[18].style = MIXENT_STYLE_EXPO, wrong[18].w[1] = 1000;
  for (int i = 0; i < CASES; i++)
    if (mixent_loss_check(&wrong[i]) != MIXENT_ERROR_ARGUMENT) fail_msg("case %d passes", i);
  assert_string_equal(mixent_last_error(),
                      "loss: w2 is 1000, of which style expo makes a weight that is not finite");
  mixent_loss_check(&wrong[7]);
  assert_string_equal(mixent_last_error(), "loss: b1 starts at 1.05, outside its bounds 1.1 to 1000");
  mixent_loss_options fixed = good; /* what is not learned may lie outside its bounds */
  fixed.b[0] = 0.5, fixed.w[0] = 30;
  fixed.learn[1] = fixed.learn[B + 1] = true;
  assert_int_equal(mixent_loss_check(&fixed), MIXENT_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_weight_and_base_are_redundant),
      cmocka_unit_test(test_one_hot_ce2_is_a_mean_absolute_error),
      cmocka_unit_test(test_min_ent_is_a_confidence_bonus),
      cmocka_unit_test(test_ce2_is_divergence_plus_entropy),
      cmocka_unit_test(test_soft_targets_extend_hard_labels),
      cmocka_unit_test(test_relatives_meet_at_their_ends),
      cmocka_unit_test(test_entropy_lies_between_0_and_ln_classes),
      cmocka_unit_test(test_style_weights),
      cmocka_unit_test(test_softplus_far_out),
      cmocka_unit_test(test_softmax_far_out),
      cmocka_unit_test(test_nothing_times_infinity_is_nothing),
      cmocka_unit_test(test_bi_tempered_near_its_ends),
      cmocka_unit_test(test_which_way_the_parameters_move),
      cmocka_unit_test(test_bounds_hold_what_is_learned),
      cmocka_unit_test(test_options_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
