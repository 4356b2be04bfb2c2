/* Exit codes of the program. A run that a signal stopped has 128 + the signal (signals.h). */
#ifndef MIXENT_CLI_EXIT_H
#define MIXENT_CLI_EXIT_H

enum {
  MIXENT_EXIT_NOT_YET = -1, /* no exit code: something is still to be run */
  MIXENT_EXIT_DONE = 0,
  MIXENT_EXIT_FAILED = 1,
  MIXENT_EXIT_WRONG_USE = 2
};

#endif
