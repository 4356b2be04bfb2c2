/* What may follow on a command line, for the completion of shells (src/cli/completion). */
#ifndef MIXENT_CLI_COMPLETE_H
#define MIXENT_CLI_COMPLETE_H

#include "cli/command.h"

/* `words` stand after the program's name; the last is the one to complete, as far as it is typed. Prints what it can be, a
 * line each, "WORD\tHELP"; a WORD that ends in '=' goes on. The line ":files" says that files fit, too: after the '=', if the
 * word to complete has one. Returns the exit code. */
int mixent_completions_print(const mixent_command *const *commands, int count, char **words);

#endif
