/* 04: threads of your own: a parallel-for made of POSIX threads, handed to mixent.
 *
 * mixent starts no threads. A program that has some (a pool, OpenMP, a framework's) lends them by a function
 * that runs work(context, begin, end) over [0, count) in pieces. The result does not depend on how many
 * threads there are or how the pieces fall. Build:
 *
 *   cc -std=c17 04_threads.c $(pkg-config --cflags --libs mixent-loss) -lm -pthread */
#include <mixent/loss.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4096, CLASSES = 250, MAX_THREADS = 8 };

/* What `pool` points to: yours to choose. A real pool keeps its threads; this one starts them anew. */
typedef struct thread_pool {
  size_t threads, calls, pieces;
} thread_pool;

typedef struct piece {
  mixent_loss_work *work;
  void *context;
  size_t begin, end;
} piece;

static void *run_piece(void *argument) {
  const piece *own = argument;
  own->work(own->context, own->begin, own->end);
  return NULL;
}

/* As many equal pieces as there are threads, none smaller than `grain`: less is not worth a thread. The
 * calling thread takes the first, and any that no thread could be had for. */
static void run_on_threads(void *pool, size_t count, size_t grain, mixent_loss_work *work, void *context) {
  thread_pool *own = pool;
  size_t most = own->threads < MAX_THREADS ? own->threads : MAX_THREADS, size = (count + most - 1) / most;
  if (size < grain) size = grain;
  piece pieces[MAX_THREADS];
  pthread_t threads[MAX_THREADS];
  bool started[MAX_THREADS] = {false};
  size_t used = 0;
  for (size_t begin = 0; begin < count; begin += size, used++)
    pieces[used] = (piece){work, context, begin, begin + size < count ? begin + size : count};
  for (size_t i = 1; i < used; i++)
    started[i] = pthread_create(&threads[i], NULL, run_piece, &pieces[i]) == 0;
  for (size_t i = 0; i < used; i++)
    if (!started[i]) run_piece(&pieces[i]);
  for (size_t i = 1; i < used; i++)
    if (started[i]) pthread_join(threads[i], NULL);
  own->calls++, own->pieces += used;
}

int main(void) {
  const size_t bytes = (size_t)ROWS * CLASSES * sizeof(float);
  float *logits = malloc(bytes), *expected = malloc(bytes), *gradient = malloc(bytes);
  int16_t *labels = malloc(ROWS * sizeof *labels);
  if (!logits || !expected || !gradient || !labels) return fprintf(stderr, "out of memory\n"), 1;
  uint32_t random = 1;
  for (size_t i = 0; i < (size_t)ROWS * CLASSES; i++) {
    random = random * 1664525 + 1013904223; /* any numbers will do */
    logits[i] = (float)(random >> 8) * 0x1p-22f - 2;
  }
  for (int row = 0; row < ROWS; row++) labels[row] = (int16_t)(row % CLASSES);

  mixent_loss_batch batch = {.rows = ROWS,
                             .classes = CLASSES,
                             .logits = {logits, MIXENT_FLOAT32, 0},
                             .labels = {labels, MIXENT_INT16, 0}};
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  rule.coefficients[MIXENT_CE1] = 1, rule.coefficients[MIXENT_H] = 0.1;
  mixent_loss_result alone = {.gradient = expected};
  mixent_status status = mixent_loss_evaluate(&batch, &rule, NULL, &alone);
  printf("the calling thread alone (%s): loss %.15f\n", mixent_loss_cpu(), alone.value);

  bool same = true;
  for (size_t threads = 1; threads <= 4 && status == MIXENT_OK; threads++) {
    thread_pool pool = {.threads = threads};
    const mixent_loss_parallel parallel = {run_on_threads, &pool};
    mixent_loss_result result = {.gradient = gradient};
    memset(gradient, 0, bytes);
    status = mixent_loss_evaluate(&batch, &rule, &parallel, &result);
    bool here = result.value == alone.value && !memcmp(gradient, expected, bytes);
    printf("%zu thread%s, %zu piece%s: loss %.15f, %s\n", threads, threads == 1 ? " " : "s", pool.pieces,
           pool.pieces == 1 ? " " : "s", result.value, here ? "the same bits" : "OTHER BITS");
    same &= here && pool.calls == 1 && pool.pieces == threads;
  }

  /* A batch of a few rows is not worth a thread: the function is not called at all. */
  thread_pool pool = {.threads = 4};
  const mixent_loss_parallel parallel = {run_on_threads, &pool};
  mixent_loss_result result = {.gradient = gradient};
  batch.rows = 8;
  if (status == MIXENT_OK) status = mixent_loss_evaluate(&batch, &rule, &parallel, &result);
  printf("8 rows with 4 threads: %zu pieces, all in the calling thread\n", pool.pieces);
  if (status != MIXENT_OK) fprintf(stderr, "%s\n", mixent_last_error());

  free(logits), free(expected), free(gradient), free(labels);
  return !(status == MIXENT_OK && same && pool.calls == 0);
}
