/* Tables, wrapped text, and numbers as people write them. */
#include "core/layout.h"
#include "core/locale.h"
#include "core/printable.h"
#include "core/unicode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the character at `text`; a byte that is none stands alone. */
static size_t size_of(const char *text) {
  size_t size = mixent_character_size(text);
  return size ? size : 1;
}

/* Columns of a text on a terminal. */
int mixent_text_columns(const char *text) {
  int columns = 0;
  for (; *text; text += size_of(text)) columns += mixent_character_columns(text);
  return columns;
}

void mixent_row_append(mixent_text *out, const int *widths, int columns, const char *const *cells) {
  int owed = 0; /* spaces, written only if something follows */
  for (int i = 0; i < columns; i++) {
    int padding = abs(widths[i]) - mixent_text_columns(cells[i]);
    if (padding < 0) padding = 0;
    if (i) owed += 2;
    if (widths[i] > 0) owed += padding;
    if (*cells[i]) {
      mixent_text_append(out, "%*s%s", owed, "", cells[i]);
      owed = 0;
    }
    if (widths[i] < 0) owed += padding;
  }
  mixent_text_append(out, "\n");
}

/* The text, or in its place what may be printed of it; NULL without memory. */
static char *take_printable(char *text) {
  const char *printable = mixent_printable(text);
  if (printable == text) return text;
  free(text);
  mixent_copy_text(printable, &text);
  return text;
}

void mixent_table_add(mixent_table *table, const char *format, ...) {
  if (MIXENT_GROW(&table->cells, table->count, "a table") != MIXENT_OK) {
    table->failed = true;
    return;
  }
  va_list arguments;
  va_start(arguments, format);
  char *cell;
  if (mixent_print_new(&cell, format, arguments) < 0)
    table->failed = true;
  else if ((table->cells[table->count] = take_printable(cell)))
    table->count++;
  else
    table->failed = true;
  va_end(arguments);
}

/* The widest cell of each column. */
static void measure(const mixent_table *table, int *widths) {
  size_t columns = (size_t)table->columns;
  for (size_t j = 0; j < columns; j++) widths[j] = mixent_text_columns(table->titles[j]);
  for (size_t i = 0; i < table->count; i++) {
    int width = mixent_text_columns(table->cells[i]);
    if (width > widths[i % columns]) widths[i % columns] = width;
  }
}

static void leave_out(mixent_table *table, int column) {
  size_t columns = (size_t)table->columns, kept = 0;
  for (size_t i = 0; i < table->count; i++)
    if (i % columns == (size_t)column)
      free(table->cells[i]);
    else
      table->cells[kept++] = table->cells[i];
  table->count = kept;
  for (int j = column; j + 1 < table->columns; j++) {
    table->titles[j] = table->titles[j + 1];
    table->left[j] = table->left[j + 1];
  }
  table->columns--;
}

/* Bytes of the characters that lie within the first `columns` columns of a text, with what stands over them. */
static size_t bytes_of(const char *text, int columns) {
  size_t length = 0;
  for (; text[length]; length += size_of(text + length))
    if ((columns -= mixent_character_columns(text + length)) < 0) break;
  return length;
}

/* Bytes of those that reach over the first `columns` columns, or stand over the last of them. */
static size_t bytes_past(const char *text, int columns) {
  size_t length = 0;
  for (int width; text[length]; length += size_of(text + length), columns -= width) {
    width = mixent_character_columns(text + length);
    if (columns <= 0 && width) break;
  }
  return length;
}

static bool cut_in_the_middle(char **cell, int width) {
  int columns = mixent_text_columns(*cell), begin = (width - 1) / 2, end = width - 1 - begin;
  char *cut;
  if (columns <= width) return true;
  if (mixent_print_text(&cut, "%.*s…%s", (int)bytes_of(*cell, begin), *cell,
                        *cell + bytes_past(*cell, columns - end)) != MIXENT_OK)
    return false;
  free(*cell);
  *cell = cut;
  return true;
}

void mixent_table_fit(mixent_table *table, int width, const int *ranks) {
  enum { SHORT = 20 }; /* the first column need not be wider */
  int widths[MIXENT_TABLE_COLUMNS] = {0}, left[MIXENT_TABLE_COLUMNS], others;
  memcpy(left, ranks, (size_t)table->columns * sizeof *left);
  for (;;) {
    measure(table, widths);
    others = 0;
    int worst = 0;
    for (int j = 1; j < table->columns; j++) {
      others += 2 + widths[j];
      if (!worst || left[j] > left[worst]) worst = j;
    }
    if (!worst || others + (widths[0] < SHORT ? widths[0] : SHORT) <= width) break;
    leave_out(table, worst);
    for (int j = worst; j < table->columns; j++) left[j] = left[j + 1];
  }
  for (size_t i = 0; i < table->count; i += (size_t)table->columns)
    if (!cut_in_the_middle(&table->cells[i], width - others > SHORT ? width - others : SHORT))
      table->failed = true;
}

void mixent_table_append(const mixent_table *table, mixent_text *out) {
  int widths[MIXENT_TABLE_COLUMNS] = {0};
  size_t columns = (size_t)table->columns, rows = table->count / columns;
  if (table->failed) out->failed = 1;
  measure(table, widths);
  for (size_t j = 0; j < columns; j++)
    if (table->left[j]) widths[j] = -widths[j];
  mixent_row_append(out, widths, table->columns, table->titles);
  for (size_t i = 0; i < rows; i++)
    mixent_row_append(out, widths, table->columns, (const char *const *)table->cells + i * columns);
}

void mixent_table_free(mixent_table *table) {
  for (size_t i = 0; i < table->count; i++) free(table->cells[i]);
  free(table->cells);
  table->cells = NULL;
  table->count = 0;
}

/* What a spreadsheet computes, and may be told to fetch or to start. */
static bool is_formula(const char *text) {
  char *end;
  if (!*text || !strchr("=+-@", *text)) return false;
  mixent_number_read(text, &end);
  return end == text || *end;
}

void mixent_csv_field_append(mixent_text *out, const char *text, bool first) {
  text = mixent_printable_lines(text);
  bool formula = is_formula(text), quoted = text[strcspn(text, ",\"\n")];
  mixent_text_append(out, "%s%s%s", first ? "" : ",", quoted ? "\"" : "", formula ? "'" : "");
  for (; *text; text++) mixent_text_append(out, *text == '"' ? "\"\"" : "%c", *text);
  mixent_text_append(out, quoted ? "\"" : "");
}

void mixent_wrapped_append(mixent_text *out, int column, int indent, const char *text) {
  enum { WIDTH = 90 };
  bool fresh = true; /* nothing on this line yet */
  text = mixent_printable_lines(text);
  while (*text) {
    if (column == 0 && *text == ' ') { /* laid out by hand */
      size_t line = strcspn(text, "\n");
      mixent_text_append(out, "%*s%.*s", indent, "", (int)line, text);
      text += line;
    }
    size_t length = strcspn(text, " \n");
    char word[256];
    snprintf(word, sizeof word, "%.*s", (int)length, text);
    int width = mixent_text_columns(word);
    if (!fresh && column + 1 + width > WIDTH) {
      mixent_text_append(out, "\n");
      column = 0;
      fresh = true;
    }
    if (length && fresh && column < indent) {
      mixent_text_append(out, "%*s", indent - column, "");
      column = indent;
    }
    if (!fresh && length) mixent_text_append(out, " "), column++;
    mixent_text_append(out, "%s", word);
    column += width;
    if (length) fresh = false;
    text += length;
    if (*text == '\n') {
      mixent_text_append(out, "\n");
      column = 0;
      fresh = true;
    }
    if (*text) text++;
  }
  mixent_text_append(out, "\n");
}

enum { BUFFER = 64 };

/* One of eight buffers in turn, so that a printf can hold several of these texts. */
static char *next_buffer(void) {
  static _Thread_local char buffers[8][BUFFER];
  static _Thread_local unsigned turn;
  return buffers[turn++ % 8];
}

const char *mixent_samples_name(bool rows) {
  return rows ? "rows" : "images";
}

/* At most 27 bytes. */
static void append_count(uint64_t count, char *end) {
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
  for (int i = 0; i < length; i++) {
    if (i && (length - i) % 3 == 0) *end++ = ',';
    *end++ = digits[i];
  }
  *end = '\0';
}

const char *mixent_text_count(uint64_t count) {
  char *out = next_buffer();
  append_count(count, out);
  return out;
}

const char *mixent_text_counted(uint64_t count, const char *plural) {
  size_t length = strlen(plural), end = length > 4 && strcmp(plural + length - 4, "sses") == 0 ? 2 : 1;
  char *out = next_buffer();
  append_count(count, out);
  size_t digits = strlen(out);
  snprintf(out + digits, BUFFER - digits, " %.*s", (int)(count == 1 ? length - end : length), plural);
  return out;
}

const char *mixent_text_duration(double seconds) {
  char *out = next_buffer();
  long whole = seconds >= 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
  if (whole >= 3600)
    snprintf(out, BUFFER, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    snprintf(out, BUFFER, "%ld:%02ld", whole / 60, whole % 60);
  return out;
}

const char *mixent_text_bytes(double bytes) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  char *out = next_buffer();
  int unit = 0;
  while (unit < 4 && bytes >= 1000) bytes /= 1000, unit++;
  mixent_print(out, BUFFER, bytes < 10 && unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
  return out;
}

void mixent_lines_visit(const char *text, void (*visit)(void *context, const char *line), void *context) {
  while (text && *text) {
    mixent_text line = {0};
    size_t length = strcspn(text, "\n");
    mixent_text_append(&line, "%.*s", (int)length, text);
    visit(context, line.failed ? text : line.data);
    mixent_text_free(&line);
    text += length + (text[length] == '\n');
  }
}
