/* 05: training a classifier with MIN-ENT, with weights that are fixed or learned.
 *
 * A linear softmax classifier, plain SGD, and data made here: five overlapping clouds of points. The same
 * network is trained by cross entropy and by MIN-ENT with its weights fixed, learned in the styles `free`
 * and `square`, and learned by `uncertainty`; the monitor names what goes wrong. Teaches the loop of
 * mixent/weights.h and mixent/monitor.h: rule, evaluate, value, clamp; observe once an epoch. Build:
 *
 *   cc -std=c17 05_train_a_classifier.c $(pkg-config --cflags --libs mixent-loss) -lm */
#include <math.h>
#include <mixent/monitor.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 5, FEATURES = 2, COLUMNS = FEATURES + 1 /* the last is 1: bias */ };
enum { TRAIN = 600, VALIDATION = 400, BATCH = 50, EPOCHS = 60 };
static const double learning_rate = 0.3, weight_learning_rate = 0.05;

static float train_points[TRAIN][COLUMNS], validation_points[VALIDATION][COLUMNS];
static int8_t train_labels[TRAIN], validation_labels[VALIDATION];

/* Uniform in (0, 1): the same numbers everywhere, which rand() does not promise. */
static uint32_t random_state = 1;
static double uniform(void) {
  random_state = random_state * 1664525 + 1013904223;
  return ((random_state >> 8) + 0.5) * 0x1p-24;
}
static double normal(void) {
  double radius = sqrt(-2 * log(uniform())); /* a line of its own: C leaves open which operand comes first */
  return radius * cos(6.283185307179586 * uniform());
}

static void make_points(int rows, float points[][COLUMNS], int8_t *labels) {
  for (int row = 0; row < rows; row++) {
    double angle = 6.283185307179586 * (labels[row] = (int8_t)(row % CLASSES)) / CLASSES;
    points[row][0] = (float)(2 * cos(angle) + normal());
    points[row][1] = (float)(2 * sin(angle) + normal());
    points[row][2] = 1;
  }
}

static void forward(int rows, float points[][COLUMNS], float theta[CLASSES][COLUMNS], float *logits) {
  for (int row = 0; row < rows; row++)
    for (int k = 0; k < CLASSES; k++) {
      float sum = 0;
      for (int j = 0; j < COLUMNS; j++) sum += theta[k][j] * points[row][j];
      logits[row * CLASSES + k] = sum;
    }
}

/* theta -= learning_rate * dL/dtheta, where dL/dtheta = (dL/dz)^T points. */
static void step(int rows, float points[][COLUMNS], const float *gradient, float theta[CLASSES][COLUMNS]) {
  for (int row = 0; row < rows; row++)
    for (int k = 0; k < CLASSES; k++)
      for (int j = 0; j < COLUMNS; j++)
        theta[k][j] -= (float)learning_rate * gradient[row * CLASSES + k] * points[row][j];
}

static mixent_loss_result evaluate(const mixent_loss_batch *batch, const mixent_loss_rule *rule,
                                   float *gradient) {
  mixent_loss_result result = {.gradient = gradient};
  if (mixent_loss_evaluate(batch, rule, NULL, &result) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    exit(1);
  }
  return result;
}

typedef struct outcome {
  double accuracy, cross_entropy, entropy, w[MIXENT_LOSS_PARTS]; /* on validation; the weights at the end */
  unsigned warnings;                                             /* bit (1 << warning) */
} outcome;

static void tell(void *context, mixent_warning warning, const char *message) {
  printf("    warning %s: %s\n", mixent_warning_names[warning], message);
  ((outcome *)context)->warnings |= 1u << warning;
}

static outcome validate(float theta[CLASSES][COLUMNS]) {
  static float logits[VALIDATION * CLASSES];
  forward(VALIDATION, validation_points, theta, logits);
  mixent_loss_batch batch = {.rows = VALIDATION,
                             .classes = CLASSES,
                             .logits = {logits, MIXENT_FLOAT32, 0},
                             .labels = {validation_labels, MIXENT_INT8, 0}};
  mixent_loss_rule rule = mixent_loss_rule_defaults(); /* no coefficient: terms only, no gradient */
  mixent_loss_result result = evaluate(&batch, &rule, NULL);
  int correct = 0;
  for (int row = 0; row < VALIDATION; row++) {
    int best = 0;
    for (int k = 1; k < CLASSES; k++)
      if (logits[row * CLASSES + k] > logits[row * CLASSES + best]) best = k;
    correct += best == validation_labels[row];
  }
  return (outcome){.accuracy = (double)correct / VALIDATION,
                   .cross_entropy = result.terms[MIXENT_CE1],
                   .entropy = result.terms[MIXENT_H]};
}

static outcome train(const char *name, const mixent_loss_options *options, double baseline) {
  printf("  %s\n", name);
  if (mixent_loss_check(options) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    exit(1);
  }
  mixent_loss_state state = mixent_loss_start(options); /* t1, t2, t3, ln b1, ln b2, ln b3 */
  mixent_monitor monitor = {0};
  float theta[CLASSES][COLUMNS] = {{0}}, logits[BATCH * CLASSES];
  outcome last = {0};
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    double loss = 0; /* of the last batch */
    bool finite = true;
    for (int begin = 0; begin < TRAIN; begin += BATCH) {
      forward(BATCH, train_points + begin, theta, logits);
      mixent_loss_batch batch = {.rows = BATCH,
                                 .classes = CLASSES,
                                 .logits = {logits, MIXENT_FLOAT32, 0},
                                 .labels = {train_labels + begin, MIXENT_INT8, 0}};
      mixent_loss_rule rule = mixent_loss_rule_of(options, &state, epoch);
      mixent_loss_result result = evaluate(&batch, &rule, logits); /* the gradient takes their place */
      double gradient[MIXENT_LOSS_PARAMETERS];
      loss = mixent_loss_value(options, &state, epoch, result.terms, gradient);
      for (int i = 0; i < BATCH * CLASSES; i++) finite &= isfinite(logits[i]) != 0;
      step(BATCH, train_points + begin, logits, theta);
      /* What is not learned has gradient 0. */
      for (int i = 0; i < MIXENT_LOSS_PARAMETERS; i++) state.value[i] -= weight_learning_rate * gradient[i];
      mixent_loss_clamp(options, &state);
    }
    unsigned warnings = last.warnings;
    last = validate(theta);
    last.warnings = warnings;
    const mixent_observation seen = {.epoch = epoch + 1,
                                     .epochs = EPOCHS,
                                     .loss = loss,
                                     .gradient_finite = finite,
                                     .validation_accuracy = last.accuracy,
                                     .validation_rows = VALIDATION,
                                     .entropy = last.entropy,
                                     .baseline_accuracy = baseline};
    mixent_monitor_observe(&monitor, options, &state, &seen, tell, &last);
  }
  mixent_loss_weights(options, &state, EPOCHS, last.w);
  printf("    accuracy %.1f %%, cross entropy %.3f, entropy %.3f, w = (%.3g, %.3g)\n", 100 * last.accuracy,
         last.cross_entropy, last.entropy, last.w[0], last.w[1]);
  return last;
}

static bool failed;
static void check(const char *claim, bool holds) {
  printf("  %s: %s\n", claim, holds ? "yes" : "NO");
  failed |= !holds;
}

int main(void) {
  make_points(TRAIN, train_points, train_labels);
  make_points(VALIDATION, validation_points, validation_labels);

  printf("Fixed weights\n");
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_CE);
  const outcome ce = train("cross entropy", &options, NAN);
  options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  options.w[1] = 0.1;
  const outcome fixed = train("min-ent, w2 = 0.1", &options, ce.accuracy);
  check("min-ent makes predictions sharper", fixed.entropy < ce.entropy - 0.01);
  check("and here not more accurate by more than chance", fabs(fixed.accuracy - ce.accuracy) < 0.03);

  /* dL/dw2 is H itself, which is never negative: w2 can only fall, whatever the data say. */
  printf("w2 learned on the training loss\n");
  options.learn[1] = true;
  options.style = MIXENT_STYLE_FREE;
  const outcome free_weight = train("style free, w2 = t", &options, ce.accuracy);
  check("w2 runs through 0 down to its bound", free_weight.w[1] == options.w_bounds[0]);
  options.style = MIXENT_STYLE_SQUARE;
  options.w[1] = sqrt(0.1);
  const outcome square = train("style square, w2 = t^2", &options, ce.accuracy);
  check("w2 fades to 0, which the monitor says", square.warnings & 1u << MIXENT_WARNING_WEIGHT_NEAR_ZERO);
  check("and cross entropy is left", fabs(square.cross_entropy - ce.cross_entropy) < 0.001);

  /* w = exp(-t), and the loss gains t / 2: the best weight of a term T is 1 / (2 T). */
  printf("w2 learned by uncertainty\n");
  options.style = MIXENT_STYLE_UNCERTAINTY;
  options.w[0] = 0, options.w[1] = -log(0.1); /* options.w are the raw t: w1 = exp(0) = 1, w2 = 0.1 */
  const outcome uncertainty = train("w1 = 1, w2 = exp(-t)", &options, ce.accuracy);
  check("w2 settles near 1 / (2 H)", fabs(uncertainty.w[1] * 2 * uncertainty.entropy - 1) < 0.15);

  /* With both learned the loss is (ln CE + ln H) / 2 and a constant: larger logits lower ln H faster than
   * they raise ln CE, so it has no minimum. The bounds of t hold that up: t >= 0 keeps each weight at most 1.
   */
  printf("Both weights learned by uncertainty\n");
  options.learn[0] = true;
  const outcome both = train("w = exp(-t)", &options, ce.accuracy);
  check("w1 has fallen and w2 risen: predictions grow ever sharper", both.w[0] < 0.9 && both.w[1] > 1.1);
  options.w_bounds[0] = 0;
  const outcome bounded = train("w = exp(-t), t at least 0", &options, ce.accuracy);
  check("the bound holds w2, and cross entropy stays lower",
        bounded.w[1] <= 1 && bounded.cross_entropy < both.cross_entropy - 0.05);
  return failed;
}
