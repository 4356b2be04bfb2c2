/* Files fetched from the web and verified: a few out of a zip archive without the rest of it, each by itself, or those in a .tar.gz. What an
 * interrupted call has fetched stays in <name>.part, and a later call goes on there; a file with a wrong sum is removed. progress may be
 * NULL. */
#ifndef MIXENT_DATA_FETCH_FETCH_H
#define MIXENT_DATA_FETCH_FETCH_H

#include "mixent/data.h"

typedef struct mixent_archive_file {
  const char *member; /* its name in the archive; the part after the last '/' is its name on disk */
  const char *sha256; /* of the file itself, 64 hexadecimal digits */
} mixent_archive_file;

/* Makes every file stand in `directory` with the right SHA-256: fetches those that do not, in order, out of the zip archive at
 * `address`. */
mixent_status mixent_archive_fetch(const char *address, const mixent_archive_file *files, size_t count,
                                   const char *directory, mixent_fetch_progress *progress, void *context);
/* The same of files that lie side by side below `address`. */
mixent_status mixent_files_fetch(const char *address, const mixent_archive_file *files, size_t count,
                                 const char *directory, mixent_fetch_progress *progress, void *context);
/* Makes `members` (names on disk, NULL-terminated) stand in `directory`: where one is missing, fetches the whole .tar.gz below `address`,
 * verifies it, unpacks these, and removes it. */
mixent_status mixent_packed_fetch(const char *address, const mixent_archive_file *archive,
                                  const char *const *members, const char *directory,
                                  mixent_fetch_progress *progress, void *context);

#endif
