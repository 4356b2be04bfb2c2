/* What the files of this directory share: which thread may call MPI, how to wait, and what an error of MPI does.
 *
 * Two threads call MPI (MPI_THREAD_SERIALIZED), the conducting one and the heartbeat's, each between mixent_mpi_enter and mixent_mpi_leave.
 * No call that they make there waits for another rank. */
#ifndef MIXENT_PEERS_MPI_CALLS_H
#define MIXENT_PEERS_MPI_CALLS_H

#include <mpi.h>

void mixent_mpi_enter(void);
void mixent_mpi_leave(void);

/* A call of MPI; a failure ends all ranks with a message. */
#define MIXENT_MPI(call, ...) mixent_mpi_check(call(__VA_ARGS__), #call)
void mixent_mpi_check(int code, const char *call);

/* Waits for a request, asleep between looks, because ranks may share processors. Outside of enter and leave. */
void mixent_mpi_wait(MPI_Request *request);

/* A communicator with a tag space of its own. Collective; outside of enter and leave. */
MPI_Comm mixent_mpi_duplicate(MPI_Comm of);

/* After MPI_Init_thread: from here on mixent_peers_rank, mixent_peers_count and mixent_peers_abort speak of MPI_COMM_WORLD. */
void mixent_mpi_begin(void);

/* "rank 3 on HOST" into `out`, by the name that rank told; "rank 3" before mixent_mpi_hosts_set. Returns `out`. */
enum { MIXENT_HOST_SIZE = 64, MIXENT_RANK_SIZE = MIXENT_HOST_SIZE + 24 };
char *mixent_mpi_rank_text(int rank, char out[MIXENT_RANK_SIZE]);
/* `hosts` [count] stays the caller's. */
void mixent_mpi_hosts_set(const char (*hosts)[MIXENT_HOST_SIZE]);

/* The process ends with exit code `code` in `seconds`, whatever it does then: before calls that may wait for a lost rank. */
void mixent_mpi_end_within(unsigned seconds, int code);

#endif
