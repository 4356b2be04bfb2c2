/* How ranks turn the sums of their own replicas into the mean of all: the part of peers/mean.h that needs a transport. */
#ifndef MIXENT_PEERS_EXCHANGE_H
#define MIXENT_PEERS_EXCHANGE_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct mixent_exchange mixent_exchange;

/* `arrays` [local] of this rank, each [count]; the replicas of all ranks are `local` times as many as ranks. `*exchange` becomes NULL where one
 * process has all replicas. */
mixent_status mixent_exchange_create(float *const *arrays, int local, size_t count, size_t bucket, float *out,
                                     mixent_exchange **exchange);
/* Once, before the first step; collective, so that every rank must have an exchange. */
void mixent_exchange_connect(mixent_exchange *exchange);
void mixent_exchange_free(mixent_exchange *exchange);

/* Does what can be done without waiting, when this rank's arrays are complete from `complete_from` on (SIZE_MAX: nothing is). True: `out`
 * holds the mean; the next call begins the next step. */
bool mixent_exchange_advance(mixent_exchange *exchange, size_t complete_from);

#endif
