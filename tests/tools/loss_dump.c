/* Reads batches from standard input and prints what the losses make of them, for test_loss_torch.py. All
 * numbers are C99 hex floats. A batch: "rows classes soft eps c1 c2 c3 c4", the logits, then the labels or
 * the targets. Printed for it: a line with the terms and the gradient by the float kernel, and a line with
 * the same by the double reference. */
#include "mixent/loss.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 100000 };

static float logits[MOST], targets[MOST], gradient[MOST];
static double wide_logits[MOST], wide_targets[MOST], wide_gradient[MOST];
static int32_t labels[MOST];

static double read_number(void) {
  double value;
  if (scanf("%la", &value) != 1) exit(2);
  return value;
}

int main(void) {
  size_t rows, classes;
  int soft;
  while (scanf("%zu %zu %d", &rows, &classes, &soft) == 3) {
    size_t count = rows * classes;
    if (count > MOST || rows > MOST) return 2;
    double eps = read_number(), coefficients[MIXENT_TERMS], terms[MIXENT_TERMS];
    for (int i = 0; i < MIXENT_TERMS; i++) coefficients[i] = read_number();
    for (size_t i = 0; i < count; i++) logits[i] = (float)(wide_logits[i] = read_number());
    for (size_t i = 0; i < count && soft; i++) targets[i] = (float)(wide_targets[i] = read_number());
    for (size_t i = 0; i < rows && !soft; i++) labels[i] = (int32_t)read_number();

    mixent_loss_batch batch = {.rows = rows, .classes = classes, .stride = classes, .logits = logits};
    batch.labels = soft ? NULL : labels, batch.targets = soft ? targets : NULL, batch.ignore_label = -1;
    if (mixent_loss_evaluate(&batch, coefficients, eps, NULL, terms, gradient) != MIXENT_OK) return 1;
    for (int i = 0; i < MIXENT_TERMS; i++) printf("%a ", terms[i]);
    for (size_t i = 0; i < count; i++) printf("%a ", gradient[i]);
    printf("\n");
    if (mixent_loss_evaluate_double(rows, classes, wide_logits, batch.labels, soft ? wide_targets : NULL, -1,
                                    coefficients, eps, terms, wide_gradient) != MIXENT_OK)
      return 1;
    for (int i = 0; i < MIXENT_TERMS; i++) printf("%a ", terms[i]);
    for (size_t i = 0; i < count; i++) printf("%a ", wide_gradient[i]);
    printf("\n");
  }
  return 0;
}
