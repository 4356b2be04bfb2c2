/* The terms of one row and their gradients. With a hard label y every term follows from a few sums over the row:
 *
 *   m = max z      d_j = z_j - m      e_j = exp d_j      S = sum e_j
 *   q_j = e_j / S                     ln q_j = d_j - ln S        (the one logarithm that is taken is that of S)
 *
 * A class other than y has p = 0. There each term is q (constant + log ln q + square q) (terms/element.h). With A, B, C
 * the sums of `constant`, `log`, `square` over the terms, times their coefficients, and U_y the label's slope:
 *
 *   dL/dz_j = q_j (A + B ln q_j + 2 C q_j - U)       for j other than y
 *   U       = U_y + the sum of the slopes of the others
 *
 * That is e_j times a polynomial in d_j and e_j, which the kernels write in one pass. */
#include "loss/row.h"
#include "loss/terms/scalar.h"
#include "loss/terms/terms.h"

/* The sums, free of cancellation where one class is nearly sure. */
typedef struct prediction {
  double inverse_sum, ln_sum; /* 1 / S, ln S */
  double rest;                /* sum of q over the others: 1 - q_y */
  double logs, squares;       /* sum of q ln q, of q^2, over the others */
  element label;
} prediction;

/* ln(1 + x), x >= 0. */
static double log_of_one_and(double x) {
  return x > 0.1 ? log(1 + x) : log1p(x); /* the former is faster, and loses nothing here */
}

static prediction predict(const mixent_row_statistics *s) {
  double sum = 1 + s->beyond, inverse = 1 / sum, ln_sum = log_of_one_and(s->beyond);
  double d = s->label_difference, e = s->label_exponential;
  bool sure = d == 0; /* the label is (one of) the largest */
  double rest = (sure ? s->beyond : sum - e) * inverse;
  double weighted = sure || e == 0 ? s->weighted : s->weighted - e * d;
  return (prediction){.inverse_sum = inverse,
                      .ln_sum = ln_sum,
                      .rest = rest,
                      .logs = weighted * inverse - ln_sum * rest,
                      .squares =
                          (sure ? s->squares_beyond : 1 - e * e + s->squares_beyond) * (inverse * inverse),
                      .label = {.q = e * inverse, .ln_q = d - ln_sum, .rest = rest, .p = 1, .ln_p = 0}};
}

#define PREPARE_TERM(number, name)                                                                           \
  {                                                                                                          \
    elsewhere others = name##_elsewhere(rule->rule);                                                         \
    rule->elsewhere[number].constant = others.constant;                                                      \
    rule->elsewhere[number].log = others.log;                                                                \
    rule->elsewhere[number].square = others.square;                                                          \
  }

void mixent_row_rule_prepare(mixent_row_rule *rule) {
  MIXENT_SOFTMAX_TERMS(PREPARE_TERM)
}

/* L's parts of the formulas above, over the terms that count. */
typedef struct slopes {
  double constant, log, square, label;
} slopes;

#define ADD_TERM(number, name)                                                                               \
  if (rule->counts >> (number)&1) {                                                                          \
    effect here = name##_effect(&q->label, rule->rule);                                                      \
    double constant = rule->elsewhere[number].constant, log = rule->elsewhere[number].log,                   \
           square = rule->elsewhere[number].square;                                                          \
    double c = rule->rule->coefficients[number];                                                             \
    terms[number] = here.value + constant * q->rest + log * q->logs + square * q->squares;                   \
    sum.constant += c * constant, sum.log += c * log, sum.square += 2 * c * square;                          \
    sum.label += c * here.slope;                                                                             \
  }

static slopes add_terms(const mixent_row_rule *rule, const prediction *q, double terms[MIXENT_TERMS]) {
  slopes sum = {0};
  MIXENT_SOFTMAX_TERMS(ADD_TERM)
  return sum;
}

static void evaluate_hard(const mixent_row_rule *rule, const mixent_row *row,
                          const mixent_row_statistics *statistics, double scale, double terms[MIXENT_TERMS],
                          mixent_row_writing *writing) {
  prediction q = predict(statistics);
  slopes s = add_terms(rule, &q, terms);
  if (!row->gradient) return;
  double others = s.log * q.logs + s.square * q.squares; /* of U, without constant * rest */
  double factor = scale * q.inverse_sum;
  *writing =
      (mixent_row_writing){.row = *row,
                           .maximum = statistics->maximum,
                           .constant = factor * (s.constant * q.label.q - s.label - others -
                                                 s.log * q.ln_sum), /* 1 - rest is q_y */
                           .difference = factor * s.log,
                           .exponential = factor * s.square * q.inverse_sum,
                           .label = scale * (s.label * q.rest - q.label.q * (others + s.constant * q.rest))};
}

void mixent_row_finish(const mixent_row_rule *rule, mixent_row_writing *writing) {
  if (writing->row.gradient) rule->kernels->finish(writing);
  writing->row.gradient = NULL;
}

bool mixent_row_evaluate(const mixent_row_rule *rule, const mixent_row *row, const void *targets,
                         double weight, double scale, double terms[MIXENT_TERMS],
                         mixent_row_writing *writing) {
  mixent_row_statistics statistics;
  for (int term = 0; term < MIXENT_TERMS; term++) terms[term] = 0;
  if (weight == 0) { /* what is multiplied by 0 is 0, whatever it is */
    if (row->gradient) rule->kernels->fill(row->classes, 0, row->gradient);
    return true;
  }
  rule->kernels->statistics(row, rule->counts >> MIXENT_BRIER & 1, writing->row.gradient ? writing : NULL,
                            &statistics);
  mixent_row_finish(rule, writing);
  bool defined = !isnan(statistics.beyond + statistics.weighted);
  if (!defined) {
    for (int term = 0; term < MIXENT_TERMS; term++)
      if (rule->counts >> term & 1) terms[term] = NAN;
    if (row->gradient) rule->kernels->fill(row->classes, NAN, row->gradient);
    return false;
  }
  if (targets || rule->targets.smoothing > 0 || rule->counts >> MIXENT_BI_TEMPERED & 1) {
    mixent_row_targets given = rule->targets;
    given.targets = targets;
    rule->kernels->general(row, &given, &statistics, rule->rule, rule->counts, scale * weight, terms);
  } else {
    evaluate_hard(rule, row, &statistics, scale * weight, terms, writing);
  }
  if (weight != 1)
    for (int term = 0; term < MIXENT_TERMS; term++) terms[term] *= weight;
  return true;
}
