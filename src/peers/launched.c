/* What a launcher of MPI jobs tells the processes that it starts. */
#include "peers/peers.h"

#include <stdlib.h>
#include <string.h>

bool mixent_peers_launched(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                                      "SLURM_STEP_NUM_TASKS"}; /* the innermost launcher's first */
  const char *count = NULL;
  for (size_t i = 0; !count && i < sizeof names / sizeof *names; i++) count = getenv(names[i]);
  if (count && strcmp(count, "1") == 0) return false;
  return getenv("PMIX_RANK") || getenv("PMI_RANK");
}
