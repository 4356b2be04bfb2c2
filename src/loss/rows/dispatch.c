/* Which row kernels run: the widest the processor has, or what MIXENT_CPU names. */
#include "core/status.h"
#include "loss/rows/rows.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DECLARE_KERNELS(set)                                                                                 \
  extern const mixent_row_kernels mixent_rows_##set##_float32, mixent_rows_##set##_float64,                  \
      mixent_rows_##set##_bfloat16, mixent_rows_##set##_float16;                                             \
  static const mixent_row_kernels *const set[MIXENT_FLOATING_TYPES] = {                                      \
      [MIXENT_FLOAT32] = &mixent_rows_##set##_float32,                                                       \
      [MIXENT_FLOAT64] = &mixent_rows_##set##_float64,                                                       \
      [MIXENT_BFLOAT16] = &mixent_rows_##set##_bfloat16,                                                     \
      [MIXENT_FLOAT16] = &mixent_rows_##set##_float16};

DECLARE_KERNELS(plain) /* what the compiler takes for granted: SSE2 on x86-64, NEON on 64-bit Arm */
#ifdef __x86_64__
DECLARE_KERNELS(avx2)
DECLARE_KERNELS(avx512)
#endif

static const mixent_row_kernels *const *available[4];
static const mixent_row_kernels *const *chosen; /* NULL: MIXENT_CPU names none of them */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find(void) {
  int count = 0;
#ifdef __x86_64__
  __builtin_cpu_init();
  bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fma && __builtin_cpu_supports("avx512f")) available[count++] = avx512;
  if (fma) available[count++] = avx2;
#endif
  available[count] = plain;
  const char *wanted = getenv("MIXENT_CPU");
  chosen = wanted && *wanted ? NULL : available[0];
  for (int i = 0; !chosen && available[i]; i++)
    if (strcmp(available[i][0]->name, wanted) == 0) chosen = available[i];
}

const mixent_row_kernels *const *const *mixent_row_kernels_available(void) {
  pthread_once(&once, find);
  return available;
}

mixent_status mixent_row_kernels_choose(const mixent_row_kernels *const **out) {
  pthread_once(&once, find);
  *out = chosen;
  if (chosen) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_UNSUPPORTED,
      "MIXENT_CPU=%s: this processor and build have %s%s%s%s%s; name one of them or leave it unset",
      getenv("MIXENT_CPU"), available[0][0]->name, available[1] ? ", " : "",
      available[1] ? available[1][0]->name : "", available[2] ? ", " : "",
      available[2] ? available[2][0]->name : "");
}
