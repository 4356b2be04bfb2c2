/* What only some systems have: Linux's calls, and a fallback for each. */
#include "core/system.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __linux__
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#endif

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* 48 letters in twelve registers, with spaces on both sides. */
static void read_brand(char *out, size_t size) {
  unsigned registers[13] = {0};
  for (unsigned i = 0; i < 3; i++) {
    unsigned *four = registers + 4 * i;
    if (!__get_cpuid(0x80000002 + i, &four[0], &four[1], &four[2], &four[3])) return;
  }
  char *begin = (char *)registers, *end = begin + strlen(begin);
  while (*begin == ' ') begin++;
  while (end > begin && end[-1] == ' ') *--end = 0;
  if (*begin) snprintf(out, size, "%s", begin);
}
#else
static void read_brand(char *out, size_t size) {
  (void)out, (void)size;
}
#endif

/* Asked of the processor itself: no file stands between that could fail to open. */
void mixent_processor_name(char *out, size_t size) {
  struct utsname system;
  snprintf(out, size, "%s", uname(&system) == 0 ? system.machine : "unknown");
  read_brand(out, size);
}

int mixent_processors_count(void) {
  mixent_processors mine;
  mixent_processors_list(&mine);
  if (mine.count) return (int)mine.count;
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : (int)online;
}

#ifdef __linux__

void mixent_processors_list(mixent_processors *out) {
  cpu_set_t set;
  out->count = 0;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return;
  for (uint16_t cpu = 0; cpu < CPU_SETSIZE && cpu < MIXENT_MOST_PROCESSORS; cpu++)
    if (CPU_ISSET(cpu, &set)) out->numbers[out->count++] = cpu;
}

void mixent_process_pin(const mixent_processors *to) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t i = 0; i < to->count; i++) CPU_SET(to->numbers[i], &set);
  sched_setaffinity(0, sizeof set, &set);
}

bool mixent_process_follow(pid_t parent) {
  /* before the look at the parent: whoever dies in between is noticed */
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

void mixent_process_name(const char *name) {
  prctl(PR_SET_NAME, name);
}

const char mixent_program_self[] = "/proc/self/exe";

bool mixent_program_path(char *out, size_t size) {
  ssize_t length = readlink(mixent_program_self, out, size - 1);
  if (length <= 0) return false;
  out[length] = 0;
  return true;
}

uint64_t mixent_memory_installed(void) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

void mixent_memory_let_go(void *memory, size_t bytes) {
  madvise(memory, bytes, MADV_DONTNEED);
}

void mixent_memory_prefer_large_pages(void *memory, size_t bytes) {
  madvise(memory, bytes, MADV_HUGEPAGE);
}

int mixent_paths_exchange(const char *a, const char *b) {
  return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

#else

void mixent_processors_list(mixent_processors *out) {
  out->count = 0;
}

void mixent_process_pin(const mixent_processors *to) {
  (void)to;
}

bool mixent_process_follow(pid_t parent) {
  return getppid() == parent;
}

void mixent_process_name(const char *name) {
  (void)name;
}

const char mixent_program_self[] = "mixent";

bool mixent_program_path(char *out, size_t size) {
  (void)out, (void)size;
  return false;
}

uint64_t mixent_memory_installed(void) {
  return 0;
}

void mixent_memory_let_go(void *memory, size_t bytes) {
  (void)memory, (void)bytes;
}

void mixent_memory_prefer_large_pages(void *memory, size_t bytes) {
  (void)memory, (void)bytes;
}

int mixent_paths_exchange(const char *a, const char *b) {
  (void)a, (void)b;
  errno = ENOSYS;
  return -1;
}

#endif
