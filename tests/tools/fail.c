/* LD_PRELOAD: makes calls into the system fail, each process for itself. Calls are counted from 1 in the order in which the
 * process makes them.
 *
 *   FAIL_KIND=KIND   counts calls of this kind: memory (allocations, which is the default), open
 *   FAIL_AT=N        the Nth call fails as the system would let it fail: no memory, a broken disk
 *   FAIL_ON=1        and so do all after it
 *   FAIL_TRACE=FILE  FILE gets a line for each call whose stack was not seen before: its number, and the objects on its stack
 *                    from the innermost one, so that a test can pick one failure for each place in the program
 *   FAIL_MARK=FILE   is made when the first call fails; of several processes only the first one fails
 *   FAIL_PROGRAM=X   only processes of this name count calls
 *
 * To add a kind: a wrapper at the end that asks fails(). A forked child counts on from its parent's number. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES = 48, STACKS = 1 << 16, NO_FILE = -1 };

static atomic_long calls;
static atomic_bool failed;
static long at; /* 0: no call is to fail */
static bool on, ready;
static const char *mark, *counted = "memory"; /* the kind */
static int trace = NO_FILE;
static uint64_t seen[STACKS]; /* hashes of stacks, open addressing; 0: free */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool inside; /* what this file itself calls is not counted */

/* A crash tells in which object it was: those of libraries are told from our own. */
static void tell_crash(int number) {
  void *frames[FRAMES];
  Dl_info info;
  inside = true;
  int count = backtrace(frames, FRAMES);
  /* this function, the kernel's return, and where it crashed */
  dprintf(STDERR_FILENO, "fail: signal %d in %s\n", number,
          count > 2 && dladdr(frames[2], &info) && info.dli_fname ? info.dli_fname : "?");
  signal(number, SIG_DFL);
  raise(number);
}

/* Before the program's own initialisers, as far as the loader allows it. */
__attribute__((constructor(101))) static void begin(void) {
  const char *number = getenv("FAIL_AT"), *path = getenv("FAIL_TRACE"), *program = getenv("FAIL_PROGRAM");
  if (program && strcmp(program, program_invocation_short_name) != 0) return;
  void *frames[4];
  inside = true;
  backtrace(frames, 4); /* its first call loads a library */
  inside = false;
  signal(SIGSEGV, tell_crash);
  mark = getenv("FAIL_MARK");
  if (getenv("FAIL_KIND")) counted = getenv("FAIL_KIND");
  on = getenv("FAIL_ON") != NULL;
  at = number ? atol(number) : 0;
  if (path) trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  ready = true;
}

static bool is_new(uint64_t hash) {
  for (uint64_t i = hash % STACKS, n = 0; n < STACKS; i = (i + 1) % STACKS, n++) {
    if (seen[i] == hash) return false;
    if (seen[i]) continue;
    seen[i] = hash;
    return true;
  }
  return false;
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void write_trace(long number) {
  void *frames[FRAMES];
  int count = backtrace(frames, FRAMES);
  uint64_t hash = 14695981039346656037u; /* FNV-1a over the return addresses */
  for (int i = 2; i < count; i++) hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211u;
  pthread_mutex_lock(&lock);
  if (is_new(hash | 1)) {
    char line[512];
    const char *before = "";
    int length = snprintf(line, sizeof line, "%ld", number);
    for (int i = 2; i < count && length < 400; i++) {
      Dl_info info;
      const char *object = dladdr(frames[i], &info) && info.dli_fname ? last_part(info.dli_fname) : "?";
      if (strcmp(object, before) != 0) length += snprintf(line + length, 100, " %.60s", object);
      before = object;
    }
    line[length++] = '\n';
    if (write(trace, line, (size_t)length) != length) abort();
  }
  pthread_mutex_unlock(&lock);
}

/* Whether this call is to fail. */
static bool fails(const char *kind) {
  if (!ready || inside || strcmp(kind, counted) != 0) return false;
  long number = atomic_fetch_add(&calls, 1) + 1;
  if (trace != NO_FILE) {
    inside = true;
    write_trace(number);
    inside = false;
  }
  if (!at || number < at || (number > at && !on)) return false;
  if (mark && !atomic_load(&failed)) {
    int file = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) return at = 0, false; /* another process was first */
    close(file);
  }
  atomic_store(&failed, true);
  return true;
}

/* Allocations, glibc's own names for what is wrapped. */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

static bool memory_fails(void) {
  if (!fails("memory")) return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t bytes) {
  return memory_fails() ? NULL : __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  return memory_fails() ? NULL : __libc_calloc(count, bytes);
}
void *realloc(void *old, size_t bytes) {
  return memory_fails() ? NULL : __libc_realloc(old, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  return memory_fails() ? NULL : __libc_memalign(alignment, bytes);
}
void *memalign(size_t alignment, size_t bytes) {
  return memory_fails() ? NULL : __libc_memalign(alignment, bytes);
}
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  if (memory_fails()) return ENOMEM;
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : ENOMEM;
}

/* Files: a disk that cannot be read. */

static int open_or_fail(const char *path, int flags, mode_t mode) {
  if (!fails("open")) return openat(AT_FDCWD, path, flags, mode);
  errno = EIO;
  return -1;
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_or_fail(path, flags, mode);
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
