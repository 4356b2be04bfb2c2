/* From the words of a command line to a command's arguments. */
#ifndef MIXENT_CLI_PARSE_H
#define MIXENT_CLI_PARSE_H

#include "cli/command.h"

/* Parses the words after the command's name and runs it; returns the exit code. --help prints the help. */
int mixent_command_run(const mixent_command *command, int argc, char **argv);

#endif
