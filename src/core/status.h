/* Failing with a message: the one error path of the project.
 *   if (side < 16) return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: side %d is under 16", path, side);
 *   MIXENT_TRY(mixent_file_read(path, &bytes, &size));                                                  */
#ifndef MIXENT_CORE_STATUS_H
#define MIXENT_CORE_STATUS_H

#include "mixent/status.h"
#include <stdbool.h>

/* Stores the message for mixent_last_error() and returns `status`. */
mixent_status mixent_fail(mixent_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message of the last failure and returns `status` (for callers that know more).
 */
mixent_status mixent_fail_within(mixent_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__ /* it does not look into status.c: shows it that what failed does not return       \
                             MIXENT_OK */
#define mixent_fail(status, ...)        (mixent_fail(status, __VA_ARGS__), status)
#define mixent_fail_within(status, ...) (mixent_fail_within(status, __VA_ARGS__), status)
#endif

/* MIXENT_ERROR_MEMORY with "no memory for WHAT" as its message. */
mixent_status mixent_no_memory(const char *what, ...) __attribute__((format(printf, 1, 2)));
#ifdef __clang_analyzer__
#define mixent_no_memory(...) (mixent_no_memory(__VA_ARGS__), MIXENT_ERROR_MEMORY)
#endif

/* Returns from the enclosing function when `expression` fails. */
#define MIXENT_TRY(expression)                                                                               \
  do {                                                                                                       \
    mixent_status try_status_ = (expression);                                                                \
    if (try_status_ != MIXENT_OK) return try_status_;                                                        \
  } while (0)

/* Whether the system refused memory or a file: the next try may do better, so that nothing is called damaged or left out for it.
 */
static inline bool mixent_is_refusal(mixent_status status) {
  return status == MIXENT_ERROR_MEMORY || status == MIXENT_ERROR_IO;
}

/* In public functions, which check what they are given: where a pointer is NULL, returns MIXENT_ERROR_ARGUMENT, or in a
 * function without a status `value` (void: none), from the enclosing function. */
#define MIXENT_NEED(pointer)                                                                                 \
  do {                                                                                                       \
    if (!(pointer)) return mixent_fail_null(__func__, #pointer);                                             \
  } while (0)
#define MIXENT_NEED_OR(pointer, value)                                                                       \
  do {                                                                                                       \
    if (!(pointer)) {                                                                                        \
      mixent_fail_null(__func__, #pointer);                                                                  \
      return value;                                                                                          \
    }                                                                                                        \
  } while (0)
mixent_status mixent_fail_null(const char *function, const char *pointer);

/* Whether `word` is one of `names` (NULL-terminated). */
bool mixent_is_name(const char *word, const char *const *names);
/* The entry of `names` (NULL-terminated) that is nearest to `word`, for "did you mean": the first that begins with it as one of
 * its parts, else the nearest by edit distance, in capitals or not; NULL if none is near. */
const char *mixent_nearest_name(const char *word, const char *const *names);
/* The same of dotted keys: failing that, the first whose part after the last dot is the word's. */
const char *mixent_nearest_key(const char *word, const char *const *keys);

#endif
