/* How near the loss comes to the speed of memory: value and gradient of a batch of float logits beside a
 * kernel that only reads and writes the same bytes (the faster of plain and streaming stores; in place beside
 * the scale kernel in place), on the same threads, in turn. Usage: bench_loss [THREADS] [ROUNDS]; prints
 * milliseconds (median) and the share of the limit. */
#include "mixent/loss.h"
#include "core/memory.h"
#include "core/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

enum { MAX_ROUNDS = 101, GRAIN = 1 << 14 };

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct copy {
  const float *from;
  float *to;
} copy;

static void scale_plain(void *context, size_t begin, size_t end) {
  const copy *c = context;
  for (size_t i = begin; i < end; i++) c->to[i] = c->from[i] * 0.999f;
}

static void scale_stream(void *context, size_t begin, size_t end) {
#ifdef __SSE__
  const copy *c = context;
  for (size_t i = begin; i + 4 <= end; i += 4)
    _mm_stream_ps(c->to + i, _mm_mul_ps(_mm_loadu_ps(c->from + i), _mm_set1_ps(0.999f)));
  _mm_sfence();
#else
  scale_plain(context, begin, end);
#endif
}

typedef struct problem {
  size_t rows, classes;
  float *logits, *gradient;
  int32_t *labels;
  double h; /* coefficient of the entropy */
} problem;

static void run_scale(const problem *p, int way) {
  copy c = {p->logits, way == 2 ? p->logits : p->gradient};
  mixent_parallel_for(p->rows * p->classes, GRAIN, way == 1 ? scale_stream : scale_plain, &c);
}

static void run_pool(void *pool, size_t count, size_t grain, mixent_loss_work *work, void *context) {
  (void)pool;
  mixent_parallel_for(count, grain, work, context);
}

static void run_loss(const problem *p, int in_place) {
  static const mixent_loss_parallel parallel = {.run = run_pool};
  const mixent_loss_batch batch = {.rows = p->rows,
                                   .classes = p->classes,
                                   .logits = {.data = p->logits},
                                   .labels = {.data = p->labels, .type = MIXENT_INT32}};
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  rule.coefficients[MIXENT_CE1] = 1, rule.coefficients[MIXENT_H] = p->h;
  mixent_loss_result result = {.gradient = in_place ? p->logits : p->gradient};
  if (mixent_loss_evaluate(&batch, &rule, &parallel, &result) != MIXENT_OK) {
    fprintf(stderr, "bench_loss: %s\n", mixent_last_error());
    exit(1);
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Medians of scale plain, stream, in place; loss, loss in place: one round of each in turn. */
static void measure(const problem *p, int rounds, double medians[5]) {
  static double times[5][MAX_ROUNDS];
  for (int round = -2; round < rounds; round++)
    for (int what = 0; what < 5; what++) {
      /* logits of the size a network gives: in place both leave them small, which changes no branch */
      double start = seconds_now();
      if (what < 3)
        run_scale(p, what);
      else
        run_loss(p, what - 3);
      if (round >= 0) times[what][round] = seconds_now() - start;
    }
  for (int what = 0; what < 5; what++) {
    qsort(times[what], (size_t)rounds, sizeof(double), compare);
    medians[what] = times[what][rounds / 2] * 1e3;
  }
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 2, rounds = argc > 2 ? atoi(argv[2]) : 21;
  if (threads < 1 || rounds < 1 || rounds > MAX_ROUNDS) return 2;
  mixent_threads_set(threads);
  static const size_t shapes[][2] = {{8192, 1000}, {2048, 32000}, {128, 26}};
  printf("value and gradient, float, %d threads, median of %d, milliseconds\n", threads, rounds);
  printf("%-8s %12s %10s %10s %10s %10s %10s %10s\n", "loss", "shape", "loss", "limit", "share", "in place",
         "limit", "share");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    problem p = {.rows = shapes[s][0], .classes = shapes[s][1]};
    size_t count = p.rows * p.classes;
    if (MIXENT_ALLOCATE(count, &p.logits) || MIXENT_ALLOCATE(count, &p.gradient) ||
        MIXENT_ALLOCATE(p.rows, &p.labels)) {
      fprintf(stderr, "bench_loss: %s\n", mixent_last_error());
      return 1;
    }
    for (size_t i = 0; i < count; i++) p.logits[i] = (float)(i * 2654435761u % 1000) / 100 - 5;
    for (size_t r = 0; r < p.rows; r++) p.labels[r] = (int32_t)(r * 7 % p.classes);
    for (int kind = 0; kind < 2; kind++) {
      double t[5];
      char shape[32];
      p.h = kind;
      measure(&p, rounds, t);
      double limit = t[0] < t[1] ? t[0] : t[1];
      snprintf(shape, sizeof shape, "%zux%zu", p.rows, p.classes);
      printf("%-8s %12s %10.3f %10.3f %9.0f%% %10.3f %10.3f %9.0f%%\n", kind ? "min-ent" : "ce", shape, t[3],
             limit, 100 * limit / t[3], t[4], t[2], 100 * t[2] / t[4]);
    }
    free(p.logits);
    free(p.gradient);
    free(p.labels);
  }
  return 0;
}
