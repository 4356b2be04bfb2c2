/* A safetensors file with the checksum that its bytes have, or hardly anything would come past the reader's check of it. */
#ifndef MIXENT_TESTS_FUZZ_MEND_SAFETENSORS_H
#define MIXENT_TESTS_FUZZ_MEND_SAFETENSORS_H

#include "io/safetensors_header.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* Writes the CRC-32 of what follows the header where the header has one. */
static inline void mend_safetensors(char *bytes, size_t size) {
  static const char key[] = "\"" MIXENT_CHECKSUM_KEY "\":\"";
  size_t header = 0;
  for (int i = 7; i >= 0 && size >= 8; i--) header = header << 8 | (unsigned char)bytes[i];
  if (size < 8 || header > size - 8) return;
  char *at = memmem(bytes + 8, header, key, sizeof key - 1), crc[16];
  if (!at || (size_t)(bytes + 8 + header - at) < sizeof key - 1 + 8) return;
  snprintf(crc, sizeof crc, "%08lx",
           crc32_z(0, (const unsigned char *)bytes + 8 + header, size - 8 - header));
  memcpy(at + sizeof key - 1, crc, 8);
}

#endif
