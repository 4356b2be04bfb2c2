/* Labels as arrays of numbers give them: one number, or a row that is 1 at one class and 0 at the others. */
#ifndef MIXENT_DATA_FORMATS_NPY_LABELS_H
#define MIXENT_DATA_FORMATS_NPY_LABELS_H

#include "data/formats/npy.h"

enum { MIXENT_NPY_LABEL = 32 }; /* bytes of a label as text */

/* Label `index` of the array, a whole number, as text; "" where it is missing (NaN). `row`: scratch of a row of the array. */
mixent_status mixent_npy_label(const char *origin, const mixent_npy *array, size_t index, double *row,
                               char word[MIXENT_NPY_LABEL]);

#endif
