/* What a file is by its first bytes, for messages about a file of another kind than is read. */
#ifndef MIXENT_CORE_CONTENT_H
#define MIXENT_CORE_CONTENT_H

#include "core/status.h"
#include <stddef.h>

/* MIXENT_ERROR_FORMAT where the first bytes tell of another kind of file: "ORIGIN: expected WANTED, got a web page; …".
 * MIXENT_OK where they tell nothing: the caller's own complaint follows. For readers of bytes, once they know that the file
 * is not theirs. */
mixent_status mixent_content_check(const char *origin, const void *bytes, size_t size, const char *wanted);
/* The same for readers of text, before they read: text and an empty file pass. */
mixent_status mixent_content_check_text(const char *origin, const void *bytes, size_t size,
                                        const char *wanted);
/* The same of the file at `path`, whose first bytes it reads. */
mixent_status mixent_content_check_file(const char *path, const char *wanted);

#endif
