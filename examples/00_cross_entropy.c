/* 00: cross entropy of one batch, its value and its gradient, beside a naive exp and log.
 *
 * Teaches the four things a call of mixent_loss_evaluate knows: a batch, a rule, a parallel-for (none here)
 * and a result. Build:
 *
 *   cc -std=c17 00_cross_entropy.c $(pkg-config --cflags --libs mixent-loss) -lm */
#include <math.h>
#include <mixent/loss.h>
#include <stdio.h>

enum { ROWS = 3, CLASSES = 3 };

/* As one would write it from the formula: q = exp z / sum exp z, loss -ln q_label, gradient q - p. */
static double naive_cross_entropy(const float *logits, const int32_t *labels, double *gradient) {
  double loss = 0;
  for (int row = 0; row < ROWS; row++) {
    const float *z = logits + row * CLASSES;
    float sum = 0;
    for (int k = 0; k < CLASSES; k++) sum += expf(z[k]);
    loss -= logf(expf(z[labels[row]]) / sum) / ROWS;
    for (int k = 0; k < CLASSES; k++)
      gradient[row * CLASSES + k] = (expf(z[k]) / sum - (k == labels[row])) / ROWS;
  }
  return loss;
}

static mixent_status cross_entropy(const float *logits, const int32_t *labels, float *gradient,
                                   double *loss) {
  mixent_loss_batch batch = {.rows = ROWS,
                             .classes = CLASSES,
                             .logits = {logits, MIXENT_FLOAT32, 0},
                             .labels = {labels, MIXENT_INT32, 0}};
  mixent_loss_rule rule = mixent_loss_rule_defaults(); /* every coefficient is 0 … */
  rule.coefficients[MIXENT_CE1] = 1;                   /* … but that of cross entropy */
  mixent_loss_result result = {.gradient = gradient};
  mixent_status status = mixent_loss_evaluate(&batch, &rule, NULL, &result);
  *loss = result.value;
  return status;
}

/* Prints both and returns the largest difference; NaN if either is NaN. */
static double compare(const char *name, const float *logits, const int32_t *labels) {
  float gradient[ROWS * CLASSES];
  double loss = 0, expected_gradient[ROWS * CLASSES];
  double expected = naive_cross_entropy(logits, labels, expected_gradient);
  if (cross_entropy(logits, labels, gradient, &loss) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    return NAN;
  }
  double difference = fabs(loss - expected);
  printf("%s\n  cross entropy: mixent %.6f, naive %.6f\n", name, loss, expected);
  for (int row = 0; row < ROWS; row++) {
    printf("  gradient of row %d: mixent", row);
    for (int k = 0; k < CLASSES; k++) printf(" %9.6f", gradient[row * CLASSES + k]);
    printf(", naive");
    for (int k = 0; k < CLASSES; k++) printf(" %9.6f", expected_gradient[row * CLASSES + k]);
    printf("\n");
  }
  for (int i = 0; i < ROWS * CLASSES; i++) {
    double here = fabs(gradient[i] - expected_gradient[i]);
    if (isnan(here) || here > difference) difference = here; /* a NaN stays */
  }
  return difference;
}

int main(void) {
  const int32_t labels[ROWS] = {0, 1, 2};
  const float moderate[ROWS * CLASSES] = {2, 1, 0, 0, 3, 1, -1, 0.5, 0.25};
  double difference = compare("moderate logits", moderate, labels);
  printf("  largest difference %.1e\n\n", difference);
  if (!(difference < 1e-6)) return fprintf(stderr, "the two should agree\n"), 1;

  /* exp(200) is no float. mixent works from ln q = z - max - ln sum exp(z - max), which has no such limit. */
  const float large[ROWS * CLASSES] = {200, 100, 0, 0, 300, 100, -100, 50, 25};
  difference = compare("large logits, where the naive way ends in NaN", large, labels);
  if (!isnan(difference)) return fprintf(stderr, "the naive way should have failed\n"), 1;
  float gradient[ROWS * CLASSES];
  double loss;
  if (cross_entropy(large, labels, gradient, &loss) != MIXENT_OK || !(fabs(loss - 25.0 / ROWS) < 1e-6))
    return fprintf(stderr, "expected (0 + 0 + 25) / 3\n"), 1;
  printf("  right: rows 0 and 1 are certain and correct, row 2 is off by 50 - 25, so (0 + 0 + 25) / 3\n");
  return 0;
}
