/* A team of threads that work on the parts of one thing beside one another, each with OpenMP threads of its own, while the caller
 * does something else. (mixent_parallel_for is for work that the caller waits for.) */
#ifndef MIXENT_CORE_TEAM_H
#define MIXENT_CORE_TEAM_H

#include "core/status.h"
#include <stddef.h>

typedef struct mixent_team mixent_team;

/* `members` threads, in each of which mixent_threads() is `threads`. They take no signals. */
mixent_status mixent_team_create(size_t members, int threads, mixent_team **out);
/* Not while work is going on. NULL is fine. */
void mixent_team_free(mixent_team *team);

/* Begins work(context, part) for the parts 0 to count - 1: member m does m, m + members, … one after another. */
typedef void mixent_team_work(void *context, size_t part);
void mixent_team_begin(mixent_team *team, size_t count, mixent_team_work *work, void *context);
/* Waits for the end of the work, for so many seconds at most (below 0: for as long as it takes); false: it goes on. */
bool mixent_team_wait(mixent_team *team, double seconds);

#endif
