/* The threads: started when first needed, asleep when there is nothing to do, never joined. */
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { MOST_WORKERS = 255 };

static struct pool {
  pthread_mutex_t busy;        /* held by the caller whose work is being done */
  pthread_mutex_t lock;        /* of what follows */
  pthread_cond_t begun, ended; /* there are places; the last worker has left */
  int workers;                 /* threads there are */
  int places;                  /* how many of them may still join in */
  int working;                 /* how many have joined and not yet left */
  mixent_loss_work *work;
  void *context;
  size_t count, grain;
  atomic_size_t next; /* where the next piece begins */
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .begun = PTHREAD_COND_INITIALIZER,
          .ended = PTHREAD_COND_INITIALIZER};

static void take_pieces(void) {
  for (size_t begin; (begin = atomic_fetch_add(&pool.next, pool.grain)) < pool.count;)
    pool.work(pool.context, begin, pool.count - begin > pool.grain ? begin + pool.grain : pool.count);
}

static void *work(void *unused) {
  pthread_mutex_lock(&pool.lock);
  for (;;) {
    while (pool.places == 0) pthread_cond_wait(&pool.begun, &pool.lock);
    pool.places--;
    pool.working++;
    pthread_mutex_unlock(&pool.lock);
    take_pieces();
    pthread_mutex_lock(&pool.lock);
    if (--pool.working == 0) pthread_cond_signal(&pool.ended);
  }
  return unused;
}

/* Fewer threads than asked for will do. Signals are left to the threads that Python knows. */
static void start_workers(int wanted) {
  sigset_t all, before;
  pthread_attr_t detached;
  if (wanted > MOST_WORKERS) wanted = MOST_WORKERS;
  if (pool.workers >= wanted || pthread_attr_init(&detached)) return;
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  while (pool.workers < wanted && pthread_create(&thread, &detached, work, NULL) == 0) pool.workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&detached);
}

void pool_run(void *threads, size_t count, size_t grain, mixent_loss_work *work_on, void *context) {
  if (grain == 0) grain = 1;
  size_t pieces = count / grain + (count % grain != 0), helpers = (size_t)(*(int *)threads - 1);
  if (pieces <= helpers) helpers = pieces - (pieces > 0);
  if (helpers == 0 || pthread_mutex_trylock(&pool.busy)) {
    if (count) work_on(context, 0, count);
    return;
  }
  start_workers((int)helpers);
  pthread_mutex_lock(&pool.lock);
  pool.work = work_on, pool.context = context, pool.count = count, pool.grain = grain;
  atomic_store(&pool.next, 0);
  pool.places = (int)helpers;
  pthread_mutex_unlock(&pool.lock);
  for (size_t i = 0; i < helpers; i++) pthread_cond_signal(&pool.begun);
  take_pieces();
  pthread_mutex_lock(&pool.lock);
  pool.places = 0; /* who has not woken by now need not */
  while (pool.working) pthread_cond_wait(&pool.ended, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
  pthread_mutex_unlock(&pool.busy);
}

/* The child of a fork has none of the threads, and locks in whatever state they were. */
static void forget(void) {
  pthread_mutex_init(&pool.busy, NULL);
  pthread_mutex_init(&pool.lock, NULL);
  pthread_cond_init(&pool.begun, NULL);
  pthread_cond_init(&pool.ended, NULL);
  pool.workers = pool.places = pool.working = 0;
}

static void register_forget(void) {
  pthread_atfork(NULL, NULL, forget);
}

void pool_start(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, register_forget);
}
