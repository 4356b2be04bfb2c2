/* What the text in a cell of a table says: a number, nothing, or a word. */
#ifndef MIXENT_CORE_CELL_H
#define MIXENT_CORE_CELL_H

#include <stdbool.h>

/* Whether it is a decimal number (sign, digits, point, exponent) and nothing else. */
bool mixent_cell_is_number(const char *text);
/* The same with another decimal point. */
bool mixent_cell_is_decimal(const char *text, char point);
/* Whether it is a date (2024-01-31, 31.1.24, 1/31/2024, 31-Jan-2024, 2024-01) or a time of day (12:30, 12:30:05.2), or both. */
bool mixent_cell_is_date(const char *text);
/* Whether it is blank or one of the words that stand for a missing value, in capital letters or small, with or without a sign:
 * NA, null and the like, NaN as any C library writes it, the errors of spreadsheets. */
bool mixent_cell_is_missing(const char *text);
/* Whether it stands for a missing value unless it stands among words, which it is then one of: "none". */
bool mixent_cell_may_be_word(const char *text);

#endif
