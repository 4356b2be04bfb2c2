/* Adam (Kingma and Ba 2015), as torch.optim.Adam, and AdamW (Loshchilov and Hutter 2019), as torch.optim.AdamW. They differ in
 * their first line, weight decay:
 *   Adam:  g += weight_decay theta          AdamW:  theta -= lr weight_decay theta
 *   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2;
 *   theta -= lr / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon) */
#include "optimize/types.h"
#include <math.h>

/* What is the same for all elements of a run. */
typedef struct constants {
  double beta1, beta2, epsilon;
  double weight_decay; /* Adam; AdamW: 0 */
  double keep;         /* AdamW: 1 - lr weight_decay; Adam: 1 */
  double rate;         /* lr / (1 - beta1^step) */
  double scale;        /* 1 / sqrt(1 - beta2^step) */
} constants;

static constants constants_of(const mixent_optimizer *optimizer, const mixent_optimizer_range *run) {
  double step = (double)run->step;
  bool apart = optimizer->type == &mixent_optimizer_adamw;
  return (constants){
      .beta1 = optimizer->beta1,
      .beta2 = optimizer->beta2,
      .epsilon = optimizer->epsilon,
      .weight_decay = apart ? 0 : run->weight_decay,
      .keep = apart ? 1 - run->learning_rate * run->weight_decay : 1,
      .rate = run->learning_rate / (1 - pow(optimizer->beta1, step)),
      .scale = 1 / sqrt(1 - pow(optimizer->beta2, step)),
  };
}

static inline double update_one(const constants *c, double theta, double gradient, double *m, double *v) {
  gradient += c->weight_decay * theta;
  *m = c->beta1 * *m + (1 - c->beta1) * gradient;
  *v = c->beta2 * *v + (1 - c->beta2) * gradient * gradient;
  return theta * c->keep - c->rate * *m / (sqrt(*v) * c->scale + c->epsilon);
}

static void update(const mixent_optimizer *optimizer, const mixent_optimizer_range *run,
                   float *restrict theta, const float *restrict gradient, float *const state[]) {
  const constants c = constants_of(optimizer, run);
  float *restrict means = state[0], *restrict squares = state[1];
  for (size_t i = 0; i < run->count; i++) {
    double m = means[i], v = squares[i];
    theta[i] = (float)update_one(&c, theta[i], gradient[i], &m, &v);
    means[i] = (float)m;
    squares[i] = (float)v;
  }
}

/* With r = sqrt(v) scale + epsilon:  -rate ((1 - beta1) / r - m dr/dg / r^2),  dr/dg = scale (1 - beta2) g /
 * sqrt(v) */
static void respond(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, const float *theta,
                    const float *gradient, float *const state[], float *response) {
  const constants c = constants_of(optimizer, run);
  for (size_t i = 0; i < run->count; i++) {
    double g = gradient[i] + c.weight_decay * theta[i];
    double m = c.beta1 * state[0][i] + (1 - c.beta1) * g, v = c.beta2 * state[1][i] + (1 - c.beta2) * g * g;
    double root = sqrt(v), r = root * c.scale + c.epsilon;
    double slope = root > 0 ? c.scale * (1 - c.beta2) * g / root : 0;
    response[i] = (float)(-c.rate * ((1 - c.beta1) / r - m * slope / (r * r)));
  }
}

static void update_double(const mixent_optimizer *optimizer, const mixent_optimizer_range *run, double *theta,
                          const double *gradient, double *const state[]) {
  const constants c = constants_of(optimizer, run);
  for (size_t i = 0; i < run->count; i++)
    theta[i] = update_one(&c, theta[i], gradient[i], &state[0][i], &state[1][i]);
}

const mixent_optimizer_type mixent_optimizer_adam = {
    .name = "adam",
    .summary = "steps scaled by running means of the gradient and its square",
    .state_names = {"exp_avg", "exp_avg_sq"},
    .state_arrays = 2,
    .update = update,
    .respond = respond,
    .update_double = update_double,
};

const mixent_optimizer_type mixent_optimizer_adamw = {
    .name = "adamw",
    .summary = "adam with weight decay apart from the gradient",
    .state_names = {"exp_avg", "exp_avg_sq"},
    .state_arrays = 2,
    .update = update,
    .respond = respond,
    .update_double = update_double,
};
