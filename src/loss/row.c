/* The terms of one row and their gradients, in float with sums in double.
 *
 * With m = max z, d_j = z_j - m, e_j = exp d_j, S = sum e_j and D = sum q_j d_j:
 *   q_j = e_j / S        ln q_j = d_j - ln S        H = -sum q ln q = ln S - D        ln q_j + H = d_j - D
 * so no logarithm is taken but that of S, which lies between 1 and the number of classes. */
#include "loss/row.h"
#include "loss/exponential.h"
#include <math.h>

typedef struct softmax {
  float maximum; /* m */
  double sum;    /* S */
  double ln_sum; /* ln S */
  double mean;   /* D */
} softmax;

/* d_j, held at a value whose exp is 0 in float, so that a masked class (z = -inf) gives 0 * d = 0 and not
 * NaN. NaN stays NaN. */
static inline float bounded_difference(float logit, float maximum) {
  float difference = logit - maximum;
  return difference < -100.0f ? -100.0f : difference;
}

/* NaN is passed over: softmax_of meets it again. In lanes, since a compiler may not reorder a plain maximum
 * of floats. */
static float maximum_of(size_t classes, const float *logits) {
  enum { LANES = 8 };
  float lanes[LANES], maximum = -INFINITY;
  size_t j = 0;
  for (int lane = 0; lane < LANES; lane++) lanes[lane] = -INFINITY;
  for (; j + LANES <= classes; j += LANES)
    for (int lane = 0; lane < LANES; lane++)
      lanes[lane] = logits[j + lane] > lanes[lane] ? logits[j + lane] : lanes[lane];
  for (; j < classes; j++) maximum = logits[j] > maximum ? logits[j] : maximum;
  for (int lane = 0; lane < LANES; lane++) maximum = lanes[lane] > maximum ? lanes[lane] : maximum;
  return maximum;
}

/* Reads the row; leaves e_j in `exponentials` unless NULL. A row with NaN or +inf, or of -inf alone, has some
 * d_j = NaN and so S = D = NaN, which then reach every term and the whole gradient. */
static softmax softmax_of(size_t classes, const float *restrict logits, float *restrict exponentials) {
  float maximum = maximum_of(classes, logits);
  double sum = 0, weighted = 0;
#pragma omp simd reduction(+ : sum, weighted)
  for (size_t j = 0; j < classes; j++) {
    float difference = bounded_difference(logits[j], maximum);
    float exponential = mixent_exp_nonpositive(difference);
    if (exponentials) exponentials[j] = exponential;
    sum += (double)exponential;
    weighted += (double)(exponential * difference);
  }
  return (softmax){.maximum = maximum, .sum = sum, .ln_sum = log(sum), .mean = weighted / sum};
}

/* Hard label y: p is one-hot, so CE1 = -ln q_y and CE2 = -ln(eps) sum_{j != y} q_j = A (1 - q_y). */
void mixent_row_hard(const mixent_row_rule *rule, size_t classes, const float *restrict logits, size_t label,
                     double terms[MIXENT_TERMS], float *restrict gradient) {
  softmax row = softmax_of(classes, logits, gradient);
  float difference = bounded_difference(logits[label], row.maximum);
  float exponential = mixent_exp_nonpositive(difference);
  double q = exponential / row.sum;
  double rest = (row.sum - exponential) / row.sum; /* 1 - q_y without cancellation */
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
#pragma omp simd
  for (size_t j = 0; j < classes; j++)
    gradient[j] *= constant + slope * bounded_difference(logits[j], row.maximum);
  /* j = y:   dCE1 = q_y - 1            dH the same                            dCE2 = -q_y CE2 */
  gradient[label] = (float)(rule->scale * (-rule->ce1 * rest - rule->h * q * (difference - row.mean) -
                                           rule->ce2 * q * ce2));
}

/* Soft targets p. */
void mixent_row_soft(const mixent_row_rule *rule, size_t classes, const float *restrict logits,
                     const float *restrict targets, double terms[MIXENT_TERMS], float *restrict gradient) {
  softmax row = softmax_of(classes, logits, gradient);
  double mass = 0, inner = 0, cross = 0; /* sum p, sum p d, sum e ln max(p, eps) */
  for (size_t j = 0; j < classes; j++) {
    float p = targets[j], exponential = mixent_exp_nonpositive(bounded_difference(logits[j], row.maximum));
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
    double p = targets[j], q = gradient[j] / row.sum;
    double ln_p = logf(targets[j] > rule->eps ? targets[j] : rule->eps);
    double difference = bounded_difference(logits[j], row.maximum);
    double ce1_gradient = q * mass - p;
    double h_gradient = -q * (difference - row.mean); /* -q_j (ln q_j + H) */
    double ce2_gradient = -q * (ln_p + ce2);          /* q_j (-ln max(p_j, eps) - CE2) */
    gradient[j] =
        (float)(rule->scale * (rule->ce1 * ce1_gradient + rule->h * h_gradient + rule->ce2 * ce2_gradient));
  }
}
