/* 06: learning w2 of MIN-ENT by its hypergradient, in a training loop of your own.
 *
 * On the training loss a learned weight can only shrink (05). The hypergradient asks another question: how
 * does the cross entropy of data held out from training, after the next step, change with w2? Here a linear
 * classifier has too many features for its few and partly mislabelled examples. Teaches
 * mixent_loss_hypergradient, held to finite differences of one step, compares where it takes w2 with the
 * styles `free` and `square`, and shows its limit: one step ahead is not the end of training. Build:
 *
 *   cc -std=c17 06_hypergradient.c $(pkg-config --cflags --libs mixent-loss) -lm */
#include <math.h>
#include <mixent/weights.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3, FEATURES = 20, PARAMETERS = CLASSES * FEATURES };
enum { TRAIN = 120, HELD_OUT = 200, TEST = 1000, STEPS = 600 };
/* A hypergradient holds the learning rate and an inner product of two gradients as factors: it is small. */
static const double learning_rate = 0.1, weight_rate = 0.05, hypergradient_rate = 10;

typedef struct examples {
  size_t rows;
  float (*features)[FEATURES];
  int8_t *labels;
} examples;

static float all_features[TRAIN + HELD_OUT + TEST][FEATURES];
static int8_t all_labels[TRAIN + HELD_OUT + TEST];
/* The held-out part steers w2, so its own cross entropy flatters: a third part, unseen by all, tells. */
static const examples train_set = {TRAIN, all_features, all_labels},
                      held_out_set = {HELD_OUT, all_features + TRAIN, all_labels + TRAIN},
                      test_set = {TEST, all_features + TRAIN + HELD_OUT, all_labels + TRAIN + HELD_OUT};

/* The same numbers everywhere, which rand() does not promise. */
static uint32_t random_state;
static double uniform(void) {
  random_state = random_state * 1664525 + 1013904223;
  return ((random_state >> 8) + 0.5) * 0x1p-24;
}
static double normal(void) {
  double radius = sqrt(-2 * log(uniform())); /* a line of its own: C leaves open which operand comes first */
  return radius * cos(6.283185307179586 * uniform());
}

/* Feature k of class k is raised, the rest is noise; one label in five is drawn anew. */
static void make_examples(uint32_t draw) {
  random_state = draw * 1000;
  for (int row = 0; row < TRAIN + HELD_OUT + TEST; row++) {
    int8_t class = (int8_t)(row % CLASSES);
    for (int j = 0; j < FEATURES; j++) all_features[row][j] = (float)(normal() + (j == class ? 2 : 0));
    all_labels[row] = uniform() < 0.2 ? (int8_t)(uniform() * CLASSES) : class;
  }
}

/* Terms and value at theta and, if `gradient` is not NULL, dL/dtheta: logits z = theta x, so dL/dtheta =
 * (dL/dz)^T x. */
static mixent_loss_result evaluate(const examples *set, const float *theta, const mixent_loss_rule *rule,
                                   float *gradient) {
  static float logits[TEST * CLASSES];
  for (size_t row = 0; row < set->rows; row++)
    for (int k = 0; k < CLASSES; k++) {
      float sum = 0;
      for (int j = 0; j < FEATURES; j++) sum += theta[k * FEATURES + j] * set->features[row][j];
      logits[row * CLASSES + k] = sum;
    }
  mixent_loss_batch batch = {.rows = set->rows,
                             .classes = CLASSES,
                             .logits = {logits, MIXENT_FLOAT32, 0},
                             .labels = {set->labels, MIXENT_INT8, 0}};
  mixent_loss_result result = {.gradient = gradient ? logits : NULL};
  if (mixent_loss_evaluate(&batch, rule, NULL, &result) != MIXENT_OK) {
    fprintf(stderr, "%s\n", mixent_last_error());
    exit(1);
  }
  if (!gradient) return result;
  memset(gradient, 0, PARAMETERS * sizeof *gradient);
  for (size_t row = 0; row < set->rows; row++)
    for (int k = 0; k < CLASSES; k++)
      for (int j = 0; j < FEATURES; j++)
        gradient[k * FEATURES + j] += logits[row * CLASSES + k] * set->features[row][j];
  return result;
}

/* The rule of one term alone: coefficient 1, the others 0. */
static mixent_loss_rule only(mixent_term term) {
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  rule.coefficients[term] = 1;
  return rule;
}

static double cross_entropy(const examples *set, const float *theta) {
  mixent_loss_rule rule = only(MIXENT_CE1);
  return evaluate(set, theta, &rule, NULL).value;
}

/* One step of gradient descent on the training set; gives the terms before it. */
static mixent_loss_result step(const mixent_loss_rule *rule, float *theta) {
  float gradient[PARAMETERS];
  mixent_loss_result result = evaluate(&train_set, theta, rule, gradient);
  for (int i = 0; i < PARAMETERS; i++) theta[i] -= (float)learning_rate * gradient[i];
  return result;
}

/* Steps theta to theta' and gives d E(theta') / d w2, E the cross entropy of the held-out set. */
static double step_and_look_ahead(const mixent_loss_options *options, const mixent_loss_state *state,
                                  float *theta) {
  float of_term[PARAMETERS], of_held_out[PARAMETERS];
  mixent_loss_rule rule = mixent_loss_rule_of(options, state, 0), term = only(MIXENT_H),
                   held_out = only(MIXENT_CE1);
  evaluate(&train_set, theta, &term, of_term); /* dT_2/dtheta: a second evaluate of the same batch */
  step(&rule, theta);
  evaluate(&held_out_set, theta, &held_out, of_held_out); /* dE/dtheta', after the step */
  return mixent_loss_hypergradient(PARAMETERS, of_held_out, of_term, NULL, learning_rate,
                                   state->value[MIXENT_LOSS_PARTS + 1]);
}

/* E after one step from theta with this w2. */
static double after_step(const mixent_loss_options *options, mixent_loss_state state, double w2,
                         const float *theta) {
  float moved[PARAMETERS];
  memcpy(moved, theta, sizeof moved);
  state.value[1] = w2;
  mixent_loss_rule rule = mixent_loss_rule_of(options, &state, 0);
  step(&rule, moved);
  return cross_entropy(&held_out_set, moved);
}

/* The hypergradient beside (E(w2 + d) - E(w2 - d)) / 2d, 30 steps into training. */
static bool agrees_with_differences(void) {
  float theta[PARAMETERS] = {0};
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  options.style = MIXENT_STYLE_HYPERGRADIENT;
  options.w[1] = 0.1, options.b[1] = 10; /* a base other than e, so that ln b matters */
  options.learn[1] = true;
  const mixent_loss_state state = mixent_loss_start(&options);
  mixent_loss_rule rule = mixent_loss_rule_of(&options, &state, 0);
  for (int i = 0; i < 30; i++) step(&rule, theta);
  const double d = 0.5; /* large: E is a sum of float arithmetic */
  double difference =
      (after_step(&options, state, 0.1 + d, theta) - after_step(&options, state, 0.1 - d, theta)) / (2 * d);
  double hypergradient = step_and_look_ahead(&options, &state, theta);
  printf("d E / d w2 after one step: hypergradient %.6e, finite differences %.6e\n", hypergradient,
         difference);
  return fabs(hypergradient - difference) < 0.01 * fabs(difference);
}

typedef struct outcome {
  double w2, held_out, test;
} outcome;

static outcome train(const mixent_loss_options *options) {
  float theta[PARAMETERS] = {0};
  mixent_loss_state state = mixent_loss_start(options);
  bool ahead = options->style == MIXENT_STYLE_HYPERGRADIENT;
  for (int i = 0; i < STEPS; i++) {
    double gradient[MIXENT_LOSS_PARAMETERS] = {0};
    if (ahead) {
      gradient[1] = step_and_look_ahead(options, &state, theta); /* every step here; every few will do */
    } else {
      mixent_loss_rule rule = mixent_loss_rule_of(options, &state, 0);
      mixent_loss_value(options, &state, 0, step(&rule, theta).terms, gradient);
    }
    state.value[1] -= (ahead ? hypergradient_rate : weight_rate) * gradient[1];
    mixent_loss_clamp(options, &state);
  }
  double w[MIXENT_LOSS_PARTS];
  mixent_loss_weights(options, &state, 0, w);
  return (outcome){w[1], cross_entropy(&held_out_set, theta), cross_entropy(&test_set, theta)};
}

int main(void) {
  make_examples(1);
  bool right = agrees_with_differences();

  enum { FIXED, FREE, SQUARE, AHEAD, WAYS, DRAWS = 8 };
  static const char *const names[WAYS] = {"fixed at -0.5", "free", "square", "hypergradient"};
  mixent_loss_options options[WAYS];
  for (int way = 0; way < WAYS; way++) {
    options[way] = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
    options[way].w[1] = 0.1;
    options[way].learn[1] = way != FIXED;
  }
  options[FIXED].w[1] = -0.5; /* of 0, -0.25, -0.5 and -1 the best on the held-out sets */
  options[SQUARE].style = MIXENT_STYLE_SQUARE, options[SQUARE].w[1] = sqrt(0.1); /* raw: w2 = 0.1 again */
  options[AHEAD].style = MIXENT_STYLE_HYPERGRADIENT;

  printf("\nheld-out cross entropy (and w2) at the end of training, for %d draws of the data\n     ", DRAWS);
  for (int way = 0; way < WAYS; way++) printf("  %-16s", names[way]);
  double held_out[WAYS] = {0}, test[WAYS] = {0};
  int better = 0;
  for (int draw = 1; draw <= DRAWS; draw++) {
    make_examples((uint32_t)draw);
    outcome ends[WAYS];
    printf("\n  %d  ", draw);
    for (int way = 0; way < WAYS; way++) {
      ends[way] = train(&options[way]);
      printf("  %.3f (%6.2f)  ", ends[way].held_out, ends[way].w2);
      held_out[way] += ends[way].held_out / DRAWS, test[way] += ends[way].test / DRAWS;
    }
    better += ends[AHEAD].held_out < ends[SQUARE].held_out;
  }
  printf("\nmean, held out\n     ");
  for (int way = 0; way < WAYS; way++) printf("  %-16.3f", held_out[way]);
  printf("\nmean on test data\n     ");
  for (int way = 0; way < WAYS; way++) printf("  %-16.3f", test[way]);

  /* `square` has faded to plain cross entropy; `free` has run to its bound, where all predictions become
   * alike. The look-ahead sees one step: it moves w2 until the gradients of E and H are at right angles (or H
   * has none left), and that is not where training to the end gives the lowest E. So it is no substitute for
   * trying a few fixed values. */
  printf("\nhypergradient against square, which has become plain cross entropy: better in %d of %d draws\n",
         better, DRAWS);
  bool fixed_is_best = true;
  for (int way = FREE; way < WAYS; way++)
    fixed_is_best &= held_out[FIXED] < held_out[way] && test[FIXED] < test[way];
  printf("a fixed value found by trying a few is better than each on average: %s\n",
         fixed_is_best ? "yes" : "NO");
  return !(right && fixed_is_best);
}
