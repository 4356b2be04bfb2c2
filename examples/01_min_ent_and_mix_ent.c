/* 01: MIN-ENT and MIX-ENT: terms, coefficients, weights and log bases.
 *
 * Teaches that a loss is a sum of terms T_i with one coefficient each; that mixent/weights.h makes the
 * coefficients from weights w and log bases b, c = w / ln b; and that a base is therefore only a weight
 * written differently. Build:
 *
 *   cc -std=c17 01_min_ent_and_mix_ent.c $(pkg-config --cflags --libs mixent-loss) -lm */
#include <math.h>
#include <mixent/weights.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 2, CLASSES = 3, COUNT = ROWS * CLASSES };

static const float logits[COUNT] = {2, 1, 0, 0, 3, 1};
static const int32_t labels[ROWS] = {0, 1};

static mixent_loss_result evaluate(const mixent_loss_rule *rule, float *gradient) {
  mixent_loss_batch batch = {.rows = ROWS,
                             .classes = CLASSES,
                             .logits = {logits, MIXENT_FLOAT32, 0},
                             .labels = {labels, MIXENT_INT32, 0}};
  mixent_loss_result result = {.gradient = gradient};
  if (mixent_loss_evaluate(&batch, rule, NULL, &result) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    exit(1);
  }
  return result;
}

static bool failed;
static void check(const char *claim, double difference) {
  bool holds = fabs(difference) < 1e-6;
  printf("  %s: %s\n", claim, holds ? "yes" : "NO");
  failed |= !holds;
}

static double distance(const float *a, const float *b) {
  double largest = 0;
  for (int i = 0; i < COUNT; i++) largest = fmax(largest, fabs(a[i] - b[i]));
  return largest;
}

/* The loss `options` describe; the state holds what learning would change, which is nothing here. */
static double value_of(const mixent_loss_options *options, float *gradient) {
  if (mixent_loss_check(options) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    exit(1);
  }
  mixent_loss_state state = mixent_loss_start(options);
  mixent_loss_rule rule = mixent_loss_rule_of(options, &state, 0);
  printf("  %-8s w = (%.4f, %.4f), b = (%.4f, %.4f):", mixent_loss_names[options->kind], options->w[0],
         options->w[1], options->b[0], options->b[1]);
  mixent_loss_result result = evaluate(&rule, gradient);
  printf(" loss %.6f\n", result.value);
  return result.value;
}

int main(void) {
  float ce[COUNT], entropy[COUNT], both[COUNT], other[COUNT], expected[COUNT];

  printf("Terms of one batch, in natural logarithms:\n");
  mixent_loss_rule rule = mixent_loss_rule_defaults(); /* these four are wanted although their c is 0 */
  mixent_loss_result result = evaluate(&rule, NULL);
  const double *terms = result.terms;
  for (int term = MIXENT_CE1; term <= MIXENT_KL; term++)
    printf("  %-3s %.6f\n", mixent_term_names[term], terms[term]);
  check("kl is ce2 - h", terms[MIXENT_KL] - (terms[MIXENT_CE2] - terms[MIXENT_H]));
  rule.wanted |= 1u << MIXENT_POLY1;
  /* With hard labels ln max(p, eps) is 0 for the label and ln eps elsewhere: MIX-ENT is then Poly-1. */
  check("ce2 is -ln eps times the mean of 1 - q of the label",
        terms[MIXENT_CE2] + log(rule.eps) * evaluate(&rule, NULL).terms[MIXENT_POLY1]);

  printf("Coefficients add terms and gradients alike:\n");
  rule = mixent_loss_rule_defaults();
  rule.coefficients[MIXENT_CE1] = 1;
  evaluate(&rule, ce);
  rule.coefficients[MIXENT_CE1] = 0, rule.coefficients[MIXENT_H] = 1;
  evaluate(&rule, entropy);
  rule.coefficients[MIXENT_CE1] = 1.5, rule.coefficients[MIXENT_H] = 0.1;
  result = evaluate(&rule, both);
  for (int i = 0; i < COUNT; i++) expected[i] = 1.5f * ce[i] + 0.1f * entropy[i];
  printf("  1.5 ce1 + 0.1 h = %.6f\n", result.value);
  check("the value is the sum", result.value - 1.5 * terms[MIXENT_CE1] - 0.1 * terms[MIXENT_H]);
  check("the gradient is the sum", distance(both, expected));

  printf("The same loss by weights and bases (w, b), and by (w / ln b, e):\n");
  static const double w[2] = {0.839, 0.308}, b[2] = {2.02, 10.73}; /* released with the paper, for MIN-ENT */
  static const mixent_loss_kind kinds[] = {MIXENT_LOSS_MIN_ENT, MIXENT_LOSS_MIX_ENT};
  for (int kind = 0; kind < 2; kind++) {
    mixent_loss_options in_bases = mixent_loss_defaults(kinds[kind]);
    mixent_loss_options natural = in_bases; /* the bases are e unless told otherwise */
    for (int i = 0; i < 2; i++) {
      in_bases.w[i] = w[i], in_bases.b[i] = b[i];
      natural.w[i] = w[i] / log(b[i]);
    }
    double first = value_of(&in_bases, both), second = value_of(&natural, other);
    check("the same value", first - second);
    check("the same gradient", distance(both, other));
  }
  return failed;
}
