/* What the pictures of docs/LOSSES.md show, computed by the library: losses and their gradients against the
 * probability q_y of the true class.
 *
 *   bench_loss_curves [--classes K] [LOSS[:w2]...]    lines of: loss, q_y, its value, d value / d z_y
 *   bench_loss_curves --asked [LOSS[:w2]...]          lines of: loss, and what it asks for of two classes
 *
 * A loss stands with its own weights and options (`mixent train --loss`), w2 changed if that is given;
 * without any, all losses. The other K - 1 (25) classes share what is left evenly. --asked: if labels are
 * drawn with probabilities P and 1 - P, the q that minimises the expected loss, for P of 0.6 to 0.99. For
 * bi-tempered, too, q is the softmax of the logits. */
#include "mixent/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 1000 };

typedef struct curve {
  const char *name; /* as it was asked for */
  mixent_loss_rule rule;
} curve;

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "bench_loss_curves: %s%s\n", what, detail);
  exit(EXIT_FAILURE);
}

static curve find_curve(const char *name) {
  size_t length = strcspn(name, ":");
  for (int kind = 0; kind < MIXENT_LOSSES; kind++) {
    if (strlen(mixent_loss_names[kind]) != length || strncmp(name, mixent_loss_names[kind], length) != 0)
      continue;
    mixent_loss_options options = mixent_loss_defaults((mixent_loss_kind)kind);
    char *end = NULL;
    if (name[length] && (options.w[1] = strtod(name + length + 1, &end), *end || end == name + length + 1))
      fail("no number for w2: ", name);
    if (mixent_loss_check(&options) != MIXENT_OK) fail(mixent_last_error(), "");
    const mixent_loss_state state = mixent_loss_start(&options);
    return (curve){name, mixent_loss_rule_of(&options, &state, 0)};
  }
  fail("no loss has the name ", name);
  return (curve){0};
}

/* The loss of one row of `classes`, of which the label's has the logit z and the others 0. */
static double value_at(const curve *curve, size_t classes, double z, double *slope) {
  double logits[MOST_CLASSES] = {z}, gradient[MOST_CLASSES];
  const int8_t label = 0;
  const mixent_loss_batch batch = {.rows = 1,
                                   .classes = classes,
                                   .logits = {logits, MIXENT_FLOAT64, 0},
                                   .labels = {&label, MIXENT_INT8, 0}};
  mixent_loss_result result = {.gradient = gradient};
  if (mixent_loss_evaluate(&batch, &curve->rule, NULL, &result) != MIXENT_OK) fail(mixent_last_error(), "");
  *slope = gradient[0];
  return result.value;
}

/* Every hundredth, and closer to the ends. */
static double probability_of(int i) {
  return i == 0 ? 0.001 : i == 100 ? 0.999 : i / 100.0;
}

static void print_curve(const curve *curve, size_t classes) {
  for (int i = 0; i <= 100; i++) {
    double q = probability_of(i), slope,
           value = value_at(curve, classes, log(q / (1 - q) * (double)(classes - 1)), &slope);
    printf("%s %.3f %.6f %.6f\n", curve->name, q, value, slope);
  }
}

/* The expected loss of two classes with logits z and 0 if the first is true with probability p. */
static double expected_at(const curve *curve, double p, double z) {
  double unused;
  return p * value_at(curve, 2, z, &unused) + (1 - p) * value_at(curve, 2, -z, &unused);
}

/* The z that minimises it: the best of a grid, since there may be several minima, then thirds. */
static double find_least(const curve *curve, double p) {
  enum { FAR = 3000 };
  const double step = 0.01;
  double best = 0, least = INFINITY;
  for (int i = -FAR; i <= FAR; i++) {
    double z = i * step, value = expected_at(curve, p, z);
    if (value < least) least = value, best = z;
  }
  double low = best - step, high = best + step;
  for (int i = 0; i < 40; i++) {
    double a = low + (high - low) / 3, b = high - (high - low) / 3;
    if (expected_at(curve, p, a) <= expected_at(curve, p, b))
      high = b;
    else
      low = a;
  }
  return (low + high) / 2;
}

static void print_asked(const curve *curve) {
  static const double probabilities[] = {0.6, 0.7, 0.8, 0.9, 0.99};
  printf("%-18s", curve->name);
  for (size_t i = 0; i < sizeof probabilities / sizeof *probabilities; i++)
    printf(" %7.4f", 1 / (1 + exp(-find_least(curve, probabilities[i]))));
  putchar('\n');
}

int main(int argc, char **argv) {
  size_t classes = 26;
  bool asked = false;
  int first = 1;
  if (argc > 1 && strcmp(argv[1], "--asked") == 0) asked = true, first = 2;
  if (argc > 2 && strcmp(argv[1], "--classes") == 0) {
    long given = strtol(argv[2], NULL, 10);
    if (given < 2 || given > MOST_CLASSES) fail("classes must be 2 to 1000, not ", argv[2]);
    classes = (size_t)given, first = 3;
  }
  if (asked) printf("%-18s %7s %7s %7s %7s %7s\n", "P:", "0.6", "0.7", "0.8", "0.9", "0.99");
  int count = first < argc ? argc - first : MIXENT_LOSSES;
  for (int i = 0; i < count; i++) {
    const curve curve = find_curve(first < argc ? argv[first + i] : mixent_loss_names[i]);
    if (asked)
      print_asked(&curve);
    else
      print_curve(&curve, classes);
  }
  return EXIT_SUCCESS;
}
