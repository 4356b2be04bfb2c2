/* Which signals end a program that was asked to stop: a second one does, the study's own does not. */
#include "cli/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { STUDY, OTHER };

static void wait_for_more_than_one_request(void) {
  usleep(300000);
}

/* Sends itself SIGTERM from each of those, one after the other; how the process ended, as of waitpid. */
static int end_by(const int *senders, int count) {
  int state = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const volatile sig_atomic_t *stop = mixent_signals_watch("finishing");
    for (int i = 0; i < count; i++) {
      if (i) wait_for_more_than_one_request();
      if (senders[i] == STUDY)
        sigqueue(getpid(), SIGTERM, (union sigval){0});
      else
        kill(getpid(), SIGTERM);
      for (int wait = 0; wait < 1000 && *stop != SIGTERM; wait++)
        usleep(1000); /* ThreadSanitizer delivers late */
      if (*stop != SIGTERM) _exit(99);
    }
    _exit(mixent_signals_exit_code());
  }
  assert_int_equal(waitpid(child, &state, 0), child);
  return state;
}

static void test_a_second_signal_ends_at_once(void **state) {
  (void)state;
  int end = end_by((const int[]){OTHER, OTHER}, 2);
  assert_true(WIFSIGNALED(end) && WTERMSIG(end) == SIGTERM);
}

static void test_the_signal_of_a_study_is_no_second_one(void **state) {
  (void)state;
  static const int orders[][2] = {{OTHER, STUDY}, {STUDY, OTHER}, {STUDY, STUDY}};
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    int end = end_by(orders[i], 2);
    assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 128 + SIGTERM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_second_signal_ends_at_once),
                                     cmocka_unit_test(test_the_signal_of_a_study_is_no_second_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
