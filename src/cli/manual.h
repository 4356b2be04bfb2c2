/* The man pages, written when the program is built. */
#ifndef MIXENT_CLI_MANUAL_H
#define MIXENT_CLI_MANUAL_H

#include "cli/command.h"

/* Writes into a directory: mixent.1, a page per command (mixent-train.1, mixent-data-get.1, …) and mixent-recipe.5. */
mixent_status mixent_manual_write(const mixent_command *const *commands, const char *directory);

#endif
