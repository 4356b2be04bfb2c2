/* What the program does when C++ code of a library finds no memory. */
#ifndef MIXENT_CLI_NO_MEMORY_H
#define MIXENT_CLI_NO_MEMORY_H

/* From now on an operator new that fails ends the program with a message and exit code 1. */
void mixent_no_memory_prepare(void);

#endif
