/* Optimisers: how a gradient changes parameters. Formulas are PyTorch's (torch.optim), weight decay coupled
 * (added to the gradient) unless the type says otherwise. One file per optimiser (optimizer_sgd.c, optimizer_adam.c), one line in the
 * registry in optimizer.c. */
#ifndef MIXENT_OPTIMIZE_OPTIMIZER_H
#define MIXENT_OPTIMIZE_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIXENT_OPTIMIZER_MAX_STATE = 2 };

/* A run of parameters that decays or does not (norms and biases do not). */
typedef struct mixent_optimizer_segment {
  size_t offset, count;
  bool decay;
} mixent_optimizer_segment;

typedef struct mixent_optimizer_type mixent_optimizer_type;

/* An optimiser with its settings; it holds no memory of its own. */
typedef struct mixent_optimizer {
  const mixent_optimizer_type *type;
  double momentum;     /* sgd */
  bool nesterov;       /* sgd; needs momentum > 0 */
  double beta1, beta2; /* adam, adamw */
  double epsilon;      /* adam, adamw */
  double weight_decay; /* on segments that decay */
  size_t count;        /* parameters in all */
  const mixent_optimizer_segment
      *segments; /* ascending and not overlapping; what is in none stays as it is */
  size_t segment_count;
} mixent_optimizer;

/* A run of elements with one weight decay, for the types' own code. */
typedef struct mixent_optimizer_range {
  double learning_rate, weight_decay;
  uint64_t step; /* from 1 */
  size_t count;
} mixent_optimizer_range;

struct mixent_optimizer_type {
  const char *name;    /* "sgd" */
  const char *summary; /* one line for help texts */
  const char
      *state_names[MIXENT_OPTIMIZER_MAX_STATE]; /* PyTorch's names: "momentum_buffer"; NULL past the last */
  int state_arrays;
  /* Updates `run->count` elements; state[a] points to that run's elements of state array a. Float data is
   * widened, computed in double and rounded once, so that both share one formula. */
  void (*update)(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, float *theta,
                 const float *gradient, float *const state[]);
  /* dtheta'/dgradient of the update that would come next, element by element, for looking ahead; nothing but
   * `response` is changed. */
  void (*respond)(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, const float *theta,
                  const float *gradient, float *const state[], float *response);
  void (*update_double)(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, double *theta,
                        const double *gradient, double *const state[]);
};

/* NULL-terminated; names beside it in the same order for "did you mean". */
extern const mixent_optimizer_type *const mixent_optimizer_types[];
extern const char *const mixent_optimizer_names[];
/* NULL if there is none of that name. */
const mixent_optimizer_type *mixent_optimizer_find(const char *name);

/* PyTorch's defaults of that type with no segments: momentum 0, beta (0.9, 0.999), epsilon 1e-8, no decay. */
mixent_optimizer mixent_optimizer_defaults(const mixent_optimizer_type *type);

/* One step in place. theta, gradient [count]; state [state_arrays, count], zero before step 1; step counts
 * from 1. If `ema` [count] is given: ema = ema_decay ema + (1 - ema_decay) theta, with the new theta, in the
 * same pass over memory. Runs over the step's threads in fixed pieces: the result does not depend on their
 * number. */
void mixent_optimizer_step(const mixent_optimizer *optimizer, double learning_rate, uint64_t step,
                           float *theta, const float *gradient, float *state, float *ema, double ema_decay);

/* How the parameters after mixent_optimizer_step with these arguments would change with the gradient:
 * response [count] = d theta'_j / d gradient_j. Elements in no segment get 0. */
void mixent_optimizer_respond(const mixent_optimizer *optimizer, double learning_rate, uint64_t step,
                              const float *theta, const float *gradient, float *state, float *response);

/* The same rule for a few doubles (loss parameters), without weight decay: theta, gradient [count], state
 * [state_arrays, count]. Needs no segments. */
void mixent_optimizer_step_double(const mixent_optimizer *optimizer, double learning_rate, uint64_t step,
                                  size_t count, double *theta, const double *gradient, double *state);

#endif
