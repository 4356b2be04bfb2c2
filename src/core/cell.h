/* What the text in a cell of a table says: a number, nothing, or a word. */
#ifndef MIXENT_CORE_CELL_H
#define MIXENT_CORE_CELL_H

#include <stdbool.h>

/* Whether it is a decimal number (sign, digits, point, exponent) and nothing else. */
bool mixent_cell_is_number(const char *text);
/* Whether it is blank or one of the words that stand for a missing value, in capital letters or small, with or without a sign:
 * NA, null and the like, NaN as any C library writes it, the errors of spreadsheets. */
bool mixent_cell_is_missing(const char *text);

#endif
