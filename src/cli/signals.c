/* Handlers of signals: they set flags and say one line. */
#include "cli/signals.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop, continued;
static const char *promised;

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return; /* there is nobody to tell */
}

static void ask_to_stop(int signal) {
  int reason = errno; /* of the call that the signal came after */
  bool terminal = signal == SIGINT || signal == SIGTERM;
  if (!stop || terminal) {
    say("\n");
    say(promised);
    say(terminal ? "; once more ends at once\n" : "\n");
  }
  stop = 1;
  errno = reason;
}

static void count_continued(int signal) {
  (void)signal;
  continued++;
}

static void handle(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | flags}, before;
  sigemptyset(&action.sa_mask);
  /* a parent that has it ignored wants the work to go on without a terminal, without a reader */
  bool keeps = number == SIGHUP || number == SIGPIPE;
  if (keeps && sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN) return;
  sigaction(number, &action, NULL);
}

volatile sig_atomic_t *mixent_signals_watch(const char *promise) {
  promised = promise;
  handle(SIGINT, ask_to_stop, (int)SA_RESETHAND);
  handle(SIGTERM, ask_to_stop, (int)SA_RESETHAND);
  /* these may come again and again, from the system itself: no repetition ends the program */
  handle(SIGHUP, ask_to_stop, 0);
  handle(SIGXCPU, ask_to_stop, 0);
  handle(SIGPIPE, ask_to_stop, 0);
  handle(SIGCONT, count_continued, 0);
  return &stop;
}

const volatile sig_atomic_t *mixent_signals_continued(void) {
  return &continued;
}
