/* The program: finds the sub-command and runs it. Exit codes: 0 done, 1 failed, 2 wrong use, 128 + N
 * stopped by signal N. */
#include "cli/commands.h"
#include "cli/events.h"
#include "cli/no_memory.h"
#include "cli/parse.h"
#include "core/status.h"
#include "core/system.h"
#include "peers/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_program(int argc, char **argv) {
  mixent_command_call call;
  int code = mixent_command_parse(mixent_commands, argc - 1, argv + 1, &call);
  mixent_status status = call.events ? mixent_events_begin(call.command->name) : MIXENT_OK;
  if (status != MIXENT_OK) code = mixent_failed(status);
  if (code == MIXENT_EXIT_NOT_YET && mixent_peers_count() > 1 && !call.command->ranks)
    code = mixent_wrong_use("%s does not run on several ranks; run it without mpirun", call.command->name);
  if (code == MIXENT_EXIT_NOT_YET)
    code = call.command->run(call.arguments, call.operand_count, call.operands);
  mixent_command_call_free(&call);
  return code;
}

/* A thread that waits for the others should spin for some microseconds, as long as waking it would take, and
 * then sleep: where processors are shared, one that goes on spinning keeps the thread it waits for from
 * running, and training can slow down many times over. The OpenMP runtime reads how to wait before main, hence
 * the restart; who has set it keeps it, and where the restart fails all works as before, only less well shared. */
static void wait_asleep(char **argv) {
  if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") || getenv("KMP_BLOCKTIME")) return;
  char path[4096];
  if (!mixent_program_path(path, sizeof path) || setenv("OMP_WAIT_POLICY", "passive", 1) ||
      setenv("GOMP_SPINCOUNT", "1000", 1))
    return;
  execv(path, argv);
}

/* A standard descriptor that the caller has closed would be that of the next file to be opened, and what is printed would stand in it.
 * In its place stands one that cannot be written to. */
static void keep_standard_descriptors(void) {
  int descriptor;
  while ((descriptor = open("/dev/null", O_RDONLY)) >= 0 && descriptor <= STDERR_FILENO) continue;
  if (descriptor >= 0) close(descriptor);
}

/* Rank 0 alone speaks. What ends all ranks is said all the same (mixent_peers_abort). */
static void be_silent(void) {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  close(nowhere);
}

int main(int argc, char **argv) {
  keep_standard_descriptors();
  wait_asleep(argv);
  signal(SIGXFSZ, SIG_IGN); /* a file over the limit (ulimit -f) is a failed write, with a message */
  mixent_no_memory_prepare();
  mixent_process_name("mixent"); /* a study starts its runs as "exe" */
  mixent_status joined = mixent_peers_begin(&argc, &argv);
  if (mixent_peers_rank() > 0) be_silent();
  int code = joined == MIXENT_OK ? run_program(argc, argv) : mixent_failed(joined);
  if (mixent_output_lacked()) {
    int lacked = mixent_failed(mixent_no_memory("some of the output, which is missing above; run again"));
    if (code == MIXENT_EXIT_DONE) code = lacked;
  }
  mixent_events_end(code);
  /* What was printed must have arrived: a full disk behind '>' is a failure too. */
  int failed = fflush(stdout) != 0 ? errno : 0;
  if (code == MIXENT_EXIT_DONE &&
      (failed || ferror(stdout))) { /* stdio does not remember why an earlier write failed */
    fprintf(stderr, "mixent: writing to standard output failed%s%s\n", failed ? ": " : "",
            failed ? strerror(failed) : "");
    code = MIXENT_EXIT_FAILED;
  }
  mixent_peers_end(code);
  return code;
}
