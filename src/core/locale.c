/* Each call sets the thread's locale (POSIX uselocale) and puts it back, so that other threads and the host see nothing. */
#include "core/locale.h"

#include <locale.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The thread's locale from now on is "C"; returns what it was. Where "C" cannot be made, which takes no memory in any C
 * library we know, nothing changes. */
static locale_t enter(void) {
  static _Atomic(locale_t) plain;
  locale_t there = atomic_load(&plain), none = (locale_t)0;
  if (!there && (there = newlocale(LC_ALL_MASK, "C", none)) &&
      !atomic_compare_exchange_strong(&plain, &none, there)) {
    freelocale(there); /* another thread was first */
    there = none;
  }
  return uselocale(there);
}

static void leave(locale_t before) {
  uselocale(before);
}

int mixent_print_list(char *out, size_t size, const char *format, va_list arguments) {
  locale_t before = enter();
  int length = vsnprintf(out, size, format, arguments);
  leave(before);
  return length;
}

int mixent_print(char *out, size_t size, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = mixent_print_list(out, size, format, arguments);
  va_end(arguments);
  return length;
}

int mixent_print_new(char **out, const char *format, va_list arguments) {
  locale_t before = enter();
  int length = vasprintf(out, format, arguments);
  leave(before);
  if (length < 0) *out = NULL;
  return length;
}

double mixent_number_read(const char *text, char **end) {
  locale_t before = enter();
  double value = strtod(text, end);
  leave(before);
  return value;
}

char mixent_small_letter(char letter) {
  return letter >= 'A' && letter <= 'Z' ? (char)(letter + ('a' - 'A')) : letter;
}

bool mixent_same_letters(const char *a, const char *b, size_t length) {
  size_t same = 0;
  while (same < length && mixent_small_letter(a[same]) == mixent_small_letter(b[same])) same++;
  return same == length;
}

bool mixent_same_word(const char *a, const char *b) {
  size_t length = strlen(a);
  return length == strlen(b) && mixent_same_letters(a, b, length);
}
