/* Which kernels run: the widest the processor has, or what MIXENT_CPU names (as it does for the losses). */
#include "net/kernels/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const int mixent_winograd_tile_heights[MIXENT_TILES] = {2, 3, 4, 7, 4, 3};
const int mixent_winograd_tile_widths[MIXENT_TILES] = {2, 3, 4, 7, 3, 4};

extern const mixent_kernels mixent_kernels_plain_float, mixent_kernels_plain_bf16;
#ifdef __x86_64__
extern const mixent_kernels mixent_kernels_avx2_float, mixent_kernels_avx2_bf16, mixent_kernels_avx512_float,
    mixent_kernels_avx512_bf16, mixent_kernels_avx512bf16_bf16;
#endif

static const mixent_kernels *available[2][5]; /* of float, of bfloat16 */
static const mixent_kernels *chosen[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* MIXENT_CPU=avx512 means everything of that generation. avx512-bf16 differs from the other table of bfloat16 in two
 * instructions, the dot product and the rounding to bfloat16 (vector.h), which take numbers below the smallest normal one
 * for 0. No emulator has them: those two alone are tested only on processors that have them. */
static bool is_named(const mixent_kernels *kernels, const char *name) {
  return strncmp(kernels->name, name, strlen(name)) == 0;
}

static void find(void) {
  int count = 0, half_count = 0;
#ifdef __x86_64__
  __builtin_cpu_init();
  bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool wide = fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (wide && __builtin_cpu_supports("avx512bf16"))
    available[1][half_count++] = &mixent_kernels_avx512bf16_bf16;
  if (wide) {
    available[0][count++] = &mixent_kernels_avx512_float;
    available[1][half_count++] = &mixent_kernels_avx512_bf16;
  }
  if (fma) {
    available[0][count++] = &mixent_kernels_avx2_float;
    available[1][half_count++] = &mixent_kernels_avx2_bf16;
  }
#endif
  available[0][count] = &mixent_kernels_plain_float;
  available[1][half_count] = &mixent_kernels_plain_bf16;
  const char *wanted = getenv("MIXENT_CPU");
  for (int half = 0; half < 2; half++) {
    chosen[half] = available[half][0];
    for (int i = 0; wanted && *wanted && available[half][i]; i++)
      if (is_named(available[half][i], wanted)) {
        chosen[half] = available[half][i];
        break;
      }
  }
}

const mixent_kernels *const *mixent_kernels_available(bool bf16) {
  pthread_once(&once, find);
  return available[bf16];
}

const mixent_kernels *mixent_kernels_choose(bool bf16) {
  pthread_once(&once, find);
  return chosen[bf16];
}
