/* Normal form C by utf8proc. ASCII, which most names are, is in it already. */
#include "core/unicode.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool is_ascii(const char *text) {
  while (*text && (unsigned char)*text < 0x80) text++;
  return *text == 0;
}

mixent_status mixent_text_compose(const char *text, char **out) {
  utf8proc_uint8_t *composed = NULL;
  utf8proc_ssize_t length = UTF8PROC_ERROR_INVALIDUTF8;
  if (!is_ascii(text))
    length = utf8proc_map((const utf8proc_uint8_t *)text, 0, &composed,
                          UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  *out = length >= 0 ? (char *)composed : NULL;
  if (*out) return MIXENT_OK;
  return length == UTF8PROC_ERROR_NOMEM ? mixent_no_memory("a text") : mixent_copy_text(text, out);
}

mixent_status mixent_text_same(const char *a, const char *b, bool *out) {
  char *first, *second;
  *out = strcmp(a, b) == 0;
  if (*out || (is_ascii(a) && is_ascii(b))) return MIXENT_OK;
  MIXENT_TRY(mixent_text_compose(a, &first));
  mixent_status status = mixent_text_compose(b, &second);
  *out = status == MIXENT_OK && strcmp(first, second) == 0;
  free(first);
  free(second);
  return status;
}
