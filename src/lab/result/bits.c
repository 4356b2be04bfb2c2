/* A bit per image as text: packed eight to a byte, deflated, in base64. */
#include "core/memory.h"
#include "lab/result/parts.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* out: 4 ((count + 2) / 3) + 1 bytes */
static void encode(const uint8_t *bytes, size_t count, char *out) {
  for (size_t i = 0; i < count; i += 3) {
    uint32_t word = (uint32_t)bytes[i] << 16;
    if (i + 1 < count) word |= (uint32_t)bytes[i + 1] << 8;
    if (i + 2 < count) word |= bytes[i + 2];
    *out++ = digits[word >> 18];
    *out++ = digits[word >> 12 & 63];
    *out++ = i + 1 < count ? digits[word >> 6 & 63] : '=';
    *out++ = i + 2 < count ? digits[word & 63] : '=';
  }
  *out = 0;
}

/* out: 3/4 of the text's length. False where it is no base64. */
static bool decode(const char *text, uint8_t *out, size_t *count) {
  size_t length = strlen(text), padding = 0;
  while (padding < 2 && padding < length && text[length - 1 - padding] == '=') padding++;
  if (length % 4 != 0 || length == 0) return false;
  uint32_t word = 0;
  *count = 0;
  for (size_t i = 0; i < length; i++) {
    const char *digit = i < length - padding ? strchr(digits, text[i]) : digits;
    if (!digit) return false;
    word = word << 6 | (uint32_t)(digit - digits);
    if (i % 4 != 3) continue;
    for (int shift = 16; shift >= 0; shift -= 8) out[(*count)++] = (uint8_t)(word >> shift);
  }
  *count -= padding;
  return true;
}

char *mixent_bits_pack(const uint8_t *bits, size_t count) {
  size_t size = (count + 7) / 8;
  uLongf length = compressBound(size);
  uint8_t *packed = NULL, *deflated = NULL;
  char *text = NULL;
  bool ready = MIXENT_ALLOCATE(size, &packed) == MIXENT_OK && MIXENT_ALLOCATE(length, &deflated) == MIXENT_OK;
  for (size_t i = 0; ready && i < count; i++) packed[i / 8] |= (uint8_t)(bits[i] << i % 8);
  if (ready && compress2(deflated, &length, packed, size, Z_BEST_COMPRESSION) == Z_OK)
    mixent_allocate((length + 2) / 3 * 4 + 1, (void **)&text);
  if (text) encode(deflated, length, text);
  free(packed);
  free(deflated);
  return text;
}

mixent_status mixent_bits_unpack(const char *text, size_t count, uint8_t *bits) {
  size_t size = (count + 7) / 8, length;
  uLongf found = size;
  uint8_t *packed = NULL, *deflated = NULL;
  mixent_status status = MIXENT_ALLOCATE(size, &packed);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(strlen(text) / 4 * 3 + 3, &deflated);
  if (status == MIXENT_OK) {
    int code = decode(text, deflated, &length) ? uncompress(packed, &found, deflated, length) : Z_DATA_ERROR;
    if (code == Z_MEM_ERROR)
      status = mixent_no_memory("inflating %zu bits", count);
    else if (code != Z_OK || found != size)
      status = mixent_fail(MIXENT_ERROR_FORMAT, "expected %zu deflated bits in base64", count);
  }
  for (size_t i = 0; status == MIXENT_OK && i < count; i++) bits[i] = packed[i / 8] >> i % 8 & 1;
  free(packed);
  free(deflated);
  return status;
}
