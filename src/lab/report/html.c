/* Texts cut short, and numbers. */
#include "lab/report/html.h"
#include "core/printable.h"
#include "lab/compare/number.h"

#include <math.h>
#include <string.h>

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
  for (size_t seen = 0; *text && (seen += (size_t)is_start(*text)) < most; text++)
    mixent_html_byte(out, *text);
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
