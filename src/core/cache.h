/* Where fetched data sets are kept for this user. */
#ifndef MIXENT_CORE_CACHE_H
#define MIXENT_CORE_CACHE_H

/* $XDG_CACHE_HOME/mixent, or ~/.cache/mixent, in new memory; it need not exist. NULL with the error set if
 * neither XDG_CACHE_HOME (an absolute path) nor HOME is known. */
char *mixent_cache_directory(void);

#endif
