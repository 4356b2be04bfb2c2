/* The same terms and gradients in double, written as the definitions read: the reference the fast kernel is
 * held to. */
#include "core/status.h"
#include "loss/check.h"
#include <math.h>

/* a b, where 0 times infinity is 0. */
static double product(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

/* ln sum_j exp z_j; NaN for a row that gives no distribution: NaN or +inf in it, or -inf alone. */
static double log_sum_exp(size_t classes, const double *logits) {
  double maximum = -INFINITY, sum = 0;
  for (size_t j = 0; j < classes; j++) maximum = fmax(maximum, logits[j]);
  for (size_t j = 0; j < classes; j++) sum += exp(logits[j] - maximum);
  return maximum + log(sum);
}

/* One row; p_j is targets[j], or 1 for the label and 0 elsewhere. */
static void evaluate_row(size_t classes, const double *logits, const double *targets, size_t label,
                         const double coefficients[MIXENT_TERMS], double eps, double scale,
                         double terms[MIXENT_TERMS], double *gradient) {
  double normalizer = log_sum_exp(classes, logits);
  double row[MIXENT_TERMS] = {0}, mass = 0;
  for (size_t j = 0; j < classes; j++) {
    double p = targets ? targets[j] : j == label;
    double ln_q = logits[j] - normalizer, q = exp(ln_q), ln_p = log(fmax(p, eps));
    mass += p;
    row[MIXENT_CE1] -= product(p, ln_q);
    row[MIXENT_H] -= product(q, ln_q);
    row[MIXENT_CE2] -= q * ln_p;
    row[MIXENT_KL] += product(q, ln_q - ln_p);
  }
  for (int i = 0; i < MIXENT_TERMS; i++) terms[i] += isnan(normalizer) ? NAN : row[i];
  for (size_t j = 0; gradient && j < classes; j++) {
    double p = targets ? targets[j] : j == label;
    double ln_q = logits[j] - normalizer, q = exp(ln_q), ln_p = log(fmax(p, eps));
    double derivative[MIXENT_TERMS] = {
        [MIXENT_CE1] = q * mass - p,
        [MIXENT_H] = -product(q, ln_q + row[MIXENT_H]),
        [MIXENT_CE2] = q * (-ln_p - row[MIXENT_CE2]),
        [MIXENT_KL] = product(q, ln_q - ln_p - row[MIXENT_KL]),
    };
    double sum = 0;
    for (int i = 0; i < MIXENT_TERMS; i++) sum += coefficients[i] * derivative[i];
    gradient[j] = isnan(normalizer) ? NAN : scale * sum;
  }
}

mixent_status mixent_loss_evaluate_double(size_t rows, size_t classes, const double *logits,
                                          const int32_t *labels, const double *targets, int32_t ignore_label,
                                          const double coefficients[MIXENT_TERMS], double eps,
                                          double terms[MIXENT_TERMS], double *gradient) {
  size_t counted;
  MIXENT_TRY(mixent_loss_check_batch(rows, classes, labels, targets != NULL, ignore_label, eps, &counted));
  double scale = counted > 0 ? 1.0 / (double)counted : 0, sums[MIXENT_TERMS] = {0};
  for (size_t row = 0; row < rows; row++) {
    double *row_gradient = gradient ? gradient + row * classes : NULL;
    if (labels && labels[row] == ignore_label) {
      for (size_t j = 0; gradient && j < classes; j++) row_gradient[j] = 0;
      continue;
    }
    evaluate_row(classes, logits + row * classes, targets ? targets + row * classes : NULL,
                 labels ? (size_t)labels[row] : 0, coefficients, eps, scale, sums, row_gradient);
  }
  for (int i = 0; i < MIXENT_TERMS; i++) terms[i] = sums[i] * scale;
  return MIXENT_OK;
}
