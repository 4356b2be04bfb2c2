/* The time of a training step whose computation is a wait: what is left to measure is the exchange between ranks, however many processors
 * the machine has. bench/scale.py runs it.
 *
 *   bench_exchange PARAMETERS FORWARD BACKWARD BYTES STEPS [BUCKET]
 *                                   seconds; BYTES of each rank are gathered at the end of a step; BUCKET: see peers/mean.h
 *
 * The gradient is complete from the end to the front at an even pace in the backward pass. Rank 0 prints a line of JSON: medians over the
 * steps, in seconds, of the whole step and of what follows the backward pass. */
#include "core/clock.h"
#include "core/memory.h"
#include "peers/mean.h"
#include "peers/peers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static size_t parameters, gathered;
static double forward, backward;
static int steps;

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, compare);
  return values[count / 2];
}

static void wait_until(double time) {
  for (double left; (left = time - mixent_seconds_now()) > 0;) mixent_seconds_sleep(left);
}

typedef struct pass {
  mixent_mean *mean;
  double begin;
} pass;

static void *compute(void *argument) {
  enum { PIECES = 24 };
  const pass *pass = argument;
  for (int piece = 1; piece <= PIECES; piece++) {
    wait_until(pass->begin + forward + backward * piece / PIECES);
    mixent_mean_ready(pass->mean, 0, parameters - parameters * (size_t)piece / PIECES);
  }
  return NULL;
}

static mixent_status measure(mixent_mean *mean, double *whole, double *after) {
  char *mine, *all;
  MIXENT_TRY(MIXENT_ALLOCATE(gathered, &mine));
  MIXENT_TRY(MIXENT_ALLOCATE(gathered * (size_t)mixent_peers_count(), &all));
  for (int step = -2; step < steps; step++) { /* two to warm up */
    pass pass = {mean, mixent_seconds_now()};
    pthread_t thread;
    if (pthread_create(&thread, NULL, compute, &pass) != 0) return mixent_fail(MIXENT_ERROR_IO, "no thread");
    mixent_mean_finish(mean);
    pthread_join(thread, NULL);
    MIXENT_TRY(mixent_peers_gather(mine, gathered, all));
    double end = mixent_seconds_now();
    if (step < 0) continue;
    whole[step] = end - pass.begin;
    after[step] = end - (pass.begin + forward + backward);
  }
  free(mine);
  free(all);
  return MIXENT_OK;
}

static mixent_status run(int count, char **words) {
  if (count < 5 || count > 6 || (steps = atoi(words[4])) < 1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "usage: bench_exchange PARAMETERS FORWARD BACKWARD BYTES STEPS [BUCKET]");
  parameters = (size_t)strtoull(words[0], NULL, 10), gathered = (size_t)strtoull(words[3], NULL, 10);
  forward = strtod(words[1], NULL), backward = strtod(words[2], NULL);
  float *gradient;
  double *whole, *after;
  mixent_mean *mean;
  MIXENT_TRY(MIXENT_ALLOCATE(parameters, &gradient));
  MIXENT_TRY(MIXENT_ALLOCATE(steps, &whole));
  MIXENT_TRY(MIXENT_ALLOCATE(steps, &after));
  mixent_mean_options options = {
      .replicas = mixent_peers_count(), .arrays = &gradient, .count = parameters, .out = gradient};
  if (count > 5) options.bucket = (size_t)strtoull(words[5], NULL, 10);
  MIXENT_TRY(mixent_mean_create(&options, &mean));
  mixent_status status = measure(mean, whole, after);
  if (status == MIXENT_OK && mixent_peers_rank() == 0)
    printf(
        "{\"ranks\": %d, \"parameters\": %zu, \"forward\": %g, \"backward\": %g, \"gathered\": %zu, \"step\": %.6f, \"after\": %.6f}\n",
        mixent_peers_count(), parameters, forward, backward, gathered, median(whole, steps),
        median(after, steps));
  mixent_mean_free(mean);
  free(gradient);
  free(whole);
  free(after);
  return status;
}

int main(int argc, char **argv) {
  mixent_status status = mixent_peers_begin(&argc, &argv);
  if (status == MIXENT_OK) status = run(argc - 1, argv + 1);
  if (status != MIXENT_OK && mixent_peers_rank() == 0)
    fprintf(stderr, "bench_exchange: %s\n", mixent_last_error());
  mixent_peers_end(status == MIXENT_OK ? 0 : 1);
  return status == MIXENT_OK ? 0 : 1;
}
