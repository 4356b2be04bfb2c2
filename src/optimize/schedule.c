/* Learning-rate schedules as functions of progress in (0, 1), and the one that looks at validation. */
#include "optimize/schedule.h"
#include "core/random.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

static double constant(const mixent_schedule *schedule, double progress, const mixent_schedule_state *state) {
  (void)schedule, (void)progress, (void)state;
  return 1;
}

/* Straight up from 0 over the warm-up. */
static double rise(const mixent_schedule *schedule, double progress) {
  return progress / schedule->warmup;
}

/* What of the way after the warm-up has been gone, 0 to 1. */
static double gone(const mixent_schedule *schedule, double progress) {
  return (progress - schedule->warmup) / (1 - schedule->warmup);
}

static double one_cycle(const mixent_schedule *schedule, double progress,
                        const mixent_schedule_state *state) {
  (void)state;
  return progress < schedule->warmup ? rise(schedule, progress) : 1 - gone(schedule, progress);
}

/* Half a cosine down to 0 (Loshchilov and Hutter 2017, one period). */
static double cosine(const mixent_schedule *schedule, double progress, const mixent_schedule_state *state) {
  (void)state;
  if (progress < schedule->warmup) return rise(schedule, progress);
  return 0.5 * (1 + cos(M_PI * gone(schedule, progress)));
}

static double remembered(const mixent_schedule *schedule, double progress,
                         const mixent_schedule_state *state) {
  (void)schedule, (void)progress;
  return state->factor;
}

/* SpinalNet's rule, on the accuracy of what the recipe selects by: after an epoch without a new best the rate is base U^3, U
 * uniform. */
static void spinal_epoch_end(mixent_schedule_state *state, uint64_t seed, uint64_t epoch, bool new_best) {
  if (new_best) return;
  mixent_random random = mixent_random_stream(seed, "schedule", "");
  uint32_t word[4];
  mixent_random_block(&random, epoch, 0, word);
  double u = mixent_uniform_double(word[0], word[1]);
  state->factor = u * u * u;
}

static const mixent_schedule_type
    constant_type = {"constant", "the same rate all the time", 0, constant, NULL},
    one_cycle_type = {"one-cycle", "straight up to the rate over the warm-up, straight down to 0", 0.25,
                      one_cycle, NULL},
    cosine_type = {"cosine", "straight up over the warm-up (if any), then half a cosine down to 0", 0, cosine,
                   NULL},
    spinal_type = {"spinal",
                   "the rate; after an epoch that was not the best so far on the held-out images (with "
                   "select: test, on the test images), the rate times U^3, U uniform in (0, 1)",
                   0, remembered, spinal_epoch_end};

const mixent_schedule_type *const mixent_schedule_types[] = {&constant_type, &one_cycle_type, &cosine_type,
                                                             &spinal_type, NULL};
const char *const mixent_schedule_names[] = {"constant", "one-cycle", "cosine", "spinal", NULL};

const mixent_schedule_type *mixent_schedule_find(const char *name) {
  for (int i = 0; mixent_schedule_types[i]; i++)
    if (strcmp(mixent_schedule_types[i]->name, name) == 0) return mixent_schedule_types[i];
  return NULL;
}

mixent_schedule_state mixent_schedule_start(void) {
  return (mixent_schedule_state){.factor = 1};
}

double mixent_schedule_rate(const mixent_schedule *schedule, uint64_t step, uint64_t total_steps,
                            const mixent_schedule_state *state) {
  double progress = ((double)step - 0.5) / (double)total_steps;
  return schedule->rate * schedule->type->factor(schedule, progress, state);
}

void mixent_schedule_epoch_end(const mixent_schedule *schedule, mixent_schedule_state *state, uint64_t seed,
                               uint64_t epoch, bool new_best) {
  if (schedule->type->epoch_end) schedule->type->epoch_end(state, seed, epoch, new_best);
}
