/* Whole files through zlib: read plain or in gzip, told apart by their first bytes; packed into gzip. */
#ifndef MIXENT_CORE_GZIP_H
#define MIXENT_CORE_GZIP_H

#include "core/memory.h"
#include <stdint.h>

/* The file's bytes, unpacked, and a zero behind them that is not counted; over `limit` of them are an error, and so are over 64 MB that are 50 times what they are
 * unpacked from. Memory grows with what is there. free(*out). */
mixent_status mixent_gzip_read(const char *path, size_t limit, uint8_t **out, size_t *size);

/* Appends the bytes as one gzip member, whose header holds neither a time nor a name: the same bytes give the same member. */
mixent_status mixent_gzip_append(const void *bytes, size_t size, mixent_text *out);

#endif
