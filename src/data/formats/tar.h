/* What lies in a tar archive (ustar, with the long names of GNU tar and pax), unpacked in memory. */
#ifndef MIXENT_DATA_FORMATS_TAR_H
#define MIXENT_DATA_FORMATS_TAR_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One member: its path in the archive and, of a regular file, its bytes, valid as long as the archive's. */
typedef struct mixent_tar_member {
  const char *path;
  bool directory;
  const uint8_t
      *bytes; /* [size]; NULL: no regular file, but a directory, a link, a device, a file with holes */
  size_t size;
} mixent_tar_member;
typedef mixent_status mixent_tar_visit(void *context, const mixent_tar_member *member);

/* Visits every member of an archive in its order; an error of `visit` ends it. Two blocks of zeros end an archive, and
 * zeros alone follow: anything else is damage, but for fewer zeros, which set *short_end. `origin` names the archive in
 * messages. */
mixent_status mixent_tar_walk(const char *origin, const uint8_t *bytes, size_t size, mixent_tar_visit *visit,
                              void *context, bool *short_end);

#endif
