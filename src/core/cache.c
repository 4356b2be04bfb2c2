/* The user's cache directory, as the XDG base directory specification defines it. */
#include "core/cache.h"
#include "core/file.h"

#include <stdlib.h>

char *mixent_cache_directory(void) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  /* the specification: a relative path is to be ignored */
  if (cache && cache[0] == '/') return mixent_path_join(cache, "mixent");
  if (home && home[0]) return mixent_path_join(home, ".cache/mixent");
  mixent_fail(MIXENT_ERROR_IO, "no cache directory: set HOME or XDG_CACHE_HOME, or name a directory");
  return NULL;
}
