/* Names in Unicode's normal form C, in which each name has one spelling: é is one code point, not e and an accent, which is
 * how some systems write it into file names. */
#ifndef MIXENT_CORE_UNICODE_H
#define MIXENT_CORE_UNICODE_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

/* `text` in normal form C, in new memory; what is not UTF-8 stays as it is. free(*out). */
mixent_status mixent_text_compose(const char *text, char **out);
/* Whether two texts are the same in normal form C. */
mixent_status mixent_text_same(const char *a, const char *b, bool *out);

/* Bytes of the UTF-8 character at `text` (RFC 3629), which ends in a zero at the latest; 0: it is none. */
size_t mixent_character_size(const char *text);
/* Columns of a terminal that the character takes: 2 of the wide ones of East Asia and of pictures, 0 of accents that stand over the
 * one before and of what has no width, else 1. */
int mixent_character_columns(const char *text);
/* Whether all of a text is UTF-8. */
bool mixent_is_utf8(const char *text);

#endif
