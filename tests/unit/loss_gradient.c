/* loss: every derivative against finite differences in double: of each term by the logits, and of the loss by
 * its own parameters, for every style. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loss_cases.h"
#include <string.h>

static const double eps = 1e-6;

/* sum_i c_i T_i of the case's numbers. */
static double combined(const loss_case *c) {
  double terms[MIXENT_TERMS], sum = 0;
  assert_int_equal(evaluate_wide(c, eps, terms, NULL), MIXENT_OK);
  for (int i = 0; i < MIXENT_TERMS; i++)
    if (c->coefficients[i] != 0) sum += c->coefficients[i] * terms[i];
  return sum;
}

static void check_logits_gradient(loss_case *c) {
  static double gradient[sizeof c->wide_logits / sizeof *c->wide_logits];
  double terms[MIXENT_TERMS];
  assert_int_equal(evaluate_wide(c, eps, terms, gradient), MIXENT_OK);
  for (size_t i = 0; i < c->batch.rows * c->batch.classes; i++) {
    double logit = c->wide_logits[i], step = 1e-5;
    if (isinf(logit)) { /* a masked class cannot be moved and pulls at nothing */
      assert_true(gradient[i] == 0);
      continue;
    }
    c->wide_logits[i] = logit + step;
    double above = combined(c);
    c->wide_logits[i] = logit - step;
    double below = combined(c);
    c->wide_logits[i] = logit;
    double difference = (above - below) / (2 * step);
    if (!(fabs(difference - gradient[i]) < 1e-7))
      fail_msg("element %zu: %g is not %g", i, gradient[i], difference);
  }
}

static void test_each_term_by_the_logits(void **state) {
  (void)state;
  static loss_case c;
  draws random = draws_start(11);
  for (int i = 0; i < 160; i++) {
    size_t rows = (size_t)draw_integer(&random, 1, 4), classes = (size_t)draw_integer(&random, 1, 9);
    draw_case(&random, rows, classes, 4, i % 3 ? 0 : 0.3, i % 2, &c);
    int only = i / 2 % (MIXENT_TERMS + 1); /* one term alone, or (the last) a mixture of all */
    for (int k = 0; k < MIXENT_TERMS && only < MIXENT_TERMS; k++) c.coefficients[k] = k == only;
    check_logits_gradient(&c);
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
    if (!(fabs(difference - gradient[k]) < 1e-6 * (1 + fabs(difference))))
      fail_msg("%s, %s, epoch %g, parameter %d: %g is not %g", mixent_loss_names[options->kind],
               mixent_style_names[options->style], epoch, k, gradient[k], difference);
  }
}

static void test_every_style_by_its_parameters(void **state) {
  (void)state;
  draws random = draws_start(12);
  for (int i = 0; i < 40; i++) {
    for (int style = 0; style < MIXENT_STYLES; style++) {
      for (int kind = MIXENT_LOSS_CE; kind <= MIXENT_LOSS_MIX_ENT; kind++) {
        mixent_loss_options options = mixent_loss_defaults();
        options.kind = (mixent_loss_kind)kind, options.style = (mixent_style)style;
        for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) options.learn[k] = i >> k & 1;
        mixent_loss_state at;
        for (int k = 0; k < 2; k++)
          at.value[k] = draw(&random, -2, 2), at.value[2 + k] = draw(&random, 0.1, 7);
        double terms[MIXENT_TERMS];
        for (int k = 0; k < MIXENT_TERMS; k++) terms[k] = draw(&random, 0, 5);
        double epoch = i % 5 == 0 ? 0 : i % 5 == 1 ? 1000 : draw(&random, 0, options.max_interval);
        check_parameters(&options, &at, epoch, terms);
      }
    }
  }
}

/* The whole way: the loss of a batch by a weight, through coefficients and kernel. */
static void test_value_is_what_the_kernel_differentiates(void **state) {
  (void)state;
  static loss_case c;
  draws random = draws_start(13);
  for (int style = 0; style < MIXENT_STYLES; style++) {
    for (int kind = MIXENT_LOSS_CE; kind <= MIXENT_LOSS_MIX_ENT; kind++) {
      mixent_loss_options options = mixent_loss_defaults();
      options.kind = (mixent_loss_kind)kind, options.style = (mixent_style)style;
      options.b[0] = 2.02, options.b[1] = 10.73, options.w[0] = 0.839, options.w[1] = 0.308;
      mixent_loss_state at = mixent_loss_start(&options);
      draw_case(&random, 3, 6, 3, 0, false, &c);
      mixent_loss_coefficients(&options, &at, 40, c.coefficients);
      double terms[MIXENT_TERMS], extra = style == MIXENT_STYLE_UNCERTAINTY ? (0.839 + 0.308) / 2 : 0;
      if (kind == MIXENT_LOSS_CE) extra = 0;
      assert_int_equal(evaluate_wide(&c, options.eps, terms, NULL), MIXENT_OK);
      assert_true(fabs(value_at(&options, &at, 40, terms) - extra - combined(&c)) < 1e-12);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_term_by_the_logits),
      cmocka_unit_test(test_every_style_by_its_parameters),
      cmocka_unit_test(test_value_is_what_the_kernel_differentiates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
