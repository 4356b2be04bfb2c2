/* What every command says on standard error, and the exit code that goes with it. */
#ifndef MIXENT_CLI_MESSAGE_H
#define MIXENT_CLI_MESSAGE_H

#include "cli/exit.h"
#include "mixent/status.h"
#include <stdbool.h>

/* "mixent: message" on stderr, MIXENT_EXIT_WRONG_USE. */
int mixent_wrong_use(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "mixent: warning: message" on stderr. */
void mixent_warning_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same of each line of a data set's note; NULL: there is none. */
void mixent_notes_print(const char *note);
/* The library's message on stderr; the exit code for that status: wrong use for MIXENT_ERROR_ARGUMENT, 128 +
 * the signal for MIXENT_ERROR_INTERRUPTED, else failed. */
int mixent_failed(mixent_status status);

/* The last failure, and what was said of it, as it was printed; status MIXENT_OK: nothing has failed. */
typedef struct mixent_failure {
  mixent_status status;
  char message[4096];
} mixent_failure;
extern const mixent_failure *const mixent_last_failure;

/* Something that was to be printed cannot be, for memory ran out: the program says so at its end and fails. */
void mixent_output_lacks(void);
/* Whether that happened. */
bool mixent_output_lacked(void);

#endif
