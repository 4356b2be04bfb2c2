/* How near the loss comes to the speed of memory: value and gradient of a batch of float logits beside a
 * kernel that only reads and writes the same bytes (the faster of plain and streaming stores; in place beside
 * the scale kernel in place), on the same threads, in turn. "arithmetic" is what as many rows take that stay
 * in the cache: where that is more than memory's limit, it is the limit. Usage: bench_loss [--json] [THREADS]
 * [ROUNDS]; prints milliseconds (median) and the share of the limit. */
#include "mixent/loss.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/threads.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

enum { MAX_ROUNDS = 101, GRAIN = 1 << 14 };

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

/* The same, of as many rows as stay in the cache, by one thread. */
static double run_cached(const problem *p) {
  problem some = *p;
  some.rows = ((size_t)128 << 10) / sizeof(float) / p->classes;
  if (some.rows < 1) some.rows = 1;
  if (some.rows > p->rows) some.rows = p->rows;
  enum { TURNS = 8 };
  double start = mixent_seconds_now();
  for (int i = 0; i < TURNS; i++) run_loss(&some, 0);
  return (mixent_seconds_now() - start) / TURNS * (double)p->rows / (double)some.rows / mixent_threads();
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

enum { PLAIN, STREAM, IN_PLACE, LOSS, LOSS_IN_PLACE, ARITHMETIC, MEASURED };

/* Medians in milliseconds: one round of each in turn. */
static void measure(const problem *p, int rounds, double medians[MEASURED]) {
  static double times[MEASURED][MAX_ROUNDS];
  for (int round = -2; round < rounds; round++)
    for (int what = 0; what < MEASURED; what++) {
      /* logits of the size a network gives: in place both leave them small, which changes no branch */
      double start = mixent_seconds_now(), arithmetic = 0;
      if (what <= IN_PLACE)
        run_scale(p, what);
      else if (what == ARITHMETIC)
        arithmetic = run_cached(p);
      else
        run_loss(p, what == LOSS_IN_PLACE);
      if (round >= 0) times[what][round] = what == ARITHMETIC ? arithmetic : mixent_seconds_now() - start;
    }
  for (int what = 0; what < MEASURED; what++) {
    qsort(times[what], (size_t)rounds, sizeof(double), compare);
    medians[what] = times[what][rounds / 2] * 1e3;
  }
}

static void print_table(const problem *p, const double t[MEASURED], double limit) {
  char shape[32];
  snprintf(shape, sizeof shape, "%zux%zu", p->rows, p->classes);
  printf("%-8s %12s %9.3f %9.3f %6.0f%% %9.3f %9.3f %6.0f%% %11.3f\n", p->h > 0 ? "min-ent" : "ce", shape,
         t[LOSS], limit, 100 * limit / t[LOSS], t[LOSS_IN_PLACE], t[IN_PLACE],
         100 * t[IN_PLACE] / t[LOSS_IN_PLACE], t[ARITHMETIC]);
}

static void print_json(const problem *p, const double t[MEASURED], double limit) {
  printf("{\"loss\": \"%s\", \"rows\": %zu, \"classes\": %zu, \"ms\": %.6f, \"limit_ms\": %.6f, "
         "\"in_place_ms\": %.6f, "
         "\"in_place_limit_ms\": %.6f, \"arithmetic_ms\": %.6f}\n",
         p->h > 0 ? "min-ent" : "ce", p->rows, p->classes, t[LOSS], limit, t[LOSS_IN_PLACE], t[IN_PLACE],
         t[ARITHMETIC]);
}

int main(int argc, char **argv) {
  bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
  argc -= json, argv += json;
  int threads = argc > 1 ? atoi(argv[1]) : 2, rounds = argc > 2 ? atoi(argv[2]) : 21;
  if (threads < 1 || rounds < 1 || rounds > MAX_ROUNDS) return 2;
  mixent_threads_set(threads);
  static const size_t shapes[][2] = {{8192, 1000}, {2048, 32000}, {128, 26}};
  if (!json) {
    printf("value and gradient, float, %s, %d threads, median of %d, milliseconds\n", mixent_loss_cpu(),
           threads, rounds);
    printf("%-8s %12s %9s %9s %7s %9s %9s %7s %11s\n", "loss", "shape", "loss", "limit", "share", "in place",
           "limit", "share", "arithmetic");
  }
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    problem p = {.rows = shapes[s][0], .classes = shapes[s][1]};
    size_t count = p.rows * p.classes;
    if (MIXENT_ALLOCATE(count, &p.logits) || MIXENT_ALLOCATE(count, &p.gradient) ||
        MIXENT_ALLOCATE(p.rows, &p.labels)) {
      fprintf(stderr, "bench_loss: %s\n", mixent_last_error());
      return 1;
    }
    for (size_t r = 0; r < p.rows; r++) p.labels[r] = (int32_t)(r * 7 % p.classes);
    for (int kind = 0; kind < 2; kind++) {
      double t[MEASURED];
      for (size_t i = 0; i < count; i++) p.logits[i] = (float)(i * 2654435761u % 1000) / 100 - 5;
      p.h = kind;
      measure(&p, rounds, t);
      (json ? print_json : print_table)(&p, t, t[PLAIN] < t[STREAM] ? t[PLAIN] : t[STREAM]);
    }
    free(p.logits);
    free(p.gradient);
    free(p.labels);
  }
  return 0;
}
