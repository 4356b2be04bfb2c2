/* `mixent compare --ledger DIR`: every comparison below a directory. */
#ifndef MIXENT_CLI_COMPARE_LEDGER_H
#define MIXENT_CLI_COMPARE_LEDGER_H

#include <stdbool.h>

/* Returns the exit code. */
int mixent_compare_ledger(const char *directory, bool json);

#endif
