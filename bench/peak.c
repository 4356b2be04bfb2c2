/* What the processor could do at most: multiplications and additions from register to register, on all threads at once;
 * in float32 and, where there is an instruction for it, of bfloat16 pairs (matrix tiles are not measured). One JSON line;
 * train.py holds the networks' speeds against it.
 *
 *   bench_peak [--threads N] [--seconds S] */
#include "core/clock.h"
#include "core/system.h"
#include "core/threads.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Does `rounds` rounds and returns what came out, so that nothing is left out as useless. */
typedef float peak_loop(long rounds);

typedef struct peak_kernel {
  peak_loop *run;
  double operations; /* of a round */
} peak_kernel;

enum { FEW = 12, MANY = 24 }; /* sums: enough that none waits for itself, few enough for the registers */

/* A loop over `count` sums that do not wait for one another. They start from different numbers, so that no compiler
 * takes them for one; `add` is what sums[i] becomes. */
#define PEAK_LOOP(attributes, name, type, count, broadcast, add)                                             \
  attributes static float name(long rounds) {                                                                \
    type sums[count], total = broadcast(0);                                                                  \
    _Pragma("GCC unroll 32") for (int i = 0; i < count; i++) sums[i] = broadcast((float)i);                  \
    for (long round = 0; round < rounds; round++)                                                            \
      _Pragma("GCC unroll 32") for (int i = 0; i < count; i++) sums[i] = add;                                \
    _Pragma("GCC unroll 32") for (int i = 0; i < count; i++) total = total + sums[i];                        \
    return total[0];                                                                                         \
  }

#ifdef __x86_64__
#define FOR(isa) __attribute__((target(isa)))
PEAK_LOOP(FOR("avx512f"), run_avx512, __m512, MANY, _mm512_set1_ps,
          _mm512_fmadd_ps(sums[i], _mm512_set1_ps(0.5F), _mm512_set1_ps(1)))
PEAK_LOOP(FOR("avx512f,avx512bf16"), run_avx512_bf16, __m512, MANY, _mm512_set1_ps,
          _mm512_dpbf16_ps(sums[i], (__m512bh)_mm512_set1_epi32(0x3f80), (__m512bh)_mm512_set1_epi32(0x3f80)))
PEAK_LOOP(FOR("avx2,fma"), run_avx2, __m256, FEW, _mm256_set1_ps,
          _mm256_fmadd_ps(sums[i], _mm256_set1_ps(0.5F), _mm256_set1_ps(1)))

static peak_kernel float_kernel(void) {
  const char *most = getenv("MIXENT_CPU"); /* as the program's own kernels obey it */
  bool wide = !most || strncmp(most, "avx512", 6) == 0;
  if (wide && __builtin_cpu_supports("avx512f")) return (peak_kernel){run_avx512, MANY * 16 * 2};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return (peak_kernel){run_avx2, FEW * 8 * 2};
  return (peak_kernel){0};
}

static peak_kernel half_kernel(void) {
  if (__builtin_cpu_supports("avx512bf16")) return (peak_kernel){run_avx512_bf16, MANY * 32 * 2};
  return (peak_kernel){0};
}
#else
#ifdef __aarch64__
PEAK_LOOP(, run_neon, float32x4_t, MANY, vdupq_n_f32, vfmaq_f32(vdupq_n_f32(1), sums[i], vdupq_n_f32(0.5F)))
#endif

static peak_kernel float_kernel(void) {
#ifdef __aarch64__
  return (peak_kernel){run_neon, MANY * 4 * 2};
#else
  return (peak_kernel){0};
#endif
}

static peak_kernel half_kernel(void) {
  return (peak_kernel){0};
}
#endif

/* Operations per second of all threads together: the best piece within that time. */
static double measure(peak_kernel kernel, int threads, double seconds) {
  enum { ROUNDS = 2000000 };
  double best = 0;
  volatile float sink;
  for (double end = mixent_seconds_now() + seconds; mixent_seconds_now() < end;) {
    double start = mixent_seconds_now();
    float sum = 0;
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    sum += kernel.run(ROUNDS);
    double speed = threads * (double)ROUNDS * kernel.operations / (mixent_seconds_now() - start);
    if (speed > best) best = speed;
    sink = sum;
  }
  (void)sink;
  return best;
}

static void print_peak(const char *name, peak_kernel kernel, int threads, double seconds) {
  if (kernel.run)
    printf(", \"%s\": %.1f", name, measure(kernel, threads, seconds) / 1e9);
  else
    printf(", \"%s\": null", name);
}

int main(int argc, char **argv) {
  static const struct option names[] = {{"threads", 1, NULL, 't'}, {"seconds", 1, NULL, 's'}, {0}};
  int threads = mixent_processors_count();
  double seconds = 0.5;
  for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (letter == 't') threads = atoi(optarg);
    if (letter == 's') seconds = atof(optarg);
    if (letter == '?') return 2;
  }
  if (threads < 1 || threads > 4096 || !(seconds > 0 && seconds < 3600))
    return fprintf(stderr, "bench_peak: threads are 1 to 4096, seconds above 0\n"), 2;
  char processor[256];
  mixent_processor_name(processor, sizeof processor);
  printf("{\"processor\": \"%s\", \"threads\": %d", processor, threads);
  print_peak("fp32_gflops", float_kernel(), threads, seconds);
  print_peak("bf16_gflops", half_kernel(), threads, seconds);
  puts("}");
  return 0;
}
