/* One process: rank 0 of 1. */
#include "core/printable.h"
#include "peers/exchange.h"
#include "peers/peers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

mixent_status mixent_peers_begin(int *argc, char ***argv) {
  (void)argc, (void)argv;
  return MIXENT_OK;
}

void mixent_peers_end(int code) {
  (void)code;
}

const char *mixent_peers_library(void) {
  return NULL;
}

int mixent_peers_rank(void) {
  return 0;
}

int mixent_peers_count(void) {
  return 1;
}

mixent_status mixent_peers_gather(const void *mine, size_t bytes, void *all) {
  if (mine != all) memcpy(all, mine, bytes);
  return MIXENT_OK;
}

mixent_status mixent_peers_agree(mixent_status status) {
  return status;
}

void mixent_peers_abort(const char *message) {
  fprintf(stderr, "mixent: %s\n", mixent_printable_message(message));
  _exit(1);
}

mixent_status mixent_exchange_create(float *const *arrays, int local, size_t count, size_t bucket, float *out,
                                     mixent_exchange **exchange) {
  (void)arrays, (void)local, (void)count, (void)bucket, (void)out;
  *exchange = NULL;
  return MIXENT_OK;
}

void mixent_exchange_connect(mixent_exchange *exchange) {
  (void)exchange;
}

void mixent_exchange_free(mixent_exchange *exchange) {
  (void)exchange;
}

bool mixent_exchange_advance(mixent_exchange *exchange, size_t complete_from) {
  (void)exchange;
  return complete_from == 0;
}
