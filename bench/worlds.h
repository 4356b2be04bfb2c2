/* Between the files of bench_false_alarms: simulated worlds, and what is asked of them. */
#ifndef MIXENT_BENCH_WORLDS_H
#define MIXENT_BENCH_WORLDS_H

#include "bench/simulate.h"

#include <math.h>

typedef struct world {
  const char *name;
  double luck;   /* standard deviation of a run's own quality, on the scale of images' difficulty */
  double favour; /* of an image's preference for a method */
} world;

typedef struct plan {
  size_t studies, images, replicates, methods;
} plan;

enum { MOST_METHODS = 16, MOST_SEEDS = 1000 };

/* Verdicts of whole comparisons in a world, a line for no difference and one for a difference as large as the margin. */
void print_verdicts_heading(const plan *plan);
void run_verdicts(const plan *plan, const world *world, size_t seeds);

/* In accuracy, what `shift` is worth: the mean over difficulties and luck, by P(right) = Phi(1.2 / deviation). */
static inline double gain_of(const world *world, double shift) {
  double deviation = sqrt(1 + 1.44 + world->luck * world->luck + world->favour * world->favour);
  return mixent_normal_cdf((1.2 + shift) / deviation) - mixent_normal_cdf(1.2 / deviation);
}

/* Its inverse. */
static inline double shift_for(const world *world, double gain) {
  double low = 0, high = 10;
  for (int step = 0; step < 60; step++) {
    double middle = (low + high) / 2;
    if (gain_of(world, middle) < gain)
      low = middle;
    else
      high = middle;
  }
  return low;
}

static inline double share_of(const uint8_t *right, size_t count) {
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += right[i];
  return (double)sum / (double)count;
}

/* Root of the mean square, as variances are averaged. */
static inline double typical(const double *deviations, size_t studies) {
  double squares = 0;
  for (size_t study = 0; study < studies; study++) squares += deviations[study] * deviations[study];
  return sqrt(squares / (double)studies);
}

#endif
