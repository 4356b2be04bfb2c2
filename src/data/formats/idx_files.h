/* The files that make up a set in IDX. */
#ifndef MIXENT_DATA_FORMATS_IDX_FILES_H
#define MIXENT_DATA_FORMATS_IDX_FILES_H

#include "core/status.h"
#include <stdbool.h>

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

#endif
