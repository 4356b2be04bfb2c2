/* Signals that ask long work to stop, or tell that it was stopped for a while. */
#ifndef MIXENT_CLI_SIGNALS_H
#define MIXENT_CLI_SIGNALS_H

#include <signal.h>

/* A flag that becomes the number of the signal by which the work is to be kept and ended: Ctrl-C (SIGINT) and SIGTERM, of
 * which a second one, a quarter of a second later or more, ends the program at once; SIGHUP, unless it was ignored at the
 * start (nohup); SIGXCPU; and SIGPIPE, where nobody reads standard output any more. `promise` says on standard error what
 * happens then ("finishing this step and saving"). */
volatile sig_atomic_t *mixent_signals_watch(const char *promise);

/* A process of ours was stopped by that signal and has saved: the exit code says so. */
void mixent_signals_pass_on(int signal);

/* The exit code of work that was kept and can go on: 128 + the signal that stopped it, as shells count. */
int mixent_signals_exit_code(void);

/* Counts how often the process went on after a stop (Ctrl-Z and fg: SIGCONT), since mixent_signals_watch. */
const volatile sig_atomic_t *mixent_signals_continued(void);

#endif
