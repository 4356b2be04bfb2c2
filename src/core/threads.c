/* The parallel loop over OpenMP threads, and what the thread sanitizer must be told of it. */
#include "core/threads.h"

#ifdef _OPENMP
#include <omp.h>
#else /* libmixent-stats: the caller's thread does all */
static void omp_set_num_threads(int threads) {
  (void)threads;
}
static int omp_get_max_threads(void) {
  return 1;
}
static int omp_get_thread_num(void) {
  return 0;
}
#endif

/* The thread sanitizer does not see OpenMP wait for its threads. Told of it here: what came before a
 * parallel region happens before all pieces, and they before what follows. The region itself, which reads its
 * own arguments before it could say so, is left out of the check; the work it calls is not. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MIXENT_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define MIXENT_THREAD_SANITIZER
#endif
#ifdef MIXENT_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
static char region_begins, region_ends;
#define ANNOUNCE(event) __tsan_release(&(event))
#define AWAIT(event)    __tsan_acquire(&(event))
#define UNCHECKED       __attribute__((no_sanitize("thread")))
#else
#define ANNOUNCE(event) ((void)0)
#define AWAIT(event)    ((void)0)
#define UNCHECKED
#endif

void mixent_threads_set(int threads) {
  omp_set_num_threads(threads < 1 ? 1 : threads);
}

int mixent_threads(void) {
  return omp_get_max_threads();
}

/* Not OpenMP's number: the caller may be one of a team of its own. */
static _Thread_local int thread_number;

int mixent_thread(void) {
  return thread_number;
}

static void work_as(int number, mixent_range_work *work, void *context, size_t begin, size_t end) {
  int before = thread_number;
  thread_number = number;
  work(context, begin, end);
  thread_number = before;
}

UNCHECKED void mixent_parallel_for(size_t count, size_t grain, mixent_range_work *work, void *context) {
  if (grain == 0) grain = 1;
  size_t pieces = (count + grain - 1) / grain;
  if (pieces <= 1 || mixent_threads() == 1) {
    if (count) work_as(0, work, context, 0, count);
    return;
  }
  ANNOUNCE(region_begins);
#pragma omp parallel for schedule(dynamic, 1)
  for (size_t piece = 0; piece < pieces; piece++) {
    size_t begin = piece * grain, end = begin + grain < count ? begin + grain : count;
    AWAIT(region_begins);
    work_as(omp_get_thread_num(), work, context, begin, end);
    ANNOUNCE(region_ends);
  }
  AWAIT(region_ends);
}
