/* Numbers and words as the "C" locale has them, whatever locale the host has set: 0.5 is never 0,5. Files, recipes and
 * messages are read and written by these alone. */
#ifndef MIXENT_CORE_LOCALE_H
#define MIXENT_CORE_LOCALE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* snprintf, vsnprintf, vasprintf */
int mixent_print(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int mixent_print_list(char *out, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
int mixent_print_new(char **out, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* strtod */
double mixent_number_read(const char *text, char **end);

/* Whether two words differ at most in capital and small letters, of ASCII. */
bool mixent_same_word(const char *a, const char *b);
/* The same of their first `length` bytes; neither ends before. */
bool mixent_same_letters(const char *a, const char *b, size_t length);
/* A capital letter of ASCII becomes a small one. */
char mixent_small_letter(char letter);

#endif
