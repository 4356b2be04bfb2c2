/* The one way to run work in parallel: over the OpenMP threads that the network's primitives use too, so that
 * no second set of threads competes with them. */
#ifndef MIXENT_CORE_THREADS_H
#define MIXENT_CORE_THREADS_H

#include <stddef.h>

/* Sets how many threads parallel work uses from now on, in the calling thread (1 or more). */
void mixent_threads_set(int threads);
int mixent_threads(void);
/* Which of them runs the caller, from 0: within a piece of mixent_parallel_for no other has the same number. */
int mixent_thread(void);

/* Runs work(context, begin, end) over [0, count) in pieces of `grain` (or larger ones: all at once with one
 * thread), dealt to the threads as they become free. What a piece computes must not depend on who runs it;
 * then results do not depend on the number of threads. */
typedef void mixent_range_work(void *context, size_t begin, size_t end);
void mixent_parallel_for(size_t count, size_t grain, mixent_range_work *work, void *context);

#endif
