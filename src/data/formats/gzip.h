/* Whole files, plain or in gzip, told apart by their first bytes. */
#ifndef MIXENT_DATA_FORMATS_GZIP_H
#define MIXENT_DATA_FORMATS_GZIP_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

/* The file's bytes, unpacked; over `limit` of them are an error, and so are over 64 MB that are 50 times what they are
 * unpacked from. Memory grows with what is there. free(*out). */
mixent_status mixent_gzip_read(const char *path, size_t limit, uint8_t **out, size_t *size);

#endif
