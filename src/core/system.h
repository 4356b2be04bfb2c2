/* What only some systems have: all of it stands here, each with a fallback for the others. */
#ifndef MIXENT_CORE_SYSTEM_H
#define MIXENT_CORE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The processor's name; elsewhere than on Linux the kind of machine. */
void mixent_processor_name(char *out, size_t size);

/* Processors by their numbers. */
enum { MIXENT_MOST_PROCESSORS = 1024 };
typedef struct mixent_processors {
  size_t count;
  uint16_t numbers[MIXENT_MOST_PROCESSORS];
} mixent_processors;
/* Those that this process may use; count 0 where the system does not tell. */
void mixent_processors_list(mixent_processors *out);
/* How many they are, at least 1. */
int mixent_processors_count(void);
/* Keeps this process to these processors, if the system can. Safe between fork and exec. */
void mixent_process_pin(const mixent_processors *to);

/* Ends this process when `parent` ends; false if it has ended already. Safe between fork and exec. Where the system cannot do that,
 * a child that goes on alone ends at its next write to the parent's pipe. */
bool mixent_process_follow(pid_t parent);
/* What process lists call this process. */
void mixent_process_name(const char *name);

/* A path that starts this very program again, also where another one has taken its name meanwhile; elsewhere its name. */
extern const char mixent_program_self[];
/* The path of this program; false where the system does not tell. */
bool mixent_program_path(char *out, size_t size);

/* Bytes of memory that the machine has; 0 where the system does not tell. */
uint64_t mixent_memory_installed(void);
/* Of a mapped file: pages need not stay in memory, and are read again when they are needed. */
void mixent_memory_let_go(void *memory, size_t bytes);
/* Asks for large pages: fewer pages to look up for values that lie far apart. */
void mixent_memory_prefer_large_pages(void *memory, size_t bytes);

/* Exchanges two paths in one step: 0, or -1 with errno, which is ENOSYS, EINVAL or EOPNOTSUPP where that cannot be done. */
int mixent_paths_exchange(const char *a, const char *b);

#endif
