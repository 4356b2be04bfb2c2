/* Text laid out for people: aligned tables, wrapped text, numbers as people write them. Texts are UTF-8. */
#ifndef MIXENT_CORE_LAYOUT_H
#define MIXENT_CORE_LAYOUT_H

#include "core/memory.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIXENT_TABLE_COLUMNS = 32 };

/* Of a terminal, that a text fills. */
int mixent_text_columns(const char *text);
/* One line of cells under each other: right-aligned in `widths` (negative: left-aligned), two spaces apart,
 * no spaces at the end. A cell that is too wide pushes the rest. */
void mixent_row_append(mixent_text *out, const int *widths, int columns, const char *const *cells);

/* A small table that is laid out when it is complete; columns become as wide as their widest cell. */
typedef struct mixent_table {
  int columns;
  const char *titles[MIXENT_TABLE_COLUMNS];
  bool left[MIXENT_TABLE_COLUMNS]; /* left-aligned: words */
  char **cells;
  size_t count;
  bool failed; /* memory ran out: the text that the table is appended to fails, too */
} mixent_table;

/* A cell more, with what a terminal would obey escaped (core/printable.h). */
void mixent_table_add(mixent_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes it fit into `width` columns: those of the highest rank go until the first, if its texts are cut in their middle,
 * leaves room for the others. ranks [columns]; the first column stays. */
void mixent_table_fit(mixent_table *table, int width, const int *ranks);
void mixent_table_append(const mixent_table *table, mixent_text *out);
void mixent_table_free(mixent_table *table);

/* A field of CSV (RFC 4180) after a comma unless it is the first of its line: in quotes where it needs them, with control
 * characters escaped, and behind an apostrophe where a spreadsheet would take it for a formula (=, +, -, @ before what is no
 * number). */
void mixent_csv_field_append(mixent_text *out, const char *text, bool first);

/* Text in lines of at most 90 columns, each after `indent` spaces; the first line continues at column
 * `column`. '\n' in the text is kept, and so is a line that begins with a space. Ends with a newline. */
void mixent_wrapped_append(mixent_text *out, int column, int indent, const char *text);

/* What a data set has, for sentences: "rows" of a table, else "images". */
const char *mixent_samples_name(bool rows);

/* "3,654,362"; "3:07" or "1:02:09" from seconds; "512 MB" from bytes. The result stays valid for the next
 * seven calls. */
const char *mixent_text_count(uint64_t count);
/* A count and its noun, given in the plural: "1 image" and "2,000 images", "1 class" and "2 classes". Valid as long. */
const char *mixent_text_counted(uint64_t count, const char *plural);

/* Calls visit for each line of a text (NULL: there is none), without its end. */
void mixent_lines_visit(const char *text, void (*visit)(void *context, const char *line), void *context);
const char *mixent_text_duration(double seconds);
const char *mixent_text_bytes(double bytes);

#endif
