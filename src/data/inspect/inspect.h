/* What may be wrong with the images or rows of a data set, whatever is trained on them: duplicates, constant images, classes of unequal size.
 * Images are numbered through: those of train first, then those of test. */
#ifndef MIXENT_DATA_INSPECT_INSPECT_H
#define MIXENT_DATA_INSPECT_INSPECT_H

#include "mixent/data.h"

/* Images that are the same byte for byte. */
typedef struct mixent_duplicate_group {
  size_t begin, count; /* its members in mixent_inspection's `duplicates`, in order */
  bool across;         /* train and test both have some */
  bool conflict;       /* they have different labels */
} mixent_duplicate_group;

/* Two images that are nearly the same. */
typedef struct mixent_near_pair {
  size_t a, b;       /* a < b */
  float correlation; /* of their pixels, scaled down: 1: the same but for brightness and contrast */
  bool across, conflict;
} mixent_near_pair;

typedef struct mixent_inspection {
  size_t *counts[2]; /* [classes] of train and of test */
  size_t *duplicates;
  mixent_duplicate_group *groups;
  size_t group_count, duplicate_count; /* duplicate_count: members of all groups */
  mixent_near_pair *near;              /* those across train and test first, then by correlation */
  size_t near_count;
  size_t *constant; /* images of one value */
  size_t constant_count;
} mixent_inspection;

/* `near`: the least correlation of near duplicates, in (0, 1]; 0: they are not looked for. Rows of a table have none. Near duplicates are
 * found by hashing: of pairs at 0.99 nearly all. */
mixent_status mixent_dataset_inspect(const mixent_dataset *dataset, double near, mixent_inspection *out);
void mixent_inspection_free(mixent_inspection *inspection);

/* Image `number` of the set: the part it is in, and its index there. */
const mixent_images *mixent_inspection_find(const mixent_dataset *dataset, size_t number, size_t *index);
int32_t mixent_inspection_label(const mixent_dataset *dataset, size_t number);

/* What the files of this directory have of one another: the bytes of an image or of a row, and how many; whether two are equal byte for byte. */
const uint8_t *mixent_inspection_bytes(const mixent_dataset *dataset, size_t number, size_t *size);
bool mixent_inspection_equal(const mixent_dataset *dataset, size_t a, size_t b);
mixent_status mixent_near_find(const mixent_dataset *dataset, double near, mixent_inspection *out);

#endif
