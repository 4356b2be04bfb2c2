/* What replicas have filled, and the mean of those of one process. */
#include "peers/mean.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/threads.h"
#include "peers/exchange.h"
#include "peers/peers.h"
#include "peers/tree.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct mixent_mean {
  size_t count;
  int local;            /* arrays of this rank */
  const float **arrays; /* [local] */
  float *out;
  mixent_exchange *exchange; /* NULL: this process has all replicas */
  mixent_tree tree;          /* of the arrays */
  pthread_mutex_t lock;      /* of complete_from */
  pthread_cond_t complete;   /* all of this rank's arrays are */
  size_t *complete_from;     /* [local]; SIZE_MAX: nothing is */
};

static mixent_status build(mixent_mean *mean, const mixent_mean_options *options) {
  const int ranks = mixent_peers_count();
  if (options->replicas < 1 || options->replicas % ranks)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "expected a multiple of %d ranks as the number of replicas, got %d", ranks,
                       options->replicas);
  mean->local = options->replicas / ranks;
  mean->count = options->count;
  mean->out = options->out;
  MIXENT_TRY(MIXENT_ALLOCATE(mean->local, &mean->arrays));
  MIXENT_TRY(MIXENT_ALLOCATE(mean->local, &mean->complete_from));
  memcpy(mean->arrays, options->arrays, (size_t)mean->local * sizeof *mean->arrays);
  for (int i = 0; i < mean->local; i++) mean->complete_from[i] = SIZE_MAX;
  int *bounds;
  MIXENT_TRY(MIXENT_ALLOCATE(mean->local + 1, &bounds));
  for (int i = 0; i <= mean->local; i++) bounds[i] = i;
  mixent_status status = mixent_tree_create(mean->local, bounds, &mean->tree);
  free(bounds);
  if (status != MIXENT_OK) return status;
  return mixent_exchange_create(options->arrays, mean->local, mean->count,
                                options->bucket ? options->bucket : MIXENT_MEAN_BUCKET, mean->out,
                                &mean->exchange);
}

mixent_status mixent_mean_create(const mixent_mean_options *options, mixent_mean **out) {
  *out = NULL;
  mixent_mean *mean;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &mean));
  pthread_mutex_init(&mean->lock, NULL);
  pthread_cond_init(&mean->complete, NULL);
  mixent_status status = mixent_peers_agree(build(mean, options));
  if (status != MIXENT_OK) {
    mixent_mean_free(mean);
    return status;
  }
  if (mean->exchange) mixent_exchange_connect(mean->exchange);
  *out = mean;
  return MIXENT_OK;
}

void mixent_mean_free(mixent_mean *mean) {
  if (!mean) return;
  mixent_exchange_free(mean->exchange);
  pthread_cond_destroy(&mean->complete);
  pthread_mutex_destroy(&mean->lock);
  mixent_tree_free(&mean->tree);
  free(mean->complete_from);
  free(mean->arrays);
  free(mean);
}

/* The element from which on all arrays of this rank are complete. */
static size_t complete_from(const mixent_mean *mean) {
  size_t from = 0;
  for (int i = 0; i < mean->local; i++)
    if (mean->complete_from[i] > from) from = mean->complete_from[i];
  return from;
}

void mixent_mean_ready(mixent_mean *mean, int local, size_t from) {
  pthread_mutex_lock(&mean->lock);
  mean->complete_from[local] = from;
  if (complete_from(mean) == 0) pthread_cond_signal(&mean->complete);
  pthread_mutex_unlock(&mean->lock);
}

static void sum_range(void *context, size_t begin, size_t end) {
  const mixent_mean *mean = context;
  mixent_tree_sum(&mean->tree, mean->arrays, begin, end, (float)mean->local, mean->out);
}

/* Waits until all arrays of this rank are complete; one process has nothing else to do. */
static void await_all(mixent_mean *mean) {
  pthread_mutex_lock(&mean->lock);
  while (complete_from(mean) > 0) pthread_cond_wait(&mean->complete, &mean->lock);
  pthread_mutex_unlock(&mean->lock);
}

/* Looks again and again, asleep in between: the network needs a look now and then, and the replicas need the processors. */
static void exchange_all(mixent_mean *mean) {
  for (;;) {
    pthread_mutex_lock(&mean->lock);
    size_t from = complete_from(mean);
    pthread_mutex_unlock(&mean->lock);
    if (mixent_exchange_advance(mean->exchange, from)) return;
    mixent_seconds_sleep(100e-6);
  }
}

void mixent_mean_finish(mixent_mean *mean) {
  if (mean->exchange)
    exchange_all(mean);
  else
    await_all(mean);
  pthread_mutex_lock(&mean->lock);
  for (int i = 0; i < mean->local; i++) mean->complete_from[i] = SIZE_MAX;
  pthread_mutex_unlock(&mean->lock);
  if (!mean->exchange) mixent_parallel_for(mean->count, 16384, sum_range, mean);
}
