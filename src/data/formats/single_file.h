/* A data set in a single file: found by the ending of its name. */
#ifndef MIXENT_DATA_FORMATS_SINGLE_FILE_H
#define MIXENT_DATA_FORMATS_SINGLE_FILE_H

#include "core/status.h"
#include <stdbool.h>

/* Whether a file's name has one of these endings (mixent_has_ending); the last is NULL. */
bool mixent_has_one_ending(const char *name, const char *const *endings);
/* The file at `path`, or the one in the directory there, whose name has one of these endings (the last is NULL): in *out
 * (free()), NULL if there is none. Several are an error. */
mixent_status mixent_data_file_find(const char *path, const char *const *endings, char **out);

#endif
