/* One small set of threads for the losses: no OpenMP runtime comes in beside the one that PyTorch brings. */
#ifndef MIXENT_PYTHON_POOL_H
#define MIXENT_PYTHON_POOL_H

#include "mixent/loss.h"

/* Call once, before anything else: makes the pool outlive a fork (the child starts threads of its own when it
 * needs them). */
void pool_start(void);

/* A mixent_loss_parallel's `run`. `threads` points to an int: how many threads may work, the calling one
 * among them. While one caller has the pool, others do all of their own work themselves. */
void pool_run(void *threads, size_t count, size_t grain, mixent_loss_work *work, void *context);

#endif
