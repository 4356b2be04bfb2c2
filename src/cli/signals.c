/* Handlers of signals: they set flags and say one line. */
#include "cli/signals.h"
#include "cli/exit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop, continued; /* stop: the number of the first signal */
static int passed_on;
static const char *promised;

/* Seconds in which signals of one number are one request: `timeout` signals its command and then its process group, a
 * batch system signals every process of a study, and so does the study. */
static const double ONE_REQUEST = 0.25;

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return; /* there is nobody to tell */
}

/* Since the first signal of that number; 0 at the first. Threads may be told of two signals at once. */
static double seconds_since(int number) {
  static atomic_llong first[NSIG]; /* nanoseconds; 0: there was none */
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long long begin = 0, time = 1000000000LL * now.tv_sec + now.tv_nsec;
  return atomic_compare_exchange_strong(&first[number], &begin, time) ? 0 : 1e-9 * (double)(time - begin);
}

static void ask_to_stop(int number, siginfo_t *information, void *context) {
  (void)context;
  int reason = errno; /* of the call that the signal came after */
  /* a study's signal (lab/study/worker.h) is what its runs may have been told before it, or may be told after it */
  bool of_study = information->si_code == SI_QUEUE;
  bool terminal = (number == SIGINT || number == SIGTERM) && !of_study;
  double seconds = terminal ? seconds_since(number) : 0;
  if (terminal && seconds >= ONE_REQUEST) { /* it ends the program once this handler returns */
    signal(number, SIG_DFL);
    raise(number);
  } else if (!stop || (terminal && seconds == 0)) {
    say("\n");
    say(promised);
    say(number == SIGINT || number == SIGTERM ? "; once more ends at once\n" : "\n");
  }
  if (!stop) stop = number;
  errno = reason;
}

static void count_continued(int signal, siginfo_t *information, void *context) {
  (void)signal, (void)information, (void)context;
  continued++;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *)) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_RESTART | SA_SIGINFO}, before;
  sigemptyset(&action.sa_mask);
  /* a parent that has it ignored wants the work to go on without a terminal, without a reader */
  bool keeps = number == SIGHUP || number == SIGPIPE;
  if (keeps && sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN) return;
  sigaction(number, &action, NULL);
}

volatile sig_atomic_t *mixent_signals_watch(const char *promise) {
  promised = promise;
  handle(SIGINT, ask_to_stop);
  handle(SIGTERM, ask_to_stop);
  /* these may come again and again, from the system itself: no repetition ends the program */
  handle(SIGHUP, ask_to_stop);
  handle(SIGXCPU, ask_to_stop);
  handle(SIGPIPE, ask_to_stop);
  handle(SIGCONT, count_continued);
  return &stop;
}

void mixent_signals_pass_on(int signal) {
  if (!passed_on) passed_on = signal;
}

int mixent_signals_exit_code(void) {
  int signal = stop ? stop : passed_on;
  return signal ? 128 + signal : MIXENT_EXIT_FAILED;
}

const volatile sig_atomic_t *mixent_signals_continued(void) {
  return &continued;
}
