/* A thread of each rank that notices lost ranks, whatever the other threads do. */
#ifndef MIXENT_PEERS_MPI_HEARTBEAT_H
#define MIXENT_PEERS_MPI_HEARTBEAT_H

void mixent_heartbeat_begin(void);

/* Returns when all ranks have called it. A rank with an exit code other than 0 waits some seconds for the others and then ends them,
 * with the message of its last failure. */
void mixent_heartbeat_end(int code);

#endif
