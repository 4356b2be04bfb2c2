/* Messages on standard error. What comes from outside stands in most of them: a terminal must not obey it. */
#include "cli/message.h"
#include "cli/signals.h"
#include "core/layout.h"
#include "core/printable.h"
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>

static mixent_failure failure;
const mixent_failure *const mixent_last_failure = &failure;

static void print_message(const char *mark, const char *message) {
  fflush(stdout);
  fprintf(stderr, "mixent: %s%s\n", mark, message);
}

static void fail(mixent_status status, const char *message) {
  const char *printable = mixent_printable_message(message);
  print_message("", printable);
  failure.status = status;
  snprintf(failure.message, sizeof failure.message, "%s", printable);
}

int mixent_wrong_use(const char *format, ...) {
  char message[sizeof failure.message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  fail(MIXENT_ERROR_ARGUMENT, message);
  return MIXENT_EXIT_WRONG_USE;
}

void mixent_warning_print(const char *format, ...) {
  char message[sizeof failure.message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  print_message("warning: ", mixent_printable_message(message));
}

static void print_note(void *context, const char *line) {
  (void)context;
  mixent_warning_print("%s", line);
}

void mixent_notes_print(const char *note) {
  mixent_lines_visit(note, print_note, NULL);
}

int mixent_failed(mixent_status status) {
  fail(status, mixent_last_error());
  if (status == MIXENT_ERROR_INTERRUPTED) return mixent_signals_exit_code();
  return status == MIXENT_ERROR_ARGUMENT ? MIXENT_EXIT_WRONG_USE : MIXENT_EXIT_FAILED;
}

static bool output_lacks;

void mixent_output_lacks(void) {
  output_lacks = true;
}

bool mixent_output_lacked(void) {
  return output_lacks || mixent_printable_lacked();
}
