/* Aligned memory, and a text that grows. Failure is a status, never an abort. */
#ifndef MIXENT_CORE_MEMORY_H
#define MIXENT_CORE_MEMORY_H

#include "core/status.h"
#include <stddef.h>

/* `*out` becomes `bytes` zeroed bytes aligned to 64, or NULL with MIXENT_ERROR_MEMORY. Free with free(). */
mixent_status mixent_allocate(size_t bytes, void **out);

/* Typed form: float *x; MIXENT_TRY(MIXENT_ALLOCATE(count, &x)); */
#define MIXENT_ALLOCATE(count, out) mixent_allocate((size_t)(count) * sizeof **(out), (void **)(out))

/* Room for one more item in an array that only this has grown: `count` items of `size` bytes each are in it, none at first (NULL). The array
 * doubles when it is full, which it is at 0, 1, 2, 4, 8, … items, so that no capacity has to be kept; it may be emptied and filled again. `what` is for the message. */
mixent_status mixent_grow(void **items, size_t size, size_t count, const char *what);
/* Typed form: float *x; MIXENT_TRY(MIXENT_GROW(&x, count, "the values")); x[count++] = …; */
#define MIXENT_GROW(items, count, what) mixent_grow((void **)(items), sizeof **(items), (size_t)(count), what)

/* Room for `count` items, where the caller knows how many come. If memory lacks, the array stays as it is. */
mixent_status mixent_resize(void **items, size_t size, size_t count, const char *what);
#define MIXENT_RESIZE(items, count, what)                                                                    \
  mixent_resize((void **)(items), sizeof **(items), (size_t)(count), what)

/* `*out` becomes a copy of a text, a copy of its first `length` bytes, or a text by printf's rules (numbers as in the "C" locale); NULL with
 * MIXENT_ERROR_MEMORY. Free with free(). */
mixent_status mixent_copy_text(const char *text, char **out);
mixent_status mixent_copy_start(const char *text, size_t length, char **out);
mixent_status mixent_print_text(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text that grows. Start from {0}; after a failed append `failed` stays set and later appends do nothing,
 * so that only the end needs a check. */
typedef struct mixent_text {
  char *data; /* zero-terminated once something was appended */
  size_t length, capacity;
  int failed;
} mixent_text;

void mixent_text_append(mixent_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void mixent_text_append_bytes(mixent_text *text, const void *bytes, size_t count);
/* The item of a list at `index`, from 0: all but the first stand behind ", ". */
void mixent_text_append_item(mixent_text *text, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "a, b, c"; NULL ends the names. */
void mixent_text_append_names(mixent_text *text, const char *const *names);
mixent_status mixent_text_status(const mixent_text *text);
void mixent_text_free(mixent_text *text);

/* Deflate makes no more bytes of one: what is allocated for unpacking is held against what is there to unpack. */
enum { MIXENT_MOST_INFLATION = 1032 };

#endif
