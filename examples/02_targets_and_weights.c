/* 02: what a batch may hold: soft targets, smoothing, rows to ignore, weights of classes and rows, masked
 * classes; and how rows are reduced to one value.
 *
 * Each part computes something in two ways that must agree. Build:
 *
 *   cc -std=c17 02_targets_and_weights.c $(pkg-config --cflags --libs mixent-loss) -lm */
#include <math.h>
#include <mixent/loss.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 3, CLASSES = 4, COUNT = ROWS * CLASSES };

static const float logits[COUNT] = {2, 1, 0, -1, 0, 3, 1, 0.5, 1, 1, 2, -2};
static const int32_t labels[ROWS] = {0, 1, 3};

/* The batch every part starts from. Give labels or targets, not both. */
static const mixent_loss_batch hard = {.rows = ROWS,
                                       .classes = CLASSES,
                                       .logits = {logits, MIXENT_FLOAT32, 0},
                                       .labels = {labels, MIXENT_INT32, 0}};

static bool failed;
static void check(const char *claim, bool holds) {
  printf("  %s: %s\n", claim, holds ? "yes" : "NO");
  failed |= !holds;
}
static bool near(double a, double b) {
  return fabs(a - b) < 1e-6;
}
static bool all_near(const float *a, const float *b, int count) {
  for (int i = 0; i < count; i++)
    if (!near(a[i], b[i])) return false;
  return true;
}

/* MIN-ENT, so that a term that is not linear in the targets takes part. */
static mixent_loss_result evaluate_smoothed(const mixent_loss_batch *batch, double smoothing,
                                            mixent_reduction reduction, mixent_loss_result want) {
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  rule.coefficients[MIXENT_CE1] = 1, rule.coefficients[MIXENT_H] = 0.1;
  rule.smoothing = smoothing;
  rule.reduction = reduction;
  if (mixent_loss_evaluate(batch, &rule, NULL, &want) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    exit(1);
  }
  return want;
}

static mixent_loss_result evaluate(const mixent_loss_batch *batch, mixent_reduction reduction,
                                   mixent_loss_result want) {
  return evaluate_smoothed(batch, 0, reduction, want);
}

static void soft_targets(void) {
  printf("Soft targets and smoothing\n");
  const double s = 0.2;
  double one_hot[COUNT] = {0}, smoothed[COUNT]; /* targets may be of another type than the logits */
  float of_labels[COUNT], of_targets[COUNT];
  for (int row = 0; row < ROWS; row++) one_hot[row * CLASSES + labels[row]] = 1;
  for (int i = 0; i < COUNT; i++) smoothed[i] = (1 - s) * one_hot[i] + s / CLASSES;

  mixent_loss_batch soft = hard;
  soft.labels.data = NULL;
  soft.targets = (mixent_array){one_hot, MIXENT_FLOAT64, 0};
  double by_labels = evaluate(&hard, MIXENT_MEAN, (mixent_loss_result){.gradient = of_labels}).value;
  double by_targets = evaluate(&soft, MIXENT_MEAN, (mixent_loss_result){.gradient = of_targets}).value;
  printf("  labels %.6f, the same as one-hot rows %.6f\n", by_labels, by_targets);
  check("they agree, gradients too", near(by_labels, by_targets) && all_near(of_labels, of_targets, COUNT));

  soft.targets.data = smoothed;
  by_labels = evaluate_smoothed(&hard, s, MIXENT_MEAN, (mixent_loss_result){0}).value;
  by_targets = evaluate(&soft, MIXENT_MEAN, (mixent_loss_result){0}).value;
  printf("  smoothing 0.2 %.6f, smoothed by hand %.6f\n", by_labels, by_targets);
  check("they agree", near(by_labels, by_targets));
}

static void ignored_rows(void) {
  printf("Rows to ignore\n");
  const int32_t some[ROWS] = {0, -100, 3}, none[ROWS] = {-100, -100, -100};
  float gradient[COUNT];
  double row_values[ROWS];
  mixent_loss_batch batch = hard;
  batch.labels.data = some;
  batch.ignore = true, batch.ignore_label = -100; /* PyTorch's number; any will do */
  mixent_loss_result result =
      evaluate(&batch, MIXENT_MEAN, (mixent_loss_result){.gradient = gradient, .row_values = row_values});
  printf("  %zu of %zu rows count, mean %.6f\n", result.counted, batch.rows, result.value);
  check("the mean is that of the rows that count", near(result.value, (row_values[0] + row_values[2]) / 2));
  check("the gradient of the other row is 0", gradient[4] == 0 && gradient[7] == 0 && gradient[0] != 0);
  batch.labels.data = none;
  check("no row at all gives 0, not NaN", evaluate(&batch, MIXENT_MEAN, (mixent_loss_result){0}).value == 0);

  /* Without `ignore` the same label is an error, which the message explains; nothing was written. */
  batch.ignore = false;
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  mixent_loss_result untouched = {0};
  mixent_status status = mixent_loss_evaluate(&batch, &rule, NULL, &untouched);
  printf("  without `ignore`: \"%s\"\n", mixent_last_error());
  check("a label out of range is refused", status == MIXENT_ERROR_ARGUMENT);
}

static void weights(void) {
  printf("Weights and reductions\n");
  const float class_weights[CLASSES] = {1, 2, 1, 5}, row_weights[ROWS] = {1, 0.5f, -1};
  double plain[ROWS], weighted[ROWS];
  mixent_loss_batch batch = hard;
  evaluate(&batch, MIXENT_NONE, (mixent_loss_result){.row_values = plain});
  batch.class_weights = (mixent_array){class_weights, MIXENT_FLOAT32, 0};
  mixent_loss_result sum = evaluate(&batch, MIXENT_SUM, (mixent_loss_result){.row_values = weighted});
  mixent_loss_result mean = evaluate(&batch, MIXENT_MEAN, (mixent_loss_result){0});
  printf("  classes weigh 1, 2, 1, 5: sum %.6f, mean %.6f, divisor %g\n", sum.value, mean.value,
         mean.divisor);
  check("each row is multiplied by the weight of its class",
        near(weighted[0], plain[0]) && near(weighted[1], 2 * plain[1]) && near(weighted[2], 5 * plain[2]));
  check("the mean divides by the weights of the rows, 1 + 2 + 5, as PyTorch does",
        mean.divisor == 8 && near(mean.value, sum.value / 8));

  batch = hard;
  batch.row_weights = (mixent_array){row_weights, MIXENT_FLOAT32, 0};
  mean = evaluate(&batch, MIXENT_MEAN, (mixent_loss_result){0});
  printf("  rows weigh 1, 0.5, -1: mean %.6f, divisor %g\n", mean.value, mean.divisor);
  check("weights of rows do not enter the divisor",
        near(mean.value, (plain[0] + 0.5 * plain[1] - plain[2]) / ROWS));
}

static void masked_classes(void) {
  printf("Masked classes\n");
  float masked[COUNT], gradient[COUNT], small[ROWS * 3], of_small[ROWS * 3];
  const int32_t within[ROWS] = {0, 1, 2};
  for (int row = 0; row < ROWS; row++)
    for (int k = 0; k < CLASSES; k++) {
      masked[row * CLASSES + k] = k < 3 ? logits[row * CLASSES + k] : -INFINITY; /* class 3 cannot be */
      if (k < 3) small[row * 3 + k] = logits[row * CLASSES + k];
    }
  mixent_loss_batch batch = hard;
  batch.logits.data = masked;
  batch.labels.data = within;
  const double s = 0.1; /* shared among the classes that can be */
  double value = evaluate_smoothed(&batch, s, MIXENT_MEAN, (mixent_loss_result){.gradient = gradient}).value;
  batch.classes = 3;
  batch.logits.data = small;
  double expected =
      evaluate_smoothed(&batch, s, MIXENT_MEAN, (mixent_loss_result){.gradient = of_small}).value;
  printf("  4 classes of which one is masked %.6f, 3 classes %.6f\n", value, expected);
  bool same = near(value, expected);
  for (int row = 0; row < ROWS; row++)
    same &= all_near(gradient + row * CLASSES, of_small + row * 3, 3) && gradient[row * CLASSES + 3] == 0;
  check("a class with logit -inf takes no part, its gradient is 0", same);
}

int main(void) {
  soft_targets();
  ignored_rows();
  weights();
  masked_classes();
  return failed;
}
