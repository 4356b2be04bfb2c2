/* Labels as files write them, each distinct one once; in the end they become numbers. */
#ifndef MIXENT_DATA_FORMATS_CLASS_NAMES_H
#define MIXENT_DATA_FORMATS_CLASS_NAMES_H

#include "data/formats/format.h"

/* Start from {0}. */
typedef struct mixent_class_names {
  char *text[MIXENT_MOST_LABELS]; /* in the order of their coming */
  int sorted[MIXENT_MOST_LABELS]; /* their places in the order of their bytes */
  int count;
} mixent_class_names;

/* The index of a word, compared in Unicode's normal form C and added if it is new. More than MIXENT_MOST_LABELS are an error. */
mixent_status mixent_class_names_add(mixent_class_names *words, const char *origin, const char *text,
                                     int32_t *out);
/* set->train.labels and set->test.labels, indices so far, become labels: the words themselves where all are whole
 * numbers of 0 to MIXENT_MOST_LABELS - 1; else they are numbered, whole numbers by size, others in the order of their
 * bytes, and give set->label_names. A word that train lacks is an error. So are more than 20 distinct numbers of which one
 * has a fraction, which are measurements, and labels of which none occurs twice where a test part is to be cut. More than 20
 * distinct labels with fewer than five rows for each, and one or two words among numbers, are said in set->note. */
mixent_status mixent_class_names_number(const mixent_class_names *words, mixent_format_set *set);
void mixent_class_names_free(mixent_class_names *words);

#endif
