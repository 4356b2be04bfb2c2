/* Messages on standard error. What comes from outside stands in most of them: a terminal must not obey it. */
#include "cli/message.h"
#include "cli/signals.h"
#include "core/printable.h"
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 0))) static void print_message(const char *mark, const char *format,
                                                                va_list arguments) {
  char message[4096];
  vsnprintf(message, sizeof message, format, arguments);
  fflush(stdout);
  fprintf(stderr, "mixent: %s%s\n", mark, mixent_printable_message(message));
}

int mixent_wrong_use(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_message("", format, arguments);
  va_end(arguments);
  return MIXENT_EXIT_WRONG_USE;
}

void mixent_warning_print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_message("warning: ", format, arguments);
  va_end(arguments);
}

int mixent_failed(mixent_status status) {
  fflush(stdout);
  fprintf(stderr, "mixent: %s\n", mixent_printable_message(mixent_last_error()));
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
