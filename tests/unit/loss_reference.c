#include "loss_reference.h"
#include <math.h>
#include <stdlib.h>

typedef long double number;

/* a b, where 0 times infinity is 0. */
static number product(number a, number b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

static number power(number x, number k) {
  return x == 0 ? (k == 0 ? 1 : 0) : powl(x, k);
}

/* v(q, p) of one class, and q dv/dq. `rest` is 1 - q. */
static void softmax_term(mixent_term term, const mixent_loss_rule *rule, number q, number ln_q, number rest,
                         number p, number *value, number *slope) {
  number g = rule->focal_gamma, a = rule->gce_q, ln_p = logl(fmaxl(p, rule->eps)),
         d = p > 0.5L ? rest - (1 - p) : p - q;
  *value = *slope = 0;
  switch (term) {
  case MIXENT_CE1: *value = -product(p, ln_q), *slope = -p; break;
  case MIXENT_H: *value = -product(q, ln_q), *slope = -product(q, ln_q) - q; break;
  case MIXENT_CE2: *value = *slope = -q * ln_p; break;
  case MIXENT_KL: *value = product(q, ln_q - ln_p), *slope = *value + q; break;
  case MIXENT_FOCAL:
    *value = -product(product(p, power(rest, g)), ln_q);
    *slope = -p * power(rest, g) + (rest > 0 ? p * g * power(rest, g - 1) * product(q, ln_q) : 0);
    break;
  case MIXENT_GCE: *value = p * -expm1l(a * ln_q) / a, *slope = -p * power(q, a); break;
  case MIXENT_MAE: *value = fabsl(d), *slope = d > 0 ? -q : d < 0 ? q : 0; break;
  case MIXENT_POLY1: *value = p * rest, *slope = -p * q; break;
  case MIXENT_BRIER: *value = d * d, *slope = -2 * q * d; break;
  default: break;
  }
}

static bool is_linear(mixent_term term) {
  return term == MIXENT_CE1 || term == MIXENT_FOCAL || term == MIXENT_GCE || term == MIXENT_POLY1;
}

static number tempered_exp(number x, number t) {
  return t == 1 ? expl(x) : power(1 + (1 - t) * x, 1 / (1 - t));
}

static number tempered_log(number x, number t) {
  return (power(x, 1 - t) - 1) / (1 - t);
}

/* Bisection: slow and sure. */
static number find_lambda(size_t classes, const number *z, number t) {
  number low = 0, high = t == 1 ? logl(classes) : (power(classes, t - 1) - 1) / (t - 1);
  for (int i = 0; i < 90; i++) {
    number middle = (low + high) / 2, sum = 0;
    for (size_t k = 0; k < classes; k++)
      if (z[k] > -INFINITY) sum += tempered_exp(z[k] - middle, t);
    if (sum > 1)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}

static void bi_tempered(size_t classes, const number *z, const number *p, const mixent_loss_rule *rule,
                        double *value, double *gradient) {
  number t1 = rule->t1, t2 = rule->t2, lambda = find_lambda(classes, z, t2), sum = 0, slopes = 0, escort = 0;
  number *q = calloc(classes, sizeof *q);
  for (size_t k = 0; k < classes; k++) {
    q[k] = z[k] > -INFINITY ? tempered_exp(z[k] - lambda, t2) : 0;
    sum += product(p[k], tempered_log(p[k], t1) - tempered_log(q[k], t1)) -
           (power(p[k], 2 - t1) - power(q[k], 2 - t1)) / (2 - t1);
    slopes += (q[k] - p[k]) * power(q[k], t2 - t1);
    escort += power(q[k], t2);
  }
  *value = (double)sum;
  for (size_t k = 0; gradient && k < classes; k++)
    gradient[k] = (double)((q[k] - p[k]) * power(q[k], t2 - t1) - power(q[k], t2) / escort * slopes);
  free(q);
}

void reference_evaluate(const reference_row *row, const mixent_loss_rule *rule, double terms[MIXENT_TERMS],
                        double *gradient) {
  size_t classes = row->classes, finite = 0, largest = 0;
  number maximum = -INFINITY, sum = 0, others = 0, weight = 0;
  bool defined = true;
  for (size_t k = 0; k < classes; k++) {
    if (row->logits[k] > maximum) maximum = row->logits[k], largest = k;
    finite += row->logits[k] > -INFINITY;
    defined &= !isnan(row->logits[k]) && row->logits[k] < INFINITY;
  }
  if (!defined || finite == 0) {
    for (int t = 0; t < MIXENT_TERMS; t++) terms[t] = NAN;
    for (size_t i = 0; gradient && i < MIXENT_TERMS * classes; i++) gradient[i] = NAN;
    return;
  }
  number *z = calloc(classes, sizeof *z), *p = calloc(classes, sizeof *p),
         *slope = calloc(classes, sizeof *slope);
  for (size_t k = 0; k < classes; k++) {
    z[k] = row->logits[k] - maximum;
    sum += expl(z[k]);
    if (k != largest) others += expl(z[k]);
    p[k] = (1 - (number)row->smoothing) * row->targets[k];
    if (row->logits[k] > -INFINITY) p[k] += (number)row->smoothing / finite;
    weight += p[k] * (row->class_weights ? row->class_weights[k] : 1);
  }
  if (!row->class_weights) weight = 1;
  for (int t = 0; t < MIXENT_BI_TEMPERED; t++) {
    number value = 0, slopes = 0;
    for (size_t k = 0; k < classes; k++) {
      number q = expl(z[k]) / sum, rest = k == largest ? others / sum : 1 - q, v, factor = weight;
      number ln_q = k == largest ? -log1pl(others) : z[k] - log1pl(others);
      if (is_linear((mixent_term)t)) factor = row->class_weights ? row->class_weights[k] : 1;
      softmax_term((mixent_term)t, rule, q, ln_q, rest, p[k], &v, &slope[k]);
      value += product(factor, v), slope[k] *= factor, slopes += slope[k];
    }
    terms[t] = (double)value;
    for (size_t k = 0; gradient && k < classes; k++) {
      number q = expl(z[k]) / sum, rest = k == largest ? others / sum : 1 - q;
      number apart = 0; /* the slopes of the other classes; summed anew where much would cancel */
      for (size_t i = 0; k == largest && i < classes; i++)
        if (i != k) apart += slope[i];
      if (k != largest) apart = slopes - slope[k];
      gradient[(size_t)t * classes + k] = (double)(slope[k] * rest - q * apart);
    }
  }
  terms[MIXENT_BI_TEMPERED] = 0; /* it is slow: only where it is asked for */
  if (rule->coefficients[MIXENT_BI_TEMPERED] != 0 || rule->wanted >> MIXENT_BI_TEMPERED & 1)
    bi_tempered(classes, z, p, rule, &terms[MIXENT_BI_TEMPERED],
                gradient ? gradient + MIXENT_BI_TEMPERED * classes : NULL);
  terms[MIXENT_BI_TEMPERED] *= (double)weight;
  for (size_t k = 0; gradient && k < classes; k++)
    gradient[MIXENT_BI_TEMPERED * classes + k] *= terms[MIXENT_BI_TEMPERED] != 0 ? (double)weight : 0;
  free(z), free(p), free(slope);
}
