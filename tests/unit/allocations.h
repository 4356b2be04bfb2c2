/* Counts the allocations of a test program: include it in one file, set `counting`, read `allocations`.
 * COUNTS is 0 under sanitizers, which have allocators of their own. */
#ifndef MIXENT_TESTS_ALLOCATIONS_H
#define MIXENT_TESTS_ALLOCATIONS_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_int counting, allocations;
enum { LARGE = 16384 };

/* Counts what this program's own code allocates, and large pieces by anyone (oneDNN keeps the argument table
 * of each call in small memory of its own). */
static inline void count_allocation(size_t bytes, const void *caller) {
  if (!atomic_load(&counting)) return;
  Dl_info from = {0}, own = {0};
  dladdr(caller, &from);
  dladdr((void *)(uintptr_t)count_allocation, &own);
  if (bytes >= LARGE || from.dli_fbase == own.dli_fbase) atomic_fetch_add(&allocations, 1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t), *__libc_realloc(void *, size_t), *__libc_calloc(size_t, size_t),
    *__libc_memalign(size_t, size_t);
__attribute__((noinline)) void *malloc(size_t bytes) {
  count_allocation(bytes, __builtin_return_address(0));
  return __libc_malloc(bytes);
}
__attribute__((noinline)) void *calloc(size_t count, size_t bytes) {
  count_allocation(count * bytes, __builtin_return_address(0));
  return __libc_calloc(count, bytes);
}
__attribute__((noinline)) void *realloc(void *old, size_t bytes) {
  count_allocation(bytes, __builtin_return_address(0));
  return __libc_realloc(old, bytes);
}
__attribute__((noinline)) void *aligned_alloc(size_t alignment, size_t bytes) {
  count_allocation(bytes, __builtin_return_address(0));
  return __libc_memalign(alignment, bytes);
}
enum { COUNTS = 1 };
#else
enum { COUNTS = 0 };
#endif

static inline bool allocations_are_counted(void) {
  const char *preload = getenv("LD_PRELOAD");
  return COUNTS && !(preload && strstr(preload, "vgpreload"));
}

#endif
