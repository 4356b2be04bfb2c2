/* The ranks of an MPI job: beginning and end, and what they tell each other. */
#include "core/memory.h"
#include "peers/mpi/calls.h"
#include "peers/mpi/heartbeat.h"
#include "peers/peers.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool begun;
static MPI_Comm communicator;
static char (*hosts)[MIXENT_HOST_SIZE];
static int *statuses; /* [count], for mixent_peers_agree */

const char *mixent_peers_library(void) {
  static char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  MPI_Get_library_version(version, &length);
  version[strcspn(version, ",\n")] = '\0'; /* where and when it was built follows */
  return version;
}

static void learn_hosts(void) {
  char host[MIXENT_HOST_SIZE] = "";
  gethostname(host, sizeof host - 1);
  mixent_peers_gather(host, sizeof host, hosts);
  mixent_mpi_hosts_set(hosts);
}

mixent_status mixent_peers_begin(int *argc, char ***argv) {
  /* Otherwise MPI stays out of it: it would start a server of its own. */
  if (!mixent_peers_launched()) return MIXENT_OK;
  int provided, code = MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &provided);
  if (code != MPI_SUCCESS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "MPI could not be initialised: MPI_Init_thread returned %d",
                       code);
  begun = true;
  mixent_mpi_begin();
  int count = mixent_peers_count();
  if (count == 1) return MIXENT_OK;
  if (provided < MPI_THREAD_SERIALIZED)
    mixent_peers_abort("this MPI cannot be called by two threads (MPI_THREAD_SERIALIZED)");
  if (MIXENT_ALLOCATE(count, &hosts) != MIXENT_OK || MIXENT_ALLOCATE(count, &statuses) != MIXENT_OK)
    mixent_peers_abort(mixent_last_error());
  mixent_heartbeat_begin();
  communicator = mixent_mpi_duplicate(MPI_COMM_WORLD);
  learn_hosts();
  return MIXENT_OK;
}

void mixent_peers_end(int code) {
  enum { PATIENCE = 10 };
  if (!begun) return;
  begun = false;
  if (mixent_peers_count() > 1) {
    mixent_heartbeat_end(code);
    MPI_Comm_free(&communicator);
    mixent_mpi_hosts_set(NULL);
    free(hosts);
    free(statuses);
  }
  mixent_mpi_end_within(PATIENCE, code ? code : 1); /* where a rank is lost now */
  MPI_Finalize();
  alarm(0);
}

mixent_status mixent_peers_gather(const void *mine, size_t bytes, void *all) {
  const char *place = (const char *)all + (size_t)mixent_peers_rank() * bytes;
  if (mixent_peers_count() == 1) {
    if (mine != all) memcpy(all, mine, bytes);
    return MIXENT_OK;
  }
  if (bytes > INT_MAX)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED, "ranks exchange at most %d bytes at once, got %zu", INT_MAX,
                       bytes);
  MPI_Request request;
  mixent_mpi_enter();
  MIXENT_MPI(MPI_Iallgather, mine == place ? MPI_IN_PLACE : mine, (int)bytes, MPI_BYTE, all, (int)bytes,
             MPI_BYTE, communicator, &request);
  mixent_mpi_leave();
  mixent_mpi_wait(&request);
  return MIXENT_OK;
}

/* The message of the last failure of `rank`, everywhere. */
static void spread_message(int rank, char *message, int size) {
  MPI_Request request;
  mixent_mpi_enter();
  MIXENT_MPI(MPI_Ibcast, message, size, MPI_BYTE, rank, communicator, &request);
  mixent_mpi_leave();
  mixent_mpi_wait(&request);
}

mixent_status mixent_peers_agree(mixent_status status) {
  int mine = status, count = mixent_peers_count(), first = 0;
  if (count == 1) return status;
  MIXENT_TRY(mixent_peers_gather(&mine, sizeof mine, statuses));
  while (first < count && statuses[first] == MIXENT_OK) first++;
  if (first == count) return MIXENT_OK;
  char message[2048] = "", rank[MIXENT_RANK_SIZE];
  strncpy(message, mixent_last_error(), sizeof message - 1);
  spread_message(first, message, sizeof message);
  status = (mixent_status)statuses[first];
  if (first == 0) return mixent_fail(status, "%s", message);
  return mixent_fail(status, "%s: %s", mixent_mpi_rank_text(first, rank), message);
}
