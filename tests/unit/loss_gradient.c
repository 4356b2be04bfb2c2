/* loss: every derivative against finite differences in double: of each term by the logits, and of the loss by
 * its own parameters, for every style. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loss_cases.h"
#include "mixent/weights.h"
#include <string.h>

static const case_kind small = {4, 9, false};

static double value_of(const loss_case *c) {
  mixent_loss_result result = {.gradient = NULL};
  assert_int_equal(mixent_loss_evaluate(&c->batch, &c->rule, NULL, &result), MIXENT_OK);
  return result.value;
}

static void check_logits_gradient(const loss_case *c) {
  double gradient[4 * 20], step = 1e-5, *logits = (double *)c->batch.logits.data;
  size_t stride = c->batch.logits.stride ? c->batch.logits.stride : c->batch.classes;
  mixent_loss_result result = {.gradient = gradient};
  assert_int_equal(mixent_loss_evaluate(&c->batch, &c->rule, NULL, &result), MIXENT_OK);
  for (size_t r = 0; r < c->batch.rows; r++)
    for (size_t k = 0; k < c->batch.classes; k++) {
      double *z = &logits[r * stride + k], before = *z;
      *z = before + step;
      double above = value_of(c);
      *z = before - step;
      double below = value_of(c);
      *z = before;
      double difference = (above - below) / (2 * step), got = gradient[r * stride + k];
      if (!(fabs(difference - got) < 1e-6 * (1 + fabs(difference))))
        fail_msg("element %zu %zu: %g is not %g", r, k, got, difference);
    }
}

/* Each alone, with whatever weights, smoothing and reduction come up, and mixtures of all. */
static void test_each_term_by_the_logits(void **state) {
  (void)state;
  draws random = draws_start(11);
  for (int i = 0; i < 660; i++) {
    loss_case c;
    case_draw(&random, &small, MIXENT_FLOAT64, &c);
    bool smooth_enough = true; /* for differences of this step */
    for (size_t j = 0; j < c.batch.rows * c.batch.classes; j++) smooth_enough &= fabs(c.logits[j]) < 20;
    int only = i % (MIXENT_TERMS + 1);
    for (int t = 0; t < MIXENT_TERMS && only < MIXENT_TERMS; t++)
      c.rule.coefficients[t] = t == only && (t != MIXENT_MAE || c.rule.coefficients[t] != 0);
    if (smooth_enough) check_logits_gradient(&c);
    case_free(&c);
  }
}

static double value_at(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                       const double terms[MIXENT_TERMS]) {
  double gradient[MIXENT_LOSS_PARAMETERS];
  return mixent_loss_value(options, state, epoch, terms, gradient);
}

static void check_parameters(const mixent_loss_options *options, const mixent_loss_state *at, double epoch,
                             const double terms[MIXENT_TERMS]) {
  double gradient[MIXENT_LOSS_PARAMETERS];
  mixent_loss_value(options, at, epoch, terms, gradient);
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) {
    double step = 1e-6;
    mixent_loss_state above = *at, below = *at;
    above.value[k] += step, below.value[k] -= step;
    double difference =
        (value_at(options, &above, epoch, terms) - value_at(options, &below, epoch, terms)) / (2 * step);
    if (!options->learn[k]) difference = 0;
    if (k < MIXENT_LOSS_PARTS && options->style == MIXENT_STYLE_HYPERGRADIENT)
      difference = 0; /* not from here */
    if (!(fabs(difference - gradient[k]) < 1e-6 * (1 + fabs(difference))))
      fail_msg("%s, %s, epoch %g, %s: %g is not %g", mixent_loss_names[options->kind],
               mixent_style_names[options->style], epoch, mixent_loss_parameter_names[k], gradient[k],
               difference);
  }
}

static void test_every_style_by_its_parameters(void **state) {
  (void)state;
  draws random = draws_start(12);
  for (int i = 0; i < 70; i++)
    for (int style = 0; style < MIXENT_STYLES; style++)
      for (int kind = 0; kind < MIXENT_LOSSES; kind++) {
        mixent_loss_options options = mixent_loss_defaults((mixent_loss_kind)kind);
        options.style = (mixent_style)style;
        for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) options.learn[k] = i >> k & 1;
        mixent_loss_state at;
        for (int k = 0; k < MIXENT_LOSS_PARTS; k++)
          at.value[k] = draw(&random, -2, 2), at.value[MIXENT_LOSS_PARTS + k] = draw(&random, 0.1, 7);
        double terms[MIXENT_TERMS];
        for (int k = 0; k < MIXENT_TERMS; k++) terms[k] = draw(&random, 0, 5);
        double epoch = i % 5 == 0 ? 0 : i % 5 == 1 ? 1000 : draw(&random, 0, options.max_interval);
        check_parameters(&options, &at, epoch, terms);
      }
}

/* The whole way: the loss's value is what the rule made of its options evaluates to. */
static void test_value_is_what_is_evaluated(void **state) {
  (void)state;
  draws random = draws_start(13);
  for (int i = 0; i < 20; i++)
    for (int style = 0; style < MIXENT_STYLES; style++)
      for (int kind = 0; kind < MIXENT_LOSSES; kind++) {
        mixent_loss_options options = mixent_loss_defaults((mixent_loss_kind)kind);
        options.style = (mixent_style)style;
        for (int k = 0; k < MIXENT_LOSS_PARTS; k++)
          options.w[k] = draw(&random, -1, 1), options.b[k] = draw(&random, 1.2, 30);
        const mixent_loss_state at = mixent_loss_start(&options);
        loss_case c;
        case_draw(&random, &small, MIXENT_FLOAT64, &c);
        c.rule = mixent_loss_rule_of(&options, &at, 40);
        mixent_loss_result result = {.gradient = NULL};
        assert_int_equal(mixent_loss_evaluate(&c.batch, &c.rule, NULL, &result), MIXENT_OK);
        double extra = 0, value = value_at(&options, &at, 40, result.terms);
        mixent_term terms[MIXENT_LOSS_PARTS];
        for (int k = 0; k < mixent_loss_parts(options.kind, terms) && style == MIXENT_STYLE_UNCERTAINTY; k++)
          extra += options.w[k] / 2;
        if (!isfinite(result.value))
          assert_false(isfinite(value));
        else
          assert_true(fabs(value - extra - result.value) < 1e-10 * (1 + fabs(value)));
        case_free(&c);
      }
}

/* The sum it is. */
static void test_hypergradient_is_a_weighted_product(void **state) {
  (void)state;
  enum { COUNT = 10000 };
  static float held_out[COUNT], term[COUNT], response[COUNT];
  draws random = draws_start(14);
  double plain = 0, responding = 0;
  for (int i = 0; i < COUNT; i++) {
    held_out[i] = (float)draw(&random, -1, 1), term[i] = (float)draw(&random, -1, 1),
    response[i] = (float)draw(&random, -1, 0);
    plain += (double)held_out[i] * term[i], responding += (double)held_out[i] * term[i] * response[i];
  }
  assert_true(fabs(mixent_loss_hypergradient(COUNT, held_out, term, NULL, 0.1, 2) + 0.1 * plain / 2) < 1e-10);
  assert_true(fabs(mixent_loss_hypergradient(COUNT, held_out, term, response, 0.1, 2) - responding / 2) <
              1e-10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_term_by_the_logits),
      cmocka_unit_test(test_every_style_by_its_parameters),
      cmocka_unit_test(test_value_is_what_is_evaluated),
      cmocka_unit_test(test_hypergradient_is_a_weighted_product),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
