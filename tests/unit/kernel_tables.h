/* Which tables of kernels a test runs. Include after cmocka.h. */
#ifndef MIXENT_TESTS_KERNEL_TABLES_H
#define MIXENT_TESTS_KERNEL_TABLES_H

#include "net/kernels/kernels.h"
#include <stdlib.h>
#include <string.h>

/* All that run here, or the one that MIXENT_CPU names: an emulator has time for no more. NULL after the last. A name that
 * the processor has not is a failure: the program would take another table, and the test would say nothing. */
static inline const mixent_kernels *kernels_at(bool bf16, int index) {
  const char *named = getenv("MIXENT_CPU");
  if (!named || !*named) return mixent_kernels_available(bf16)[index];
  const mixent_kernels *chosen = mixent_kernels_choose(bf16);
  if (strncmp(chosen->name, named, strlen(named)) != 0)
    fail_msg("MIXENT_CPU names %s, but %s would run", named, chosen->name);
  return index == 0 ? chosen : NULL;
}

#endif
