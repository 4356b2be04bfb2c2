/* LD_PRELOAD: makes calls into the system fail, each process for itself. Calls are counted from 1 in the order in which the
 * process makes them.
 *
 *   FAIL_KIND=KIND   counts calls of this kind, one of `kinds` below; memory (allocations) is the default
 *   FAIL_AT=N        the Nth call fails as the system would let it fail: no memory, a full or broken disk
 *   FAIL_ON=1        and so do all after it
 *   FAIL_ERROR=E     with this errno instead of the kind's own; 0: a read or write does half of what was asked
 *   FAIL_TRACE=FILE  FILE gets a line for each call whose stack was not seen before: the process, the call's number, and the
 *                    objects on its stack from the innermost one, so that a test can pick one failure for each place
 *   FAIL_EVERY=1     and for calls whose stack was seen before
 *   FAIL_PROGRAM=X   only processes of this name count calls
 *   FAIL_COUNT=FILE  each of these processes adds a byte to FILE, and so gets its number, from 1
 *   FAIL_PROCESS=K   only the process of this number fails
 *
 * Allocations and threads are wrapped. System calls are caught where the C library makes them, be it for the program, stdio or
 * SQLite: a seccomp filter turns each into a signal, whose handler makes the call, or fails it. The filter outlives exec, but
 * the next program's C library stands elsewhere. Error messages (descriptor 2) never fail, so that they can be judged. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { FRAMES = 48, STACKS = 1 << 16, NO_FILE = -1, NO_CALL = -1, CALLS_OF_A_KIND = 5 };

/* What can fail, how, and the system calls it is; they fill the front of the list. */
static const struct kind {
  const char *name;
  int error;
  long calls[CALLS_OF_A_KIND];
} kinds[] = {
    {"memory", ENOMEM, {NO_CALL}},
    {"thread", EAGAIN, {NO_CALL}},
    {"open", EIO, {SYS_openat, NO_CALL}},
    {"stat", EIO, {SYS_newfstatat, SYS_fstat, SYS_statx, NO_CALL}},
    {"read", EIO, {SYS_read, SYS_pread64, SYS_readv, NO_CALL}},
    {"readdir", EIO, {SYS_getdents64, NO_CALL}},
    {"write", ENOSPC, {SYS_write, SYS_pwrite64, SYS_writev, NO_CALL}},
    {"fsync", EIO, {SYS_fsync, SYS_fdatasync, NO_CALL}},
    {"rename", EIO, {SYS_rename, SYS_renameat, SYS_renameat2, SYS_link, NO_CALL}},
    {"mmap", ENOMEM, {SYS_mmap, SYS_mremap, NO_CALL}},
};

static atomic_long calls;
static long at, process = 1; /* at 0: no call is to fail */
static bool on, every, ready;
static int error;
static const struct kind *counted; /* NULL: none is */
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
  if (is_new(hash | 1) || every) {
    char line[512];
    const char *before = "";
    int length = snprintf(line, sizeof line, "%ld %ld", process, number);
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
static bool fails(void) {
  if (!ready || inside) return false;
  long number = atomic_fetch_add(&calls, 1) + 1;
  if (trace != NO_FILE) {
    inside = true;
    write_trace(number);
    inside = false;
  }
  return at && (number == at || (number > at && on));
}

/* Allocations, glibc's own names for what is wrapped; and threads. */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

static bool memory_fails(void) {
  if (counted != &kinds[0] || !fails()) return false;
  errno = error;
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

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static create *create_thread;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
  if (counted == &kinds[1] && fails()) return error;
  return create_thread(thread, attributes, run, argument);
}

/* System calls. Nobody blocks the signal that they become. */

typedef int change_mask(int, const sigset_t *, sigset_t *);

int pthread_sigmask(int how, const sigset_t *set, sigset_t *before) {
  void *found = dlsym(RTLD_NEXT, "pthread_sigmask");
  change_mask *change;
  sigset_t others;
  memcpy(&change, &found, sizeof found);
  if (set) others = *set;
  if (set && how != SIG_UNBLOCK) sigdelset(&others, SIGSYS);
  return change(how, set ? &others : NULL, before);
}

static long call(long number, const greg_t *of) {
  register long r10 __asm__("r10") = of[REG_R10], r8 __asm__("r8") = of[REG_R8],
                    r9 __asm__("r9") = of[REG_R9];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(of[REG_RDI]), "S"(of[REG_RSI]), "d"(of[REG_RDX]), "r"(r10), "r"(r8),
                     "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* In place of a system call of the C library. */
static void catch_call(int signal_number, siginfo_t *info, void *context) {
  (void)signal_number;
  greg_t *of = ((ucontext_t *)context)->uc_mcontext.gregs;
  int before = errno;
  bool message = counted->calls[0] == SYS_write && of[REG_RDI] == STDERR_FILENO, fail = !message && fails();
  errno = before;
  if (fail && !error && of[REG_RDX] > 1) of[REG_RDX] /= 2;
  of[REG_RAX] = fail && error ? -error : call(info->si_syscall, of);
}

static int find_code(struct dl_phdr_info *object, size_t size, void *out) {
  (void)size;
  uintptr_t *range = out, of_library = (uintptr_t)&__libc_malloc;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    uintptr_t begin = object->dlpi_addr + part->p_vaddr, end = begin + part->p_memsz;
    if (part->p_type == PT_LOAD && of_library >= begin && of_library < end)
      return range[0] = begin, range[1] = end, 1;
  }
  return 0;
}

/* Should the library's code lie across a multiple of 4 GB, then some calls go uncaught. */
static bool catch_calls(const long *numbers) {
  uintptr_t range[2];
  if (!dl_iterate_phdr(find_code, range)) return false;
  struct sock_filter program[16];
  int count = 0, caught = 0;
  while (numbers[caught] != NO_CALL) caught++;
  enum {
    LOAD = BPF_LD | BPF_W | BPF_ABS,
    EQUAL = BPF_JMP | BPF_JEQ | BPF_K,
    NOT_BELOW = BPF_JMP | BPF_JGE | BPF_K
  };
  const int address = offsetof(struct seccomp_data, instruction_pointer);
  program[count++] = (struct sock_filter)BPF_STMT(LOAD, address + 4);
  program[count++] = (struct sock_filter)BPF_JUMP(EQUAL, (uint32_t)(range[0] >> 32), 0, caught + 4);
  program[count++] = (struct sock_filter)BPF_STMT(LOAD, address);
  program[count++] = (struct sock_filter)BPF_JUMP(NOT_BELOW, (uint32_t)range[0], 0, caught + 2);
  program[count++] = (struct sock_filter)BPF_JUMP(NOT_BELOW, (uint32_t)range[1], caught + 1, 0);
  program[count++] = (struct sock_filter)BPF_STMT(LOAD, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < caught; i++)
    program[count++] = (struct sock_filter)BPF_JUMP(EQUAL, (uint32_t)numbers[i], caught - i, 0);
  program[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  program[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  const struct sock_fprog filter = {.len = (unsigned short)count, .filter = program};
  const struct sigaction action = {.sa_sigaction = catch_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
  return sigaction(SIGSYS, &action, NULL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static void give_up(const char *why) {
  dprintf(STDERR_FILENO, "fail: %s: %s\n", why, strerror(errno));
  _exit(99);
}

/* The number of this process in the file that counts them. */
static long count_process(const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0 || write(file, ".", 1) != 1) give_up(path);
  long number = lseek(file, 0, SEEK_CUR);
  close(file);
  return number;
}

static long number_of(const char *variable, long otherwise) {
  const char *text = getenv(variable);
  return text ? atol(text) : otherwise;
}

/* Before the program's own initialisers, as far as the loader allows it. */
__attribute__((constructor(101))) static void begin(void) {
  const char *path = getenv("FAIL_TRACE"), *program = getenv("FAIL_PROGRAM"),
             *processes = getenv("FAIL_COUNT");
  const char *kind = getenv("FAIL_KIND");
  void *found = dlsym(RTLD_NEXT, "pthread_create"), *frames[4];
  memcpy(&create_thread, &found, sizeof found);
  if (program && strcmp(program, program_invocation_short_name) != 0) return;
  inside = true;
  if (processes) process = count_process(processes);
  if (number_of("FAIL_PROCESS", process) != process) return;
  backtrace(frames, 4); /* its first call loads a library */
  signal(SIGSEGV, tell_crash);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kind ? kind : "memory", kinds[i].name) == 0) counted = &kinds[i];
  if (!counted) give_up("no such kind");
  error = (int)number_of("FAIL_ERROR", counted->error);
  on = number_of("FAIL_ON", 0);
  every = number_of("FAIL_EVERY", 0);
  at = number_of("FAIL_AT", 0);
  if (path) trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (counted->calls[0] != NO_CALL && !catch_calls(counted->calls)) give_up("catch system calls");
  inside = false;
  ready = true;
}
