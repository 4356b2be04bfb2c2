/* SHA-256 (FIPS 180-4), to know a file by its content. */
#ifndef MIXENT_CORE_SHA256_H
#define MIXENT_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct mixent_sha256 {
  uint32_t state[8];
  uint64_t length;   /* bytes so far */
  uint8_t block[64]; /* the last length % 64 bytes */
} mixent_sha256;

void mixent_sha256_begin(mixent_sha256 *hash);
void mixent_sha256_add(mixent_sha256 *hash, const void *bytes, size_t count);
/* 64 hexadecimal digits and a zero. The hash is used up. */
void mixent_sha256_end(mixent_sha256 *hash, char out[65]);

#endif
