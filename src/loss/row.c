/* The terms of one row and their gradients, in float with sums in double.
 *
 * With m = max z, d_j = z_j - m, e_j = exp d_j, S = sum e_j and D = sum q_j d_j:
 *   q_j = e_j / S        ln q_j = d_j - ln S        H = -sum q ln q = ln S - D        ln q_j + H = d_j - D
 * so no logarithm is taken but that of S, which lies between 1 and the number of classes. */
#include "loss/row.h"
#include <math.h>

typedef struct softmax {
  float maximum; /* m */
  double sum;    /* S */
  double ln_sum; /* ln S, without loss when S is 1 and a little */
  double mean;   /* D */
  double others; /* S less the classes whose e_j is 1 */
  double ties;   /* how many those are */
} softmax;

/* A row with NaN or +inf, or of -inf alone, has S = D = NaN, which then reach every term and the whole
 * gradient. */
static softmax softmax_of(const mixent_row_rule *rule, size_t classes, const float *logits) {
  mixent_row_statistics row;
  rule->kernels->statistics(classes, logits, &row);
  double sum = row.ties + row.others;
  return (softmax){.maximum = row.maximum,
                   .sum = sum,
                   .ln_sum = log1p((row.ties - 1) + row.others),
                   .mean = row.weighted / sum,
                   .others = row.others,
                   .ties = row.ties};
}

/* d_j, held at a value whose exp is 0 in float. NaN stays NaN. */
static inline float bounded_difference(float logit, float maximum) {
  float difference = logit - maximum;
  return difference < -100.0f ? -100.0f : difference;
}

/* Hard label y: p is one-hot, so CE1 = -ln q_y and CE2 = -ln(eps) sum_{j != y} q_j = A (1 - q_y). */
void mixent_row_hard(const mixent_row_rule *rule, size_t classes, const float *logits, size_t label,
                     double terms[MIXENT_TERMS], float *gradient) {
  softmax row = softmax_of(rule, classes, logits);
  double difference = bounded_difference(logits[label], row.maximum);
  double exponential = exp(difference), q = exponential / row.sum;
  /* 1 - q_y without cancellation */
  double rest = (difference == 0 ? (row.ties - 1) + row.others : row.sum - exponential) / row.sum;
  double a = -rule->ln_eps;

  double h = row.ln_sum - row.mean;
  double ce2 = a * rest;
  terms[MIXENT_CE1] += row.ln_sum - ((double)logits[label] - row.maximum);
  terms[MIXENT_H] += h;
  terms[MIXENT_CE2] += ce2;
  terms[MIXENT_KL] += ce2 - h;
  if (!gradient) return;

  /* j != y:  dCE1 = q_j    dH = -q_j (ln q_j + H) = -q_j (d_j - D)    dCE2 = q_j (A - CE2) = q_j A q_y */
  double factor = rule->scale / row.sum;
  float slope = (float)(-factor * rule->h);
  float constant = (float)(factor * (rule->ce1 + rule->h * row.mean + rule->ce2 * a * q));
  rule->kernels->gradient(classes, logits, row.maximum, constant, slope, rule->stream, gradient);
  /* j = y:   dCE1 = q_y - 1            dH the same                            dCE2 = -q_y CE2 */
  gradient[label] = (float)(rule->scale * (-rule->ce1 * rest - rule->h * q * (difference - row.mean) -
                                           rule->ce2 * q * ce2));
}

/* e_j; exactly 0 where normal floats end, as in the kernels, so that a masked class counts for nothing. */
static inline float exponential_of(float difference) {
  return difference < -87.0f ? 0 : expf(difference);
}

/* Soft targets p. */
void mixent_row_soft(const mixent_row_rule *rule, size_t classes, const float *logits, const float *targets,
                     double terms[MIXENT_TERMS], float *gradient) {
  softmax row = softmax_of(rule, classes, logits);
  double mass = 0, inner = 0, cross = 0; /* sum p, sum p d, sum e ln max(p, eps) */
  for (size_t j = 0; j < classes; j++) {
    float p = targets[j], exponential = exponential_of(bounded_difference(logits[j], row.maximum));
    mass += p;
    if (p != 0) inner += p * ((double)logits[j] - row.maximum); /* 0 * (-inf) is 0 */
    cross += exponential * logf(p > rule->eps ? p : rule->eps);
  }
  double h = row.ln_sum - row.mean;
  double ce2 = -cross / row.sum;
  terms[MIXENT_CE1] += mass * row.ln_sum - inner;
  terms[MIXENT_H] += h;
  terms[MIXENT_CE2] += ce2;
  terms[MIXENT_KL] += ce2 - h;
  if (!gradient) return;

  for (size_t j = 0; j < classes; j++) {
    double p = targets[j], q = exponential_of(bounded_difference(logits[j], row.maximum)) / row.sum;
    double ln_p = logf(targets[j] > rule->eps ? targets[j] : rule->eps);
    double difference = bounded_difference(logits[j], row.maximum);
    double ce1_gradient = q * mass - p;
    double h_gradient = -q * (difference - row.mean); /* -q_j (ln q_j + H) */
    double ce2_gradient = -q * (ln_p + ce2);          /* q_j (-ln max(p_j, eps) - CE2) */
    gradient[j] =
        (float)(rule->scale * (rule->ce1 * ce1_gradient + rule->h * h_gradient + rule->ce2 * ce2_gradient));
  }
}
