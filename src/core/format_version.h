/* The versions of our file formats. A program reads every version from 1 to the newest it knows; docs/FORMATS.md lists them,
 * and tests/cli/test_old_formats.py opens files of older ones. */
#ifndef MIXENT_CORE_FORMAT_VERSION_H
#define MIXENT_CORE_FORMAT_VERSION_H

#include "core/status.h"

/* Whether version `found` of `what` ("a plan file") can be read here; MIXENT_ERROR_FORMAT says to update where it is
 * newer than `newest`. */
mixent_status mixent_format_check(const char *origin, const char *what, long found, long newest);

#endif
