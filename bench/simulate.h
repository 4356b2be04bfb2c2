/* What the programs share that simulate studies. */
#ifndef MIXENT_BENCH_SIMULATE_H
#define MIXENT_BENCH_SIMULATE_H

#include "core/random.h"
#include "mixent/status.h"
#include "stats/distributions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The whole number after an option: `--studies 5000`. */
static inline size_t option(int count, char **values, const char *name, size_t otherwise) {
  for (int i = 1; i + 1 < count; i += 2)
    if (strcmp(values[i], name) == 0) return strtoul(values[i + 1], NULL, 10);
  return otherwise;
}

#endif
