/* The processes that train one network together: this one alone, or the ranks of an MPI job. One thread of each process, the
 * conducting one, makes all calls of this room, but for mixent_mean_ready and mixent_peers_abort, which any thread may call.
 *
 * A function marked collective is called by every rank, in the same order on all. */
#ifndef MIXENT_PEERS_PEERS_H
#define MIXENT_PEERS_PEERS_H

#include "core/status.h"
#include <stddef.h>

/* The first call of the room, and the last one. Begin may change the arguments of main. Collective. */
mixent_status mixent_peers_begin(int *argc, char ***argv);
void mixent_peers_end(void);

/* Whether this build can train on several ranks. */
bool mixent_peers_with_mpi(void);

/* This process's number, from 0, and the number of processes: 0 of 1 without MPI and before mixent_peers_begin. */
int mixent_peers_rank(void);
int mixent_peers_count(void);

/* Puts the `bytes` bytes of every rank into `all` [count * bytes], in the order of ranks. Collective. */
mixent_status mixent_peers_gather(const void *mine, size_t bytes, void *all);

/* Returns the status of the first rank that failed, on every rank, and MIXENT_OK if none failed. Its message becomes that of every
 * rank, after "rank 3 on HOST: " unless it is rank 0's. Collective. */
mixent_status mixent_peers_agree(mixent_status status);

/* Ends the processes of every rank, with exit code 1 and "mixent: MESSAGE" on standard error. */
_Noreturn void mixent_peers_abort(const char *message);

#endif
