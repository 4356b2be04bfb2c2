/* How the text and the page of a data check call images and findings. */
#ifndef MIXENT_LAB_INSPECT_WORDS_H
#define MIXENT_LAB_INSPECT_WORDS_H

#include "lab/inspect/check.h"

/* "train" or "test". */
const char *mixent_check_part(const mixent_dataset *dataset, size_t number);
const char *mixent_check_class(const mixent_dataset *dataset, size_t number);
/* The file that image `number` was read from; NULL where a file holds many. */
const char *mixent_check_file(const mixent_dataset *dataset, size_t number);

/* Groups or pairs that are across train and test, or whose labels differ. */
typedef struct mixent_check_tally {
  size_t count, across, conflicts;
} mixent_check_tally;
mixent_check_tally mixent_check_duplicates(const mixent_data_check *check);
mixent_check_tally mixent_check_near(const mixent_data_check *check);

#endif
