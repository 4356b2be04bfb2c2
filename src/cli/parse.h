/* From the words of a command line to a command's arguments. */
#ifndef MIXENT_CLI_PARSE_H
#define MIXENT_CLI_PARSE_H

#include "cli/command.h"

/* A command line that was read: the command and what its `run` takes. */
typedef struct mixent_command_call {
  const mixent_command *command;
  bool events; /* it is to print events, and a failure to read the other words is one (cli/events.h) */
  void *arguments;
  int operand_count;
  char **operands;
} mixent_command_call;

/* Reads the words after the program's name, and runs nothing. MIXENT_EXIT_NOT_YET: the call is to be run; else the exit
 * code, after a message or, for --help, the help. Always mixent_command_call_free. */
int mixent_command_parse(const mixent_command *const *commands, int argc, char **argv,
                         mixent_command_call *out);
void mixent_command_call_free(mixent_command_call *call);

#endif
