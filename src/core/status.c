/* The thread-local message of the last failure, and the nearest name for "did you mean". */
#include "core/status.h"
#include "core/locale.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[2048];

const char *mixent_last_error(void) {
  return last_error;
}

mixent_status(mixent_fail)(mixent_status status, const char *format, ...) {
  char message[sizeof last_error]; /* apart: an argument may be the last message itself */
  va_list arguments;
  va_start(arguments, format);
  mixent_print_list(message, sizeof message, format, arguments);
  va_end(arguments);
  memcpy(last_error, message, sizeof last_error);
  return status;
}

mixent_status(mixent_fail_within)(mixent_status status, const char *format, ...) {
  char context[512];
  va_list arguments;
  va_start(arguments, format);
  mixent_print_list(context, sizeof context, format, arguments);
  va_end(arguments);
  return mixent_fail(status, "%s: %s", context, last_error);
}

mixent_status(mixent_no_memory)(const char *what, ...) {
  char text[sizeof last_error];
  va_list arguments;
  va_start(arguments, what);
  mixent_print_list(text, sizeof text, what, arguments);
  va_end(arguments);
  return mixent_fail(MIXENT_ERROR_MEMORY, "no memory for %s", text);
}

mixent_status mixent_fail_null(const char *function, const char *pointer) {
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: %s is NULL; give a pointer", function, pointer);
}

/* Levenshtein distance, words cut at 63 characters; capital letters are as small ones. */
static size_t edit_distance(const char *a, const char *b) {
  size_t row[64];
  size_t n = strnlen(a, 63), m = strnlen(b, 63);
  for (size_t j = 0; j <= m; j++) row[j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t substitute = diagonal + (mixent_small_letter(a[i - 1]) != mixent_small_letter(b[j - 1]));
      diagonal = row[j];
      size_t insert_or_delete = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      row[j] = substitute < insert_or_delete ? substitute : insert_or_delete;
    }
  }
  return row[m];
}

/* Whether `word` is the first part of a name of several: "emnist" of "emnist-letters". */
static bool is_first_part(const char *word, const char *name) {
  while (*word && mixent_small_letter(*word) == mixent_small_letter(*name)) word++, name++;
  return !*word && (*name == '-' || *name == '_');
}

bool mixent_is_name(const char *word, const char *const *names) {
  while (*names && strcmp(*names, word) != 0) names++;
  return *names;
}

const char *mixent_nearest_name(const char *word, const char *const *names) {
  const char *best = NULL;
  size_t best_distance = 3 + strlen(word) / 4;
  for (size_t i = 0; names[i] && *word; i++)
    if (is_first_part(word, names[i])) return names[i];
  for (; *names; names++) {
    size_t distance = edit_distance(word, *names);
    if (distance < best_distance && distance < strlen(*names)) best = *names, best_distance = distance;
  }
  return best;
}

static const char *after_last_dot(const char *key) {
  const char *dot = strrchr(key, '.');
  return dot ? dot + 1 : key;
}

const char *mixent_nearest_key(const char *word, const char *const *keys) {
  const char *near = mixent_nearest_name(word, keys);
  for (; !near && *keys; keys++)
    if (strchr(*keys, '.') && strcmp(after_last_dot(*keys), after_last_dot(word)) == 0) near = *keys;
  return near;
}
