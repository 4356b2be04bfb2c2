/* Characters of UTF-8; needs no library. */
#include "core/unicode.h"

#include <stdint.h>

size_t mixent_character_size(const char *text) {
  const uint8_t *at = (const uint8_t *)text;
  uint8_t first = at[0], second = at[1];
  size_t size = first < 0x80                    ? 1
                : first >= 0xc2 && first < 0xe0 ? 2
                : first >= 0xe0 && first < 0xf0 ? 3
                : first >= 0xf0 && first < 0xf5 ? 4
                                                : 0;
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  for (size_t i = 1; i < size; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  return size;
}

bool mixent_is_utf8(const char *text) {
  for (size_t size; *text; text += size)
    if (!(size = mixent_character_size(text))) return false;
  return true;
}

typedef struct range {
  uint32_t first, last;
} range;

static bool is_in(const range *ranges, size_t count, uint32_t character) {
  for (size_t i = 0; i < count; i++)
    if (ranges[i].first <= character && character <= ranges[i].last) return true;
  return false;
}

/* Of a character that mixent_character_size knows. */
static uint32_t read_character(const uint8_t *at, size_t size) {
  static const uint8_t kept[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t character = at[0] & kept[size];
  for (size_t i = 1; i < size; i++) character = character << 6 | (at[i] & 0x3f);
  return character;
}

int mixent_character_columns(const char *text) {
  /* Unicode's East Asian Width, W and F, by blocks: Hangul, Han, kana, Yi, full-width forms, emoji */
  static const range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97c},
                               {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                               {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f},
                               {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
  static const range none[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f},
                               {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff},
                               {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
  size_t size = mixent_character_size(text);
  if (size < 2) return 1;
  uint32_t character = read_character((const uint8_t *)text, size);
  if (is_in(wide, sizeof wide / sizeof *wide, character)) return 2;
  return !is_in(none, sizeof none / sizeof *none, character);
}
