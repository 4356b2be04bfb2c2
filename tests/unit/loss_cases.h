/* Random batches for the tests of the losses: every type, shape and option, and what the reference makes of
 * them. */
#ifndef MIXENT_TESTS_LOSS_CASES_H
#define MIXENT_TESTS_LOSS_CASES_H

#include "core/random.h"
#include "mixent/loss.h"
#include <math.h>

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

static inline bool draw_chance(draws *draws, double probability) {
  return draw(draws, 0, 1) < probability;
}

/* A batch whose arrays are malloc'ed, and the same numbers in double. */
typedef struct loss_case {
  mixent_loss_batch batch;
  mixent_loss_rule rule;
  double *logits,
      *targets;          /* [rows, classes], without stride; targets one-hot for labels; before smoothing */
  double *class_weights; /* [classes]; NULL: none */
  double *row_weights;   /* [rows], 1 each without */
  int *labels;           /* [rows]; -1: ignored */
  void *memory[8];
  int allocated;
} loss_case;

/* What kinds of trouble may come up. */
typedef struct case_kind {
  int most_rows, most_classes;
  bool wild; /* also masked classes, extreme logits, rows without a distribution, rows of weight 0 */
} case_kind;

void case_draw(draws *draws, const case_kind *kind, mixent_type type, loss_case *out);
void case_free(loss_case *c);

/* Element i of an array of a floating type, and setting it (rounded to nearest even). */
double case_get(const void *data, mixent_type type, size_t i);
void case_set(void *data, mixent_type type, size_t i, double value);

/* Every term of each row [rows, MIXENT_TERMS], weighted, and the gradient of sum_i c_i T_i summed over rows
 * [rows, classes]; what reduced values are divided by. */
void case_reference(const loss_case *c, double *row_terms, double *gradient, double *divisor);

#endif
