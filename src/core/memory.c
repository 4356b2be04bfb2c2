/* Aligned memory, and a text that grows. */
#include "core/memory.h"
#include "core/locale.h"
#include "core/system.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HUGE_PAGE = 2 << 20, FROM_HUGE = 4 * HUGE_PAGE };

mixent_status mixent_allocate(size_t bytes, void **out) {
  bool huge = bytes >= FROM_HUGE;
  size_t alignment = huge ? HUGE_PAGE : 64;
  size_t rounded = bytes > SIZE_MAX - alignment ? 0 : (bytes + alignment - 1) / alignment * alignment;
  *out = NULL;
  if (bytes == 0) rounded = 64;
  if (rounded) *out = aligned_alloc(alignment, rounded);
  if (!*out) return mixent_no_memory("%zu bytes", bytes);
  if (huge) mixent_memory_prefer_large_pages(*out, rounded);
  memset(*out, 0, rounded);
  return MIXENT_OK;
}

mixent_status mixent_grow(void **items, size_t size, size_t count, const char *what) {
  if (count & (count - 1)) return MIXENT_OK;
  return mixent_resize(items, size, count > SIZE_MAX / 2 ? SIZE_MAX : count ? 2 * count : 1, what);
}

mixent_status mixent_resize(void **items, size_t size, size_t count, const char *what) {
  void *resized = count > SIZE_MAX / size ? NULL : realloc(*items, count ? count * size : size);
  if (!resized) return mixent_no_memory("%s", what);
  *items = resized;
  return MIXENT_OK;
}

/* What every new text comes to. */
static mixent_status check_text(const char *text) {
  return text ? MIXENT_OK : mixent_no_memory("a text");
}

mixent_status mixent_copy_text(const char *text, char **out) {
  *out = strdup(text);
  return check_text(*out);
}

mixent_status mixent_copy_start(const char *text, size_t length, char **out) {
  *out = strndup(text, length);
  return check_text(*out);
}

mixent_status mixent_print_text(char **out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  mixent_print_new(out, format, arguments);
  va_end(arguments);
  return check_text(*out);
}

/* Room for `more` bytes and the closing zero. */
static int reserve(mixent_text *text, size_t more) {
  if (text->failed) return 0;
  if (text->capacity - text->length > more) return 1;
  size_t capacity = 2 * text->capacity + more + 64;
  char *data = realloc(text->data, capacity);
  if (!data) {
    text->failed = 1;
    return 0;
  }
  text->data = data;
  text->capacity = capacity;
  return 1;
}

void mixent_text_append_bytes(mixent_text *text, const void *bytes, size_t count) {
  if (!reserve(text, count)) return;
  memcpy(text->data + text->length, bytes, count);
  text->length += count;
  text->data[text->length] = 0;
}

static void append_list(mixent_text *text, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = mixent_print_list(NULL, 0, format, arguments);
  if (length < 0 || !reserve(text, (size_t)length)) {
    text->failed = 1;
  } else {
    mixent_print_list(text->data + text->length, (size_t)length + 1, format, again);
    text->length += (size_t)length;
  }
  va_end(again);
}

void mixent_text_append(mixent_text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append_list(text, format, arguments);
  va_end(arguments);
}

void mixent_text_append_item(mixent_text *text, size_t index, const char *format, ...) {
  va_list arguments;
  if (index) mixent_text_append(text, ", ");
  va_start(arguments, format);
  append_list(text, format, arguments);
  va_end(arguments);
}

void mixent_text_append_names(mixent_text *text, const char *const *names) {
  for (size_t i = 0; names[i]; i++) mixent_text_append_item(text, i, "%s", names[i]);
}

mixent_status mixent_text_status(const mixent_text *text) {
  return text->failed ? mixent_no_memory("a text of %zu bytes", text->length) : MIXENT_OK;
}

void mixent_text_free(mixent_text *text) {
  free(text->data);
  *text = (mixent_text){0};
}
