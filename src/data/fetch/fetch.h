/* A few files out of a public zip archive, fetched without the rest of it. */
#ifndef MIXENT_DATA_FETCH_FETCH_H
#define MIXENT_DATA_FETCH_FETCH_H

#include "mixent/data.h"

typedef struct mixent_archive_file {
  const char *member; /* its name in the archive; the part after the last '/' is its name on disk */
  const char *sha256; /* of the file itself, 64 hexadecimal digits */
} mixent_archive_file;

/* Makes every file stand in `directory` with the right SHA-256: fetches those that do not, in order. What has
 * come of a file stays in <name>.part (its bytes as they are in the archive) until it is whole, so that a
 * later call goes on there; a file with a wrong sum is removed. progress may be NULL. */
mixent_status mixent_archive_fetch(const char *address, const mixent_archive_file *files, size_t count,
                                   const char *directory, mixent_fetch_progress *progress, void *context);

#endif
