/* IDX, the format of MNIST and its relatives: 00 00 08 (unsigned bytes), the number of dimensions, each
 * extent as a big-endian 32-bit number, then the bytes. Plain or in gzip, told apart by their first bytes. */
#ifndef MIXENT_DATA_FORMATS_IDX_H
#define MIXENT_DATA_FORMATS_IDX_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct mixent_idx {
  size_t extent[3]; /* the first `dimensions` asked for; the others are 1 */
  uint8_t *bytes;   /* [extent[0], extent[1], extent[2]]; free() */
} mixent_idx;

/* What a file's header says, checked against the dimensions and the file's size; nothing else is read. */
mixent_status mixent_idx_extent(const char *path, int dimensions, size_t extent[3]);
/* Reads a whole file of exactly `dimensions` (1 to 3). Memory grows with the bytes that are there, never on
 * the word of the header. Errors say path, what is wrong and what to do. */
mixent_status mixent_idx_read(const char *path, int dimensions, mixent_idx *out);
/* The same from memory; `origin` names it in messages. */
mixent_status mixent_idx_parse(const char *origin, const void *bytes, size_t size, int dimensions,
                               mixent_idx *out);

#endif
