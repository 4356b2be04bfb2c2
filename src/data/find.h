/* Which data sets are known by name, where they are looked for, and which files make one. */
#ifndef MIXENT_DATA_FIND_H
#define MIXENT_DATA_FIND_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

/* A set known by name: how to get it, and the names of its labels if no mapping file gives them. */
typedef struct mixent_known_dataset {
  const char *name, *advice;
  const char *other_directory;    /* what it unpacks to, searched after `name`; or NULL */
  const char *const *label_names; /* [label], or NULL: the number */
  int first_label, label_count;
} mixent_known_dataset;

/* NULL if the name is not known. */
const mixent_known_dataset *mixent_known_dataset_find(const char *name);

typedef enum mixent_dataset_part {
  MIXENT_TRAIN_IMAGES,
  MIXENT_TRAIN_LABELS,
  MIXENT_TEST_IMAGES,
  MIXENT_TEST_LABELS,
  MIXENT_MAPPING, /* may be missing */
  MIXENT_DATASET_PARTS
} mixent_dataset_part;

typedef struct mixent_dataset_files {
  char *path[MIXENT_DATASET_PARTS];
  bool emnist; /* their names begin with "emnist-" */
} mixent_dataset_files;

/* The files of a set in a directory, by the ends of their names; of several, those that begin with "<name>-".
 * A missing or ambiguous one is an error. */
mixent_status mixent_dataset_files_find(const char *directory, const char *name, mixent_dataset_files *out);
/* Whether a directory holds images or labels in IDX at all. */
mixent_status mixent_dataset_files_any(const char *directory, bool *found);
void mixent_dataset_files_free(mixent_dataset_files *files);

/* Whether a file's name has one of these endings (mixent_has_ending); the last is NULL. */
bool mixent_has_one_ending(const char *name, const char *const *endings);
/* The file at `path`, or the one in the directory there, whose name has one of these endings (the last is NULL): in *out
 * (free()), NULL if there is none. Several are an error. */
mixent_status mixent_data_file_find(const char *path, const char *const *endings, char **out);

/* What a set is called: the directory's own name, also for "." and ".."; a file's without its ending. free(). */
char *mixent_dataset_own_name(const char *directory);
/* The directory of a set given by name or as a directory or file, or the error that mixent_dataset_open describes. */
mixent_status mixent_dataset_locate(const char *name_or_directory, const char *data_directory, char **out);

#endif
