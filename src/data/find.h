/* Which data sets are known by name (known.c), and where a set is (find.c). */
#ifndef MIXENT_DATA_FIND_H
#define MIXENT_DATA_FIND_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

/* What a recipe says of data that were arrays of a program: "memory:" and their name. No file holds them. */
#define MIXENT_IN_MEMORY "memory:"
bool mixent_dataset_is_in_memory(const char *name);

/* A set known by name, which 'mixent data get' fetches, and the names of its labels if no mapping file gives them. */
typedef struct mixent_known_dataset {
  const char *name;
  const char *other_directory;    /* what it unpacks to, searched after `name`; or NULL */
  const char *const *label_names; /* [label], or NULL: the number */
  int first_label, label_count;
} mixent_known_dataset;

/* NULL if the name is not known. */
const mixent_known_dataset *mixent_known_dataset_find(const char *name);

/* What a set is called: the directory's own name, also for "." and ".."; a file's without its ending. free(). */
mixent_status mixent_dataset_own_name(const char *directory, char **out);
/* The directory of a set given by name or as a directory or file, or the error that mixent_dataset_open describes. */
mixent_status mixent_dataset_locate(const char *name_or_directory, const char *data_directory, char **out);

#endif
