/* Which row kernels run: the widest the processor has, or what MIXENT_CPU names. */
#include "loss/row_kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const mixent_row_kernels mixent_row_kernels_plain;
#ifdef __x86_64__
extern const mixent_row_kernels mixent_row_kernels_avx2, mixent_row_kernels_avx512;
#endif

static const mixent_row_kernels *available[4];
static const mixent_row_kernels *chosen; /* NULL: MIXENT_CPU names none of them */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find(void) {
  int count = 0;
#ifdef __x86_64__
  __builtin_cpu_init();
  bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fma && __builtin_cpu_supports("avx512f")) available[count++] = &mixent_row_kernels_avx512;
  if (fma) available[count++] = &mixent_row_kernels_avx2;
#endif
  available[count] = &mixent_row_kernels_plain;
  const char *wanted = getenv("MIXENT_CPU");
  chosen = wanted && *wanted ? NULL : available[0];
  for (int i = 0; !chosen && available[i]; i++)
    if (strcmp(available[i]->name, wanted) == 0) chosen = available[i];
}

const mixent_row_kernels *const *mixent_row_kernels_available(void) {
  pthread_once(&once, find);
  return available;
}

mixent_status mixent_row_kernels_choose(const mixent_row_kernels **out) {
  pthread_once(&once, find);
  *out = chosen;
  if (chosen) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_UNSUPPORTED,
      "MIXENT_CPU=%s: this processor and build have %s%s%s%s%s; name one of them or leave it unset",
      getenv("MIXENT_CPU"), available[0]->name, available[1] ? ", " : "",
      available[1] ? available[1]->name : "", available[2] ? ", " : "",
      available[2] ? available[2]->name : "");
}
