/* oneDNN is C++: where its operator new finds no memory it throws, and nothing above C catches that. The program ends before, as it
 * does wherever memory runs out: with a message and exit code 1. Files are whole at any moment. */
#include "cli/no_memory.h"
#include "cli/events.h"
#include "peers/peers.h"

#include <dlfcn.h>
#include <string.h>

static void end_without_memory(void) {
#define MESSAGE "no memory inside oneDNN; free some memory, or take a smaller batch"
  mixent_events_die(MESSAGE);
  mixent_peers_abort(MESSAGE);
}

void mixent_no_memory_prepare(void) {
  typedef void handler(void);
  handler *(*set_new_handler)(handler *);
  /* std::set_new_handler, by its name in the C++ ABI: libstdc++ is there if oneDNN is, and nothing else here is C++ */
  void *found = dlsym(RTLD_DEFAULT, "_ZSt15set_new_handlerPFvvE");
  memcpy(&set_new_handler, &found, sizeof found);
  if (found) set_new_handler(end_without_memory);
}
