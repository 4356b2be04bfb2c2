/* C source, piece by piece; nothing here depends on the locale. */
#include "model/c_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Other bytes stand for themselves in no encoding, or would mean something to a compiler: '?' begins trigraphs. */
static bool is_plain(char c, const char *but) {
  return c >= ' ' && c <= '~' && !strchr(but, c);
}

enum { NUMBERS = 10, BYTES = 24, FLOATS = 6 }; /* items of a line */

void mixent_c_append_remark(mixent_text *out, const char *text) {
  for (const char *c = text; *c; c++) mixent_text_append_bytes(out, is_plain(*c, "*\\?") ? c : ".", 1);
}

void mixent_c_append_string(mixent_text *out, const char *text) {
  mixent_text_append_bytes(out, "\"", 1);
  for (const char *c = text; *c; c++)
    if (is_plain(*c, "\"\\?"))
      mixent_text_append_bytes(out, c, 1);
    else
      mixent_text_append(out, "\\%03o", (unsigned)(unsigned char)*c);
  mixent_text_append_bytes(out, "\"", 1);
}

void mixent_c_append_float(mixent_text *out, float value) {
  char *digits;
  if (mixent_print_text(&digits, "%.9g", (double)value) != MIXENT_OK) {
    out->failed = 1;
    return;
  }
  mixent_text_append(out, "%s%s", digits, strpbrk(digits, ".e") ? "f" : ".0f");
  free(digits);
}

/* Before item `i` of `count`: a comma, and the line's begin where it begins one. */
static void separate(mixent_text *out, size_t i, size_t line) {
  mixent_text_append_bytes(out, ", ", i == 0 ? 0 : i % line ? 2 : 1);
  if (i % line == 0) mixent_text_append_bytes(out, "\n    ", 5);
}

void mixent_c_append_floats(mixent_text *out, const char *name, const float *values, size_t count) {
  mixent_text_append(out, "static const float %s[%zu] = {", name, count);
  for (size_t i = 0; i < count; i++) {
    separate(out, i, FLOATS);
    mixent_c_append_float(out, values[i]);
  }
  mixent_text_append(out, "};\n");
}

void mixent_c_append_bits(mixent_text *out, const float *values, size_t count) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < count; i++) {
    char text[] = "0x00000000u";
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    for (int d = 0; d < 8; d++) text[2 + d] = digits[bits >> (28 - 4 * d) & 15];
    separate(out, i, NUMBERS);
    if (bits == 0)
      mixent_text_append_bytes(out, "0", 1);
    else
      mixent_text_append_bytes(out, text, sizeof text - 1);
  }
}

void mixent_c_append_bytes(mixent_text *out, const int8_t *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char text[4];
    size_t length = 0;
    int value = abs(values[i]);
    if (values[i] < 0) text[length++] = '-';
    if (value >= 100)
      text[length++] = '1', value -= 100, text[length++] = (char)('0' + value / 10);
    else if (value >= 10)
      text[length++] = (char)('0' + value / 10);
    text[length++] = (char)('0' + value % 10);
    separate(out, i, BYTES);
    mixent_text_append_bytes(out, text, length);
  }
}
