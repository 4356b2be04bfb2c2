/* EXIF as TIFF 6.0 and EXIF 2.3 describe it: a header of 8 bytes says the byte order and where the first directory is; a directory
 * is a count and entries of 12 bytes. */
#include "data/formats/exif.h"

#include <stdbool.h>
#include <string.h>

enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3, LONG = 4, UPRIGHT = 1, MOST = 8 };

static uint32_t number(const uint8_t *at, int count, bool big_endian) {
  uint32_t value = 0;
  for (int i = 0; i < count; i++) value = value << 8 | at[big_endian ? i : count - 1 - i];
  return value;
}

/* The directory's entries that lie within the data. */
static int find_orientation(const uint8_t *entries, size_t count, bool big_endian) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t *entry = entries + i * ENTRY;
    uint32_t type = number(entry + 2, 2, big_endian), value = 0;
    if (number(entry, 2, big_endian) != ORIENTATION) continue;
    if (type == SHORT || type == LONG) value = number(entry + 8, type == SHORT ? 2 : 4, big_endian);
    return value >= UPRIGHT && value <= MOST ? (int)value : UPRIGHT;
  }
  return UPRIGHT;
}

int mixent_exif_orientation(const uint8_t *bytes, size_t size) {
  if (size < HEADER) return UPRIGHT;
  bool big_endian = memcmp(bytes, "MM\0*", 4) == 0;
  if (!big_endian && memcmp(bytes, "II*\0", 4) != 0) return UPRIGHT;
  size_t at = number(bytes + 4, 4, big_endian);
  if (at > size - 2) return UPRIGHT;
  size_t count = number(bytes + at, 2, big_endian), room = (size - at - 2) / ENTRY;
  return find_orientation(bytes + at + 2, count < room ? count : room, big_endian);
}
