/* The processes that train one network together: this one alone, or the ranks of an MPI job. One thread of each process, the
 * conducting one, makes all calls of this room, but for mixent_mean_ready and mixent_peers_abort, which any thread may call.
 *
 * A function marked collective is called by every rank, in the same order on all. */
#ifndef MIXENT_PEERS_PEERS_H
#define MIXENT_PEERS_PEERS_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

/* The first call of the room, and the last one; main makes them. Begin may change the arguments of main. From then on a thread of every
 * rank watches the others: where one is lost, all end within 30 seconds, with a message. End takes the exit code of this process: a rank
 * that fails without the others ends them. Collective. */
mixent_status mixent_peers_begin(int *argc, char ***argv);
void mixent_peers_end(int code);

/* Whether mpirun, srun or the like has started this process as one of several. Started as the only one it is none, for the processes of a
 * study inherit what a launcher has told their parent. */
bool mixent_peers_launched(void);

/* The MPI library of this build, "Open MPI v4.1.4"; NULL: it has none. */
const char *mixent_peers_library(void);

/* This process's number, from 0, and the number of processes: 0 of 1 without MPI and before mixent_peers_begin. */
int mixent_peers_rank(void);
int mixent_peers_count(void);

/* Puts the `bytes` bytes of every rank into `all` [count * bytes], in the order of ranks; `mine` may lie in its place there. Collective. */
mixent_status mixent_peers_gather(const void *mine, size_t bytes, void *all);

/* Returns the status of the first rank that failed, on every rank, and MIXENT_OK if none failed. Its message becomes that of every
 * rank, after "rank 3 on HOST: " unless it is rank 0's. Collective. */
mixent_status mixent_peers_agree(mixent_status status);

/* Ends the processes of every rank, with exit code 1 and "mixent: MESSAGE" on the standard error that
 * mixent_peers_begin found. */
_Noreturn void mixent_peers_abort(const char *message);

#endif
