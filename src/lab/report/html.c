/* Escapes, numbers, base64. */
#include "lab/report/html.h"
#include "core/printable.h"
#include "lab/compare/number.h"

#include <math.h>
#include <string.h>

static void append_byte(mixent_text *out, char byte) {
  switch (byte) {
  case '&': mixent_text_append(out, "&amp;"); return;
  case '<': mixent_text_append(out, "&lt;"); return;
  case '>': mixent_text_append(out, "&gt;"); return;
  case '"': mixent_text_append(out, "&quot;"); return;
  case '\'': mixent_text_append(out, "&#39;"); return;
  default: break;
  }
  mixent_text_append_bytes(out, &byte, 1);
}

void mixent_html_text(mixent_text *out, const char *text) {
  text = mixent_printable_lines(text); /* marks of direction turn a page's lines round, too */
  for (; *text; text++) append_byte(out, *text);
}

static int is_start(char byte) {
  return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t mixent_html_length(const char *text) {
  size_t length = 0;
  for (; *text; text++) length += (size_t)is_start(*text);
  return length;
}

void mixent_html_short(mixent_text *out, const char *text, size_t most) {
  text = mixent_printable_lines(text);
  if (mixent_html_length(text) <= most) {
    mixent_html_text(out, text);
    return;
  }
  for (size_t seen = 0; *text && (seen += (size_t)is_start(*text)) < most; text++) append_byte(out, *text);
  mixent_text_append(out, "…");
}

void mixent_html_number(mixent_text *out, double value, int digits) {
  mixent_text_append(out, "%s", !isfinite(value) ? "–" : mixent_number_of(value, digits).text);
}

void mixent_html_difference(mixent_text *out, double value, int digits) {
  mixent_text_append(out, "%s", !isfinite(value) ? "–" : mixent_number_signed(value, digits).text);
}

void mixent_html_p(mixent_text *out, double p) {
  if (p < 0.001)
    mixent_text_append(out, "&lt; 0.001");
  else
    mixent_html_number(out, p, p < 0.1 ? 3 : 2);
}

void mixent_html_base64(mixent_text *out, const uint8_t *bytes, size_t count) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < count; i += 3) {
    size_t left = count - i < 3 ? count - i : 3;
    uint32_t three = (uint32_t)bytes[i] << 16;
    if (left > 1) three |= (uint32_t)bytes[i + 1] << 8;
    if (left > 2) three |= bytes[i + 2];
    char four[4] = {digits[three >> 18], digits[three >> 12 & 63], left > 1 ? digits[three >> 6 & 63] : '=',
                    left > 2 ? digits[three & 63] : '='};
    mixent_text_append_bytes(out, four, 4);
  }
}
