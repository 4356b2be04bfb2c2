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
