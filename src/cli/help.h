/* The help of the program and of its commands, on standard output. */
#ifndef MIXENT_CLI_HELP_H
#define MIXENT_CLI_HELP_H

#include "cli/command.h"
#include "core/memory.h"

extern const char mixent_program_summary[];

typedef struct mixent_exit_meaning {
  const char *code, *meaning;
} mixent_exit_meaning;
extern const mixent_exit_meaning mixent_exit_meanings[]; /* code NULL after the last */

/* What `mixent help WORD...` says; returns the exit code. */
int mixent_help_print(const mixent_command *const *commands, int count, char **words);
void mixent_program_help_print(const mixent_command *const *commands);
void mixent_command_help_print(const mixent_command *command);

/* What else "Usage: mixent COMMAND" says: operands and options. */
void mixent_command_usage_append(const mixent_command *command, mixent_text *out);
/* An option's help with its choices and its default; free(out->data). */
void mixent_option_help_append(const mixent_command_option *option, mixent_text *out);

#endif
