/* Threads that sleep until work begins: a counter of beginnings, and how many members are still at the last. */
#include "core/team.h"
#include "core/memory.h"
#include "core/threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct mixent_team {
  pthread_mutex_t mutex;
  pthread_cond_t begun, ended;
  uint64_t beginnings; /* of work, so far */
  size_t busy;         /* members that have not ended the last */
  bool leaving;
  size_t count;
  mixent_team_work *work;
  void *context;
  int threads;
  size_t members, started; /* started: those whose thread exists */
  struct member {
    mixent_team *team;
    size_t number;
    pthread_t thread;
  } member[];
};

static void *serve(void *given) {
  const struct member *member = given;
  mixent_team *team = member->team;
  uint64_t seen = 0;
  mixent_threads_set(team->threads);
  pthread_mutex_lock(&team->mutex);
  for (;;) {
    while (team->beginnings == seen && !team->leaving) pthread_cond_wait(&team->begun, &team->mutex);
    if (team->leaving) break;
    seen = team->beginnings;
    pthread_mutex_unlock(&team->mutex);
    for (size_t part = member->number; part < team->count; part += team->members)
      team->work(team->context, part);
    pthread_mutex_lock(&team->mutex);
    if (--team->busy == 0) pthread_cond_broadcast(&team->ended);
  }
  pthread_mutex_unlock(&team->mutex);
  return NULL;
}

/* Conditions whose time-outs do not depend on the wall clock. */
static mixent_status start_sync(mixent_team *team) {
  pthread_condattr_t clock;
  bool made = pthread_condattr_init(&clock) == 0;
  if (!made) return mixent_no_memory("a team of threads");
  made = pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0 &&
         pthread_mutex_init(&team->mutex, NULL) == 0 && pthread_cond_init(&team->begun, &clock) == 0 &&
         pthread_cond_init(&team->ended, &clock) == 0;
  pthread_condattr_destroy(&clock);
  return made ? MIXENT_OK : mixent_no_memory("a team of threads");
}

static mixent_status start_threads(mixent_team *team) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = 0;
  for (; team->started < team->members && !failed; team->started += !failed) {
    struct member *member = &team->member[team->started];
    *member = (struct member){.team = team, .number = team->started};
    failed = pthread_create(&member->thread, NULL, serve, member);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed ? mixent_no_memory("thread %zu of %zu", team->started + 1, team->members) : MIXENT_OK;
}

mixent_status mixent_team_create(size_t members, int threads, mixent_team **out) {
  mixent_team *team;
  *out = NULL;
  MIXENT_TRY(mixent_allocate(sizeof *team + members * sizeof team->member[0], (void **)&team));
  team->members = members, team->threads = threads;
  mixent_status status = start_sync(team);
  if (status != MIXENT_OK) {
    free(team);
    return status;
  }
  status = start_threads(team);
  if (status == MIXENT_OK)
    *out = team;
  else
    mixent_team_free(team);
  return status;
}

void mixent_team_free(mixent_team *team) {
  if (!team) return;
  pthread_mutex_lock(&team->mutex);
  team->leaving = true;
  pthread_cond_broadcast(&team->begun);
  pthread_mutex_unlock(&team->mutex);
  for (size_t m = 0; m < team->started; m++) pthread_join(team->member[m].thread, NULL);
  pthread_cond_destroy(&team->begun);
  pthread_cond_destroy(&team->ended);
  pthread_mutex_destroy(&team->mutex);
  free(team);
}

void mixent_team_begin(mixent_team *team, size_t count, mixent_team_work *work, void *context) {
  pthread_mutex_lock(&team->mutex);
  team->count = count, team->work = work, team->context = context;
  team->busy = team->members;
  team->beginnings++;
  pthread_cond_broadcast(&team->begun);
  pthread_mutex_unlock(&team->mutex);
}

static struct timespec moment_after(double seconds) {
  struct timespec moment;
  clock_gettime(CLOCK_MONOTONIC, &moment);
  double all = (double)moment.tv_nsec * 1e-9 + seconds;
  moment.tv_sec += (time_t)all;
  moment.tv_nsec = (long)((all - (double)(time_t)all) * 1e9);
  return moment;
}

bool mixent_team_wait(mixent_team *team, double seconds) {
  const struct timespec end = moment_after(seconds < 0 ? 0 : seconds);
  pthread_mutex_lock(&team->mutex);
  int waited = 0;
  while (team->busy && waited != ETIMEDOUT)
    waited = seconds < 0 ? pthread_cond_wait(&team->ended, &team->mutex)
                         : pthread_cond_timedwait(&team->ended, &team->mutex, &end);
  bool ended = team->busy == 0;
  pthread_mutex_unlock(&team->mutex);
  return ended;
}
