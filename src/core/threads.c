#include "core/threads.h"

#include <omp.h>
#include <sched.h>

int mixent_threads_available(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : omp_get_num_procs();
}

void mixent_threads_set(int threads) { omp_set_num_threads(threads < 1 ? 1 : threads); }

int mixent_threads(void) { return omp_get_max_threads(); }

void mixent_parallel_for(size_t count, size_t grain, mixent_range_work *work, void *context) {
  if (grain == 0) grain = 1;
  size_t pieces = (count + grain - 1) / grain;
  if (pieces <= 1 || mixent_threads() == 1) {
    if (count) work(context, 0, count);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (size_t piece = 0; piece < pieces; piece++) {
    size_t begin = piece * grain, end = begin + grain < count ? begin + grain : count;
    work(context, begin, end);
  }
}
