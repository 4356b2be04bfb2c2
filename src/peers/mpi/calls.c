/* The lock of MPI, the facts about MPI_COMM_WORLD, waiting, and leaving. */
#include "peers/mpi/calls.h"
#include "core/clock.h"
#include "core/printable.h"
#include "peers/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int own_rank, ranks = 1, messages = STDERR_FILENO;
static const char (*_Atomic host_names)[MIXENT_HOST_SIZE];

void mixent_mpi_enter(void) {
  pthread_mutex_lock(&lock);
}

void mixent_mpi_leave(void) {
  pthread_mutex_unlock(&lock);
}

int mixent_peers_rank(void) {
  return own_rank;
}

int mixent_peers_count(void) {
  return ranks;
}

void mixent_mpi_begin(void) {
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN); /* of its duplicates, too */
  MPI_Comm_rank(MPI_COMM_WORLD, &own_rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC,
                   STDERR_FILENO + 1); /* the program may close that of ranks other than 0 */
  if (copy >= 0) messages = copy;
}

void mixent_mpi_hosts_set(const char (*hosts)[MIXENT_HOST_SIZE]) {
  host_names = hosts;
}

char *mixent_mpi_rank_text(int rank, char out[MIXENT_RANK_SIZE]) {
  const char(*hosts)[MIXENT_HOST_SIZE] = host_names;
  snprintf(out, MIXENT_RANK_SIZE, "rank %d%s%s", rank, hosts ? " on " : "", hosts ? hosts[rank] : "");
  return out;
}

static int code_of_end;

static void end_at_once(int signal) {
  (void)signal;
  _exit(code_of_end);
}

void mixent_mpi_end_within(unsigned seconds, int code) {
  code_of_end = code;
  signal(SIGALRM, end_at_once);
  alarm(seconds);
}

void mixent_peers_abort(const char *message) {
  static atomic_flag begun = ATOMIC_FLAG_INIT;
  while (atomic_flag_test_and_set(&begun)) pause(); /* the other thread's message is enough */
  dprintf(messages, "mixent: %s\n", mixent_printable_message(message));
  if (ranks > 1) {
    enum { TO_ARRIVE = 300, PATIENCE = 5 };
    mixent_seconds_sleep(TO_ARRIVE *
                         1e-3); /* the message passes through the launcher, which MPI_Abort ends */
    mixent_mpi_end_within(PATIENCE, 1);
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec++;
    pthread_mutex_timedlock(&lock, &time); /* a call that hangs keeps it: then without */
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  _exit(1);
}

void mixent_mpi_check(int code, const char *call) {
  if (code == MPI_SUCCESS) return;
  char reason[MPI_MAX_ERROR_STRING] = "", rank[MIXENT_RANK_SIZE], message[sizeof reason + sizeof rank + 128];
  int length;
  MPI_Error_string(code, reason, &length);
  snprintf(message, sizeof message, "%s lost its connection: %s failed: %s",
           mixent_mpi_rank_text(own_rank, rank), call, reason);
  mixent_mpi_leave();
  mixent_peers_abort(message);
}

void mixent_mpi_wait(MPI_Request *request) {
  for (int done = 0;;) {
    mixent_mpi_enter();
    MIXENT_MPI(MPI_Test, request, &done, MPI_STATUS_IGNORE);
    mixent_mpi_leave();
    if (done) return;
    mixent_seconds_sleep(100e-6);
  }
}

MPI_Comm mixent_mpi_duplicate(MPI_Comm of) {
  MPI_Comm copy;
  MPI_Request request;
  mixent_mpi_enter();
  MIXENT_MPI(MPI_Comm_idup, of, &copy, &request);
  mixent_mpi_leave();
  mixent_mpi_wait(&request);
  return copy;
}
