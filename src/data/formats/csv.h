/* Comma-separated values as RFC 4180 has them, row after row out of a text in memory. Besides: another character may stand for the
 * comma; a byte order mark is passed over, and so are empty lines and blanks around a cell without quotes. */
#ifndef MIXENT_DATA_FORMATS_CSV_H
#define MIXENT_DATA_FORMATS_CSV_H

#include "core/status.h"
#include "mixent/data.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct mixent_csv_cell {
  char *text;          /* zero-terminated, without its quotes */
  size_t line, column; /* from 1, the column in bytes: where it begins in the file */
} mixent_csv_cell;

typedef struct mixent_csv {
  const char *origin; /* names the text in messages */
  char *at, *end, *line_begin;
  size_t line;
  char separator;         /* between cells: a comma unless the caller sets another before the first row */
  mixent_csv_cell *cells; /* [count]: of the row that was read last */
  size_t count, capacity;
} mixent_csv;

/* Starts on `size` bytes that end in a zero beyond them; they are changed by reading. What is no UTF-8 is an error. */
mixent_status mixent_csv_begin(const char *origin, char *text, size_t size, mixent_csv *out);
/* The next row into csv->cells; *found is false after the last. */
mixent_status mixent_csv_next(mixent_csv *csv, bool *found);
void mixent_csv_end(mixent_csv *csv);
/* A copy of a text to read, zero bytes within it among the rest; free(*out). */
mixent_status mixent_csv_copy(const char *text, size_t size, char **out);

/* "origin:line:column: message"; returns MIXENT_ERROR_FORMAT. */
mixent_status mixent_csv_fail(const mixent_csv *csv, const mixent_csv_cell *cell, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The separator that is asked for; of MIXENT_SEPARATOR_AUTO that of the text, which it leaves as it is: the first of semicolon and tab that stands outside of quotes in each of the
 * first 1,000 lines equally often, unless the comma does so too and the cells between semicolons hold commas elsewhere than in
 * decimal numbers; else the comma. */
char mixent_csv_separator(mixent_separator asked, const char *text, size_t size);

#endif
