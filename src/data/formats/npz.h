/* Data sets as NumPy's archives (.npz): arrays in NPY in a zip archive. */
#ifndef MIXENT_DATA_FORMATS_NPZ_H
#define MIXENT_DATA_FORMATS_NPZ_H

#include "data/formats/format.h"

/* Reads x_train, y_train, x_test, y_test, or X and y alone, out of an archive in memory; `origin` names it in
 * messages. What it has put into *out (zeroed before) is freed by the caller, also after an error. */
mixent_status mixent_npz_parse(const char *origin, const uint8_t *bytes, size_t size,
                               const mixent_dataset_options *options, mixent_format_set *out);

#endif
