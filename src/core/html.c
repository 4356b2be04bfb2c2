/* Escapes, base64, and the hash by which a page names its own script. */
#include "core/html.h"
#include "core/printable.h"
#include "core/sha256.h"

#include <stdlib.h>
#include <string.h>

void mixent_html_byte(mixent_text *out, char byte) {
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
  for (; *text; text++) mixent_html_byte(out, *text);
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

void mixent_html_hash(mixent_text *out, const char *const *texts) {
  char digits[65];
  uint8_t bytes[32];
  mixent_sha256 hash;
  mixent_sha256_begin(&hash);
  for (; *texts; texts++) mixent_sha256_add(&hash, *texts, strlen(*texts));
  mixent_sha256_end(&hash, digits);
  for (size_t i = 0; i < sizeof bytes; i++) {
    const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
    bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  mixent_text_append(out, "'sha256-");
  mixent_html_base64(out, bytes, sizeof bytes);
  mixent_text_append(out, "'");
}
