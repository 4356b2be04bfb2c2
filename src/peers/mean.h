/* The mean of one float array over all replicas, on every rank, while the replicas are still computing.
 *
 *   mixent_mean_create(&options, &mean)
 *   in each step:
 *     a replica's thread   fills its array from the end to the front; calls mixent_mean_ready now and then
 *     the conducting one   calls mixent_mean_finish, which returns when `out` holds the mean
 *   mixent_mean_free(mean)
 *
 * The bits of the mean depend on the arrays alone, not on which rank holds which of them: the sum is that of peers/tree.h. Ranks exchange
 * an array in buckets, each as soon as all replicas of a rank have filled it. */
#ifndef MIXENT_PEERS_MEAN_H
#define MIXENT_PEERS_MEAN_H

#include "core/status.h"
#include <stddef.h>

typedef struct mixent_mean_options {
  int replicas; /* of all ranks; a multiple of the ranks. Rank r holds the replicas from r * (replicas / ranks) on */
  float *const *arrays; /* [replicas / ranks]: those of this rank, each [count] */
  size_t count;
  size_t bucket; /* elements of a bucket; 0: MIXENT_MEAN_BUCKET */
  float *
      out; /* [count]; may be arrays[0], which then changes from the end to the front while its replica fills it */
} mixent_mean_options;

enum { MIXENT_MEAN_BUCKET = 512 * 1024 };

typedef struct mixent_mean mixent_mean;

/* `count` and `bucket` are the same on every rank. Arrays and `out` stay the caller's; the list of them is copied. Nothing is allocated
 * between this and mixent_mean_free. Means are created in the same order on every rank. Collective. */
mixent_status mixent_mean_create(const mixent_mean_options *options, mixent_mean **out);
void mixent_mean_free(mixent_mean *mean);

/* Any thread: the elements from `complete_from` on of this rank's array number `local` are those of this step, and stay as they are until
 * mixent_mean_finish has returned. A replica that failed says 0, too: every step needs every replica's 0. */
void mixent_mean_ready(mixent_mean *mean, int local, size_t complete_from);

/* The conducting thread: waits for the replicas of all ranks, then for the mean. The next step may begin afterwards. Collective. */
void mixent_mean_finish(mixent_mean *mean);

#endif
