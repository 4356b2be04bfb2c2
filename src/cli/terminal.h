/* What a person sees: a progress line on a terminal (plain lines when piped), aligned tables, wrapped text,
 * numbers as people write them. */
#ifndef MIXENT_CLI_TERMINAL_H
#define MIXENT_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The progress of something long on stderr. On a terminal one line is drawn over and over, at most ten times
 * a second; else a plain line every half minute. */
typedef struct mixent_progress {
  bool terminal, shown; /* shown: a line stands on the terminal */
  double last;          /* seconds, when it was drawn */
} mixent_progress;

mixent_progress mixent_progress_start(void);
/* fraction: 0 to 1. before and after: short texts on both sides of the bar ("epoch 2/4", "612 images/s, 3:12
 * left"). */
void mixent_progress_show(mixent_progress *progress, const char *before, double fraction, const char *after);
/* Takes the line away, so that something else can be printed; the next show draws it again at once. */
void mixent_progress_clear(mixent_progress *progress);

/* How many columns the terminal has that `stream` is; 0 where it is none. */
int mixent_stream_width(FILE *stream);

enum { MIXENT_TABLE_COLUMNS = 32 };

/* One line of cells under each other: right-aligned in `widths` (negative: left-aligned), two spaces apart,
 * no spaces at the end. A cell that is too wide pushes the rest. */
void mixent_row_print(FILE *stream, const int *widths, int columns, const char *const *cells);

/* A small table that is printed when it is complete; columns become as wide as their widest cell. */
typedef struct mixent_table {
  int columns;
  const char *titles[MIXENT_TABLE_COLUMNS];
  bool left[MIXENT_TABLE_COLUMNS]; /* left-aligned: words */
  char **cells;
  size_t count, capacity;
  bool failed; /* memory ran out; the table prints what it has */
} mixent_table;

void mixent_table_add(mixent_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes it fit into `width` columns: those of the highest rank go until the first, if its texts are cut in their middle,
 * leaves room for the others. ranks [columns]; the first column stays. */
void mixent_table_fit(mixent_table *table, int width, const int *ranks);
void mixent_table_print(const mixent_table *table, FILE *stream);
void mixent_table_free(mixent_table *table);

/* Text in lines of at most 90 columns, each after `indent` spaces; the first line continues at column
 * `column`. '\n' in the text is kept, and so is a line that begins with a space. Ends with a newline. */
void mixent_wrapped_print(FILE *stream, int column, int indent, const char *text);

/* "3,654,362"; "3:07" or "1:02:09" from seconds; "512 MB" from bytes. The result stays valid for the next
 * seven calls. */
const char *mixent_text_count(uint64_t count);
const char *mixent_text_duration(double seconds);
const char *mixent_text_bytes(double bytes);

#endif
