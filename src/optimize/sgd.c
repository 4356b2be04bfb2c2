/* Stochastic gradient descent with momentum, as torch.optim.SGD (dampening 0):
 *   g += weight_decay theta;   v = momentum v + g;   theta -= lr v
 * or with Nesterov                                   theta -= lr (g + momentum v) */
#include "optimize/types.h"

static inline double update_one(const mixent_optimizer *optimizer, const mixent_optimizer_range *run,
                                double theta, double gradient, double *velocity) {
  gradient += run->weight_decay * theta;
  *velocity = optimizer->momentum * *velocity + gradient;
  double direction = optimizer->nesterov ? gradient + optimizer->momentum * *velocity : *velocity;
  return theta - run->learning_rate * direction;
}

static void update(const mixent_optimizer *optimizer, const mixent_optimizer_range *run,
                   float *restrict theta, const float *restrict gradient, float *const state[]) {
  float *restrict velocities = state[0];
  for (size_t i = 0; i < run->count; i++) {
    double velocity = velocities[i];
    theta[i] = (float)update_one(optimizer, run, theta[i], gradient[i], &velocity);
    velocities[i] = (float)velocity;
  }
}

/* -lr, or with Nesterov -lr (1 + momentum): the velocity before the step stays what it is. */
static void respond(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, const float *theta,
                    const float *gradient, float *const state[], float *response) {
  (void)theta, (void)gradient, (void)state;
  double slope = -run->learning_rate * (optimizer->nesterov ? 1 + optimizer->momentum : 1);
  for (size_t i = 0; i < run->count; i++) response[i] = (float)slope;
}

static void update_double(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, double *theta,
                          const double *gradient, double *const state[]) {
  for (size_t i = 0; i < run->count; i++)
    theta[i] = update_one(optimizer, run, theta[i], gradient[i], &state[0][i]);
}

const mixent_optimizer_type mixent_optimizer_sgd = {
    .name = "sgd",
    .summary = "stochastic gradient descent, with momentum and Nesterov's look-ahead",
    .state_names = {"momentum_buffer"},
    .state_arrays = 1,
    .update = update,
    .respond = respond,
    .update_double = update_double,
};
