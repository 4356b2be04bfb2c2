/* Regular files out of a tar archive (ustar, with the long names of GNU and pax), plain or in gzip. */
#ifndef MIXENT_DATA_TAR_H
#define MIXENT_DATA_TAR_H

#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

/* One regular file: its path in the archive, and bytes that stay valid as long as the archive's; of a link, hard or symbolic,
 * bytes is NULL. */
typedef mixent_status mixent_tar_visit(void *context, const char *path, const uint8_t *bytes, size_t size);

/* Visits every regular file and link of an archive in memory, in its order; an error of `visit` ends it. Directories and
 * others are passed over. `origin` names the archive in messages. */
mixent_status mixent_tar_walk(const char *origin, const uint8_t *bytes, size_t size, mixent_tar_visit *visit,
                              void *context);

#endif
