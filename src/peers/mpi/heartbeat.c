/* The heartbeat: every second rank 0 sends a byte to each rank, and each rank sends one to rank 0. A rank from which none has come for 15
 * seconds is lost: its node, its network, or a process that was stopped. Seconds in which this process could not run do not count, so that
 * a job can be suspended as a whole. */
#include "peers/mpi/heartbeat.h"
#include "core/memory.h"
#include "peers/mpi/calls.h"
#include "peers/peers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const double PERIOD = 1, LAST_PERIOD = 0.01, LOST = 15, NEARLY_LOST = 12,
                    WAIT_FOR_OTHERS = 10; /* seconds */

enum { ALIVE, LAST, TAG = 1 };

typedef struct neighbour {
  int rank;
  unsigned char in, out;     /* ALIVE, or LAST: this rank has ended its work */
  MPI_Request receive, send; /* persistent */
  double silent;             /* seconds since it was heard */
  bool heard_last, said_last;
} neighbour;

static neighbour *neighbours;
static int neighbour_count;
static pthread_t thread;
static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* of `ending`, after which the two below stay as they are */
static pthread_cond_t end_asked;
static bool ending;
static int end_code;
static char end_message[4096];

static void start(MPI_Request *request) {
  MIXENT_MPI(MPI_Start, request);
}

static bool is_done(MPI_Request *request) { /* also of one that was never started */
  int done;
  MIXENT_MPI(MPI_Test, request, &done, MPI_STATUS_IGNORE);
  return done;
}

static void listen(neighbour *from, double seconds) {
  if (from->heard_last) return;
  from->silent += seconds;
  while (!from->heard_last && is_done(&from->receive)) {
    from->silent = 0;
    from->heard_last = from->in == LAST;
    if (!from->heard_last) start(&from->receive);
  }
}

static void speak(neighbour *to, bool last) {
  if (to->said_last || !is_done(&to->send)) return;
  to->out = last ? LAST : ALIVE;
  to->said_last = last;
  start(&to->send);
}

/* Whether every neighbour has ended and knows that this rank has. */
static bool all_ended(void) {
  for (neighbour *each = neighbours; each < neighbours + neighbour_count; each++)
    if (!each->heard_last || !each->said_last || !is_done(&each->send)) return false;
  return true;
}

static bool is_lost(double patience) {
  for (int i = 0; i < neighbour_count; i++)
    if (neighbours[i].silent >= patience) return true;
  return false;
}

/* Names the lost ranks. The ranks of a lost node are noticed within a second or two of each other. */
static void report_lost(void) {
  enum { MOST = 8 };
  mixent_text text = {0};
  char rank[MIXENT_RANK_SIZE];
  int lost = 0;
  mixent_text_append(&text, "lost ");
  for (int i = 0; i < neighbour_count; i++)
    if (neighbours[i].silent >= NEARLY_LOST && lost++ < MOST)
      mixent_text_append_item(&text, (size_t)lost - 1, "%s", mixent_mpi_rank_text(neighbours[i].rank, rank));
  if (lost > MOST) mixent_text_append(&text, " and %d more", lost - MOST);
  mixent_text_append(
      &text,
      ": nothing was heard for %.0f seconds; look at the host and its network, then go on from the last checkpoint with "
      "'mixent train --resume'",
      LOST);
  mixent_peers_abort(text.failed ? "lost a rank, and has no memory to name it" : text.data);
}

static void report_failure(void) {
  char rank[MIXENT_RANK_SIZE], message[sizeof end_message + sizeof rank + 64];
  snprintf(message, sizeof message, "%s failed while others went on: %s",
           mixent_mpi_rank_text(mixent_peers_rank(), rank), end_message);
  mixent_peers_abort(message);
}

/* Waits for a period, or for the call of mixent_heartbeat_end. Returns whether that has come. */
static bool wait_for_end(double period, bool was_ending) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  long nanoseconds = until.tv_nsec + (long)(period * 1e9);
  until.tv_sec += nanoseconds / 1000000000;
  until.tv_nsec = nanoseconds % 1000000000;
  pthread_mutex_lock(&lock);
  for (int why = 0; (was_ending || !ending) && why != ETIMEDOUT;)
    why = pthread_cond_timedwait(&end_asked, &lock, &until);
  bool asked = ending;
  pthread_mutex_unlock(&lock);
  return asked;
}

/* Rank 0 speaks for all. Without it the others notice at the same time, and rank 1 is the first to speak: seconds until it is this
 * rank's turn, in which the one before it ends all. */
static double turn(void) {
  static const double EACH = 2, MOST = 8;
  double seconds = EACH * (mixent_peers_rank() - 1);
  return seconds < 0 ? 0 : seconds < MOST ? seconds : MOST;
}

static void *beat(void *unused) {
  (void)unused;
  double since_end = 0;
  for (bool asked = false, ended = false; !ended;) {
    double period = asked ? LAST_PERIOD : PERIOD;
    asked = wait_for_end(period, asked);
    mixent_mpi_enter();
    for (int i = 0; i < neighbour_count; i++) {
      speak(&neighbours[i], asked);
      listen(&neighbours[i], period);
    }
    ended = asked && all_ended();
    mixent_mpi_leave();
    if (asked) since_end += period;
    if (is_lost(LOST + turn())) report_lost();
    if (asked && !ended && end_code != 0 && since_end > WAIT_FOR_OTHERS) report_failure();
  }
  return unused;
}

void mixent_heartbeat_begin(void) {
  int rank = mixent_peers_rank();
  neighbour_count = rank == 0 ? mixent_peers_count() - 1 : 1;
  if (MIXENT_ALLOCATE(neighbour_count, &neighbours) != MIXENT_OK) mixent_peers_abort(mixent_last_error());
  mixent_mpi_enter();
  for (int i = 0; i < neighbour_count; i++) {
    neighbour *other = &neighbours[i];
    other->rank = rank == 0 ? i + 1 : 0;
    MIXENT_MPI(MPI_Recv_init, &other->in, 1, MPI_BYTE, other->rank, TAG, MPI_COMM_WORLD, &other->receive);
    MIXENT_MPI(MPI_Send_init, &other->out, 1, MPI_BYTE, other->rank, TAG, MPI_COMM_WORLD, &other->send);
    start(&other->receive);
  }
  mixent_mpi_leave();
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&end_asked, &attributes);
  pthread_condattr_destroy(&attributes);
  if (pthread_create(&thread, NULL, beat, NULL) != 0)
    mixent_peers_abort("the system refused a thread that watches other ranks");
}

void mixent_heartbeat_end(int code) {
  end_code = code;
  snprintf(end_message, sizeof end_message, "%s", mixent_last_error());
  pthread_mutex_lock(&lock);
  ending = true;
  pthread_cond_signal(&end_asked);
  pthread_mutex_unlock(&lock);
  pthread_join(thread, NULL);
  for (int i = 0; i < neighbour_count; i++) {
    MPI_Request_free(&neighbours[i].receive);
    MPI_Request_free(&neighbours[i].send);
  }
  free(neighbours);
}
