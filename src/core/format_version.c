/* Refusing what a later version wrote. */
#include "core/format_version.h"

#include <stdio.h>

mixent_status mixent_format_check(const char *origin, const char *what, long found, long newest) {
  if (found >= 1 && found <= newest) return MIXENT_OK;
  char known[32] = "1";
  if (newest > 1) snprintf(known, sizeof known, "1 to %ld", newest);
  if (found < 1)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected %s of format %s, got %ld; the file is damaged",
                       origin, what, known, found);
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s: expected %s of format %s, got format %ld, which a later version wrote; update mixent "
      "(this is %s)",
      origin, what, known, found, mixent_version());
}
