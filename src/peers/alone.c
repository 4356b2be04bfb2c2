/* One process: rank 0 of 1. */
#include "core/printable.h"
#include "peers/peers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

mixent_status mixent_peers_begin(int *argc, char ***argv) {
  (void)argc, (void)argv;
  return MIXENT_OK;
}

void mixent_peers_end(void) {}

bool mixent_peers_with_mpi(void) {
  return false;
}

int mixent_peers_rank(void) {
  return 0;
}

int mixent_peers_count(void) {
  return 1;
}

mixent_status mixent_peers_gather(const void *mine, size_t bytes, void *all) {
  memcpy(all, mine, bytes);
  return MIXENT_OK;
}

mixent_status mixent_peers_agree(mixent_status status) {
  return status;
}

void mixent_peers_abort(const char *message) {
  fprintf(stderr, "mixent: %s\n", mixent_printable_message(message));
  _exit(1);
}
