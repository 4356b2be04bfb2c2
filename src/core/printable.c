/* Escapes for what a terminal must not be sent. */
#include "core/printable.h"
#include "core/layout.h"
#include "core/unicode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t code_point(const char *text, size_t size) {
  const uint8_t *at = (const uint8_t *)text;
  if (size < 2) return at[0];
  uint32_t code = at[0] & (0xff >> (size + 1));
  for (size_t i = 1; i < size; i++) code = code << 6 | (at[i] & 0x3f);
  return code;
}

static bool is_control(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static bool is_mark(uint32_t code) {
  return code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

/* Which line breaks stay: none, those before an indented line, all. */
typedef enum breaks { NO_BREAKS, INDENTED_BREAKS, ALL_BREAKS } breaks;

static bool break_stays(const char *text, breaks breaks) {
  return *text == '\n' &&
         (breaks == ALL_BREAKS || (breaks == INDENTED_BREAKS && strncmp(text + 1, "  ", 2) == 0));
}

/* Escapes into `out`; NULL: only tells whether anything must be. */
static bool escape(const char *text, breaks breaks, mixent_text *out) {
  bool any = false;
  while (*text) {
    size_t size = mixent_character_size(text);
    uint32_t code = code_point(text, size);
    bool plain = size && (break_stays(text, breaks) || (!is_control(code) && !is_mark(code)));
    any |= !plain;
    if (!out && any) return true;
    if (out && plain)
      mixent_text_append(out, "%.*s", (int)size, text);
    else if (out && size && is_mark(code))
      mixent_text_append(out, "\\u{%04x}", code);
    else if (out)
      mixent_text_append(out, "\\x%02x", size ? code : (uint8_t)*text);
    text += size ? size : 1;
  }
  return any;
}

static _Thread_local bool lacked;

bool mixent_printable_lacked(void) {
  return lacked;
}

static const char *make_printable(const char *text, breaks breaks) {
  enum { KEPT = 8 };
  static _Thread_local char *kept[KEPT];
  static _Thread_local unsigned turn;
  if (!escape(text, breaks, NULL)) return text;
  mixent_text out = {0};
  escape(text, breaks, &out);
  if (mixent_text_status(&out) != MIXENT_OK) {
    mixent_text_free(&out);
    lacked = true;
    return "(no memory for this text)";
  }
  char **place = &kept[turn++ % KEPT];
  free(*place);
  return *place = out.data;
}

const char *mixent_printable(const char *text) {
  return make_printable(text, NO_BREAKS);
}

const char *mixent_printable_lines(const char *text) {
  return make_printable(text, ALL_BREAKS);
}

const char *mixent_printable_message(const char *text) {
  return make_printable(text, INDENTED_BREAKS);
}
