/* Writing and reading JSON with every failure told. */
#include "core/json.h"
#include "core/memory.h"
#include "core/unicode.h"

#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* jansson's reader looks at no result of the buffer in which it collects a number or a text, its writer at none of a key's: what
 * does not fit is left out, or an assertion ends the process. So both are left at the first allocation that fails, as by an
 * exception. What they had made by then is lost: less than a value that lacks a digit. */
static _Thread_local jmp_buf *way_out; /* NULL: neither is at work in this thread */
static _Thread_local bool ran_out;     /* since the last text was written */
static json_malloc_t allocate;

static void *allocate_or_leave(size_t bytes) {
  void *memory = allocate(bytes);
  ran_out |= !memory;
  if (!memory && way_out) longjmp(*way_out, 1);
  return memory;
}

/* Before main: no thread can be using jansson yet. Functions that a host has set stay in use. */
__attribute__((constructor)) static void watch_allocations(void) {
  json_free_t release;
  json_get_alloc_funcs(&allocate, &release);
  json_set_alloc_funcs(allocate_or_leave, release);
}

static bool is_watched(json_free_t *release) {
  json_malloc_t current;
  json_get_alloc_funcs(&current, release);
  return current == allocate_or_leave;
}

/* Before the library is unloaded. Functions that a host has set since then stay in use. */
__attribute__((destructor)) static void leave_allocations(void) {
  json_free_t release;
  if (is_watched(&release)) json_set_alloc_funcs(allocate, release);
}

static void spoil(json_t **json) {
  json_decref(*json);
  *json = NULL;
}

void mixent_json_set(json_t **object, const char *key, json_t *value) {
  if (json_object_set_new(*object, key, value) != 0) spoil(object);
}

void mixent_json_append(json_t **array, json_t *value) {
  if (json_array_append_new(*array, value) != 0) spoil(array);
}

json_t *mixent_json_text(const char *text) {
  if (text && mixent_is_utf8(text)) return json_string(text);
  char *copy = NULL;
  if (text) mixent_copy_text(text, &copy);
  for (char *letter = copy; letter && *letter; letter++)
    if ((unsigned char)*letter >= 0x80) *letter = '?';
  json_t *json = copy ? json_string(copy) : NULL;
  ran_out |= !json;
  free(copy);
  return json;
}

json_t *mixent_json_number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

json_t *mixent_json_texts(char *const *texts, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) mixent_json_append(&array, json_string(texts[i]));
  return array;
}

mixent_status mixent_json_write(json_t *json, size_t flags, char **out) {
  jmp_buf here;
  json_free_t release;
  bool lacks_memory = json || ran_out || !is_watched(&release);
  *out = NULL;
  if (json && setjmp(here) == 0) {
    way_out = &here;
    *out = json_dumps(json, flags);
  }
  way_out = NULL;
  ran_out = false;
  json_decref(json);
  if (*out) return MIXENT_OK;
  return lacks_memory
             ? mixent_no_memory("JSON")
             : mixent_fail(MIXENT_ERROR_FORMAT,
                           "cannot write JSON: expected texts in UTF-8 and finite numbers, got others");
}

/* How many values a text holds at most: one before each bracket, comma and colon outside of texts, and the last. */
static size_t count_values(const char *text, size_t size) {
  size_t count = 1;
  bool within = false;
  for (size_t i = 0; i < size; i++) {
    char letter = text[i];
    if (within && letter == '\\')
      i++;
    else if (letter == '"')
      within = !within;
    else if (!within)
      count += letter == ',' || letter == ':' || letter == '[' || letter == '{';
  }
  return count;
}

mixent_status mixent_json_parse(const char *text, size_t size, size_t flags, const char *origin,
                                json_t **out) {
  return mixent_json_parse_at(text, size, flags, origin, 1, out);
}

mixent_status mixent_json_parse_at(const char *text, size_t size, size_t flags, const char *origin,
                                   size_t line, json_t **out) {
  json_error_t error;
  jmp_buf here;
  *out = NULL;
  if (count_values(text, size) > MIXENT_JSON_VALUES)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected JSON of at most %d values, got more", origin,
                       MIXENT_JSON_VALUES);
  bool left = false;
  if (setjmp(here) == 0) {
    way_out = &here;
    *out = json_loadb(text, size, flags, &error);
  } else {
    left = true;
  }
  way_out = NULL;
  if (left) return mixent_no_memory("%s", origin);
  if (*out) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%d: %s", origin, line + (size_t)error.line - 1,
                     error.column, error.text);
}

void mixent_json_replace_not_finite(char *text, const char *end) {
  static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
  bool within = false;
  for (char *at = text; at < end; at++) {
    if (within && *at == '\\') {
      at++;
    } else if (*at == '"') {
      within = !within;
    } else if (!within) {
      for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(end - at) < length || memcmp(at, words[i], length) != 0) continue;
        memset(at, ' ', length);
        memcpy(at, "\"?\"", 3);
        at += length - 1;
        break;
      }
    }
  }
}
