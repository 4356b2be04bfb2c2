/* Tables of CSV: a row per example, a column per feature, and one of labels. */
#ifndef MIXENT_DATA_FORMATS_TABLE_H
#define MIXENT_DATA_FORMATS_TABLE_H

#include "data/formats/class_names.h"
#include "data/formats/csv.h"

/* Which columns are what. */
typedef struct mixent_table_columns {
  size_t cells; /* of a row; 0: not known yet */
  size_t label; /* the one with labels */
  char **names; /* [cells]; NULL: the first row is data already */
} mixent_table_columns;
void mixent_table_columns_free(mixent_table_columns *columns);

/* Reads a table of `size` bytes, zero-terminated and changed by it, into features and the places of the labels among
 * `words`. The first table finds the columns; a later one must have the same. A first row is a header if its cells,
 * but for the last, are no numbers, or if one of them is called label, class or target; labels are the column of that
 * name, else the last. */
mixent_status mixent_table_parse(const char *origin, char *text, size_t size, mixent_table_columns *columns,
                                 mixent_class_names *words, mixent_images *out);

#endif
