/* For tests/mpi: what the ranks of a job do together, without a network to train. Rank 0 prints.
 *   peers mean REPLICAS COUNT BUCKET STEPS [in-place]   the SHA-256 of the means of all steps, which every rank must have
 *   peers gather                                        the ranks, as every one of them sees them
 *   peers agree RANK...                                 those ranks fail; the message that all have afterwards
 *   peers fail RANK                                     that rank ends with a failure, the others go on
 *   peers work SECONDS                                  each rank says its process, then is busy without a call of MPI */
#include "peers/peers.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/sha256.h"
#include "core/threads.h"
#include "peers/mean.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct replica {
  int number, local; /* of all; of this rank */
  uint64_t step;
  size_t count;
  float *array;
  mixent_mean *mean;
} replica;

/* Backwards, as a backward pass does; some replicas are slower than others. */
static void *fill(void *argument) {
  const replica *replica = argument;
  mixent_random random = mixent_random_stream((uint64_t)replica->number, "test", "peers");
  size_t piece = replica->count / 7 + 1;
  for (size_t end = replica->count; end > 0;) {
    size_t begin = end > piece ? end - piece : 0;
    for (size_t i = begin; i < end; i++) {
      uint32_t word[4];
      mixent_random_block(&random, replica->step, i, word);
      replica->array[i] = (mixent_uniform_float(word[0]) - 0.5f) * (float)(1 << (word[1] % 20));
    }
    if (replica->number % 3 == 1) mixent_seconds_sleep(1e-3);
    mixent_mean_ready(replica->mean, replica->local, begin);
    end = begin;
  }
  return NULL;
}

static mixent_status run_steps(const mixent_mean_options *options, mixent_mean *mean, int steps,
                               mixent_sha256 *hash) {
  enum { MOST = 64 };
  int local = options->replicas / mixent_peers_count();
  replica replicas[MOST];
  pthread_t threads[MOST];
  for (int step = 0; step < steps; step++) {
    for (int i = 0; i < local && i < MOST; i++) {
      replicas[i] = (replica){.number = mixent_peers_rank() * local + i,
                              .local = i,
                              .step = (uint64_t)step,
                              .count = options->count,
                              .array = options->arrays[i],
                              .mean = mean};
      if (pthread_create(&threads[i], NULL, fill, &replicas[i]) != 0)
        return mixent_fail(MIXENT_ERROR_IO, "no thread");
    }
    mixent_mean_finish(mean);
    for (int i = 0; i < local && i < MOST; i++) pthread_join(threads[i], NULL);
    mixent_sha256_add(hash, options->out, options->count * sizeof(float));
  }
  return MIXENT_OK;
}

static mixent_status print_mean(int count, char **words) {
  if (count < 4) return mixent_fail(MIXENT_ERROR_ARGUMENT, "expected REPLICAS COUNT BUCKET STEPS");
  mixent_mean_options options = {
      .replicas = atoi(words[0]), .count = (size_t)atol(words[1]), .bucket = (size_t)atol(words[2])};
  int local = options.replicas / mixent_peers_count();
  float **arrays;
  MIXENT_TRY(MIXENT_ALLOCATE(local + 1, &arrays));
  for (int i = 0; i <= local; i++) MIXENT_TRY(MIXENT_ALLOCATE(options.count, &arrays[i]));
  options.arrays = arrays;
  options.out = count > 4 ? arrays[0] : arrays[local];
  mixent_mean *mean;
  MIXENT_TRY(mixent_mean_create(&options, &mean));
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  mixent_status status = run_steps(&options, mean, atoi(words[3]), &hash);
  mixent_mean_free(mean);
  for (int i = 0; i <= local; i++) free(arrays[i]);
  free(arrays);
  char own[65], *all;
  mixent_sha256_end(&hash, own);
  MIXENT_TRY(MIXENT_ALLOCATE(sizeof own * (size_t)mixent_peers_count(), &all));
  mixent_peers_gather(own, sizeof own, all);
  for (int i = 0; i < mixent_peers_count(); i++)
    if (strcmp(all + (size_t)i * sizeof own, own) != 0)
      status = mixent_fail(MIXENT_ERROR_NUMERIC, "rank %d has another mean", i);
  free(all);
  puts(own);
  return status;
}

static mixent_status print_ranks(void) {
  enum { MOST = 64 };
  struct {
    int rank, count;
  } mine = {mixent_peers_rank(), mixent_peers_count()}, all[MOST];
  MIXENT_TRY(mixent_peers_gather(&mine, sizeof mine, all));
  for (int i = 0; i < mine.count; i++) printf("%d of %d\n", all[i].rank, all[i].count);
  return MIXENT_OK;
}

static mixent_status print_agreed(int count, char **words) {
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < count; i++)
    if (atoi(words[i]) == mixent_peers_rank())
      status = mixent_fail(MIXENT_ERROR_NUMERIC, "the loss of rank %d is not finite", mixent_peers_rank());
  return mixent_peers_agree(status);
}

static mixent_status fail_alone(int count, char **words) {
  if (count > 0 && atoi(words[0]) == mixent_peers_rank())
    return mixent_fail(MIXENT_ERROR_IO, "the disk is full");
  int mine = 0, all[64];
  return mixent_peers_gather(&mine, sizeof mine, all);
}

static mixent_status work(int count, char **words) {
  double end = mixent_seconds_now() + (count > 0 ? atof(words[0]) : 60);
  dprintf(STDOUT_FILENO, "rank %d is process %ld\n", mixent_peers_rank(), (long)getpid());
  while (mixent_seconds_now() < end) mixent_seconds_sleep(0.01);
  return MIXENT_OK;
}

int main(int argc, char **argv) {
  mixent_status status = mixent_peers_begin(&argc, &argv);
  if (status == MIXENT_OK && argc > 1) {
    const char *what = argv[1];
    argc -= 2, argv += 2;
    if (mixent_peers_rank() > 0 && strcmp(what, "work") != 0) freopen("/dev/null", "w", stdout);
    if (strcmp(what, "mean") == 0) status = print_mean(argc, argv);
    if (strcmp(what, "gather") == 0) status = print_ranks();
    if (strcmp(what, "agree") == 0) status = print_agreed(argc, argv);
    if (strcmp(what, "fail") == 0) status = fail_alone(argc, argv);
    if (strcmp(what, "work") == 0) status = work(argc, argv);
  }
  if (status != MIXENT_OK) fprintf(stderr, "rank %d: %s\n", mixent_peers_rank(), mixent_last_error());
  mixent_peers_end(status == MIXENT_OK ? 0 : 1);
  return status == MIXENT_OK ? 0 : 1;
}
