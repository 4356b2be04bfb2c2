/* What the programs share that simulate studies. */
#ifndef MIXENT_BENCH_SIMULATE_H
#define MIXENT_BENCH_SIMULATE_H

#include "core/random.h"
#include "mixent/status.h"
#include "stats/distributions.h"

#include <stdio.h>
#include <stdlib.h>

/* Level of all tests. */
static const double level = 0.05;

static inline double normal(const mixent_random *random, uint64_t step, uint64_t element) {
  uint32_t word[4];
  mixent_random_block(random, step, element, word);
  return mixent_normal_quantile(mixent_uniform_double(word[0], word[1]) + 0x1p-54);
}

static inline void must(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "%s\n", mixent_last_error());
  exit(1);
}

static inline void *room_for(size_t count, size_t size) {
  void *room = calloc(count, size);
  if (!room) abort();
  return room;
}

static inline size_t argument(int count, char **values, int index, size_t otherwise) {
  return index < count ? strtoul(values[index], NULL, 10) : otherwise;
}

#endif
