/* Random batches for the tests of the losses. */
#ifndef MIXENT_TESTS_LOSS_CASES_H
#define MIXENT_TESTS_LOSS_CASES_H

#include "core/random.h"
#include "mixent/loss.h"
#include <math.h>
#include <stdlib.h>

enum { MAX_ROWS = 40, MAX_CLASSES = 200, MAX_PADDING = 9 };

/* Draws one after another from a stream of their own. */
typedef struct draws {
  mixent_random random;
  uint64_t next;
} draws;

static inline draws draws_start(uint64_t seed) {
  return (draws){mixent_random_stream(seed, "test", "loss"), 0};
}

/* Uniform in [low, high). */
static inline double draw(draws *draws, double low, double high) {
  uint32_t word[4];
  mixent_random_block(&draws->random, 0, draws->next++, word);
  return low + (high - low) * mixent_uniform_double(word[0], word[1]);
}

/* A whole number in low..high. */
static inline int draw_integer(draws *draws, int low, int high) {
  return (int)floor(draw(draws, low, high + 1.0));
}

/* A batch in float, and the same numbers in double. */
typedef struct loss_case {
  mixent_loss_batch batch;
  float logits[MAX_ROWS * (MAX_CLASSES + MAX_PADDING)], targets[MAX_ROWS * MAX_CLASSES];
  int32_t labels[MAX_ROWS];
  double wide_logits[MAX_ROWS * MAX_CLASSES], wide_targets[MAX_ROWS * MAX_CLASSES];
  double coefficients[MIXENT_TERMS];
} loss_case;

/* One row of targets that sums to `mass`, about half of its entries 0. */
static inline void draw_targets(draws *draws, size_t classes, double mass, float *targets) {
  double sum = 0;
  size_t certain = (size_t)draw_integer(draws, 0, (int)classes - 1);
  for (size_t j = 0; j < classes; j++) {
    bool zero = j != certain && draw(draws, 0, 1) < 0.5;
    targets[j] = zero ? 0 : (float)draw(draws, 0.01, 1);
    sum += targets[j];
  }
  for (size_t j = 0; j < classes; j++) targets[j] = (float)(targets[j] / sum * mass);
}

/* Fills `c` with logits in [-scale, scale], about `masked` of them -inf (never the label's or one with a
 * target > 0). */
static inline void draw_case(draws *draws, size_t rows, size_t classes, double scale, double masked,
                             bool soft, loss_case *c) {
  c->batch = (mixent_loss_batch){.rows = rows, .classes = classes, .logits = c->logits, .ignore_label = -1};
  c->batch.stride = classes + (size_t)draw_integer(draws, 0, MAX_PADDING);
  if (soft) {
    c->batch.targets = c->targets;
  } else {
    c->batch.labels = c->labels;
  }
  for (int i = 0; i < MIXENT_TERMS; i++) c->coefficients[i] = draw(draws, -2, 2);
  for (size_t row = 0; row < rows; row++) {
    float *logits = c->logits + row * c->batch.stride, *targets = c->targets + row * classes;
    draw_targets(draws, classes, draw(draws, 0, 1) < 0.8 ? 1 : draw(draws, 0, 2), targets);
    c->labels[row] = draw_integer(draws, -1, (int)classes - 1);
    for (size_t j = 0; j < classes; j++) {
      logits[j] = (float)draw(draws, -scale, scale);
      bool needed = soft ? targets[j] != 0 : (int32_t)j == (c->labels[row] < 0 ? 0 : c->labels[row]);
      if (!needed && draw(draws, 0, 1) < masked) logits[j] = -INFINITY;
      c->wide_logits[row * classes + j] = logits[j];
      c->wide_targets[row * classes + j] = targets[j];
    }
  }
}

/* The reference on the case's own numbers. */
static inline mixent_status evaluate_wide(const loss_case *c, double eps, double terms[MIXENT_TERMS],
                                          double *gradient) {
  bool soft = c->batch.targets != NULL;
  return mixent_loss_evaluate_double(c->batch.rows, c->batch.classes, c->wide_logits, soft ? NULL : c->labels,
                                     soft ? c->wide_targets : NULL, -1, c->coefficients, eps, terms,
                                     gradient);
}

#endif
