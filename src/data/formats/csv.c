/* Reads CSV: cells end where they stand, so that a row needs no memory but the list of its cells. */
#include "data/formats/csv.h"
#include "core/content.h"
#include "core/layout.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mixent_status mixent_csv_fail(const mixent_csv *csv, const mixent_csv_cell *cell, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  mixent_print_list(message, sizeof message, format, arguments);
  va_end(arguments);
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: %s", csv->origin, cell->line, cell->column, message);
}

/* Where something stands in the line that is being read. */
static mixent_csv_cell position_of(const mixent_csv *csv, const char *at) {
  return (mixent_csv_cell){.line = csv->line, .column = (size_t)(at - csv->line_begin) + 1};
}

/* Whether a cell ends at a character. */
static bool ends_cell(const mixent_csv *csv, char at) {
  return at == csv->separator || at == '\r' || at == '\n';
}

static bool is_blank(const mixent_csv *csv, char at) {
  return at == ' ' || (at == '\t' && csv->separator != '\t');
}

static mixent_status check_text(mixent_csv *csv) {
  mixent_csv where = *csv;
  for (char *at = csv->at; at < csv->end;) {
    size_t size = mixent_character_size(at);
    if (*at == 0 || size == 0) {
      mixent_csv_cell position = position_of(&where, at);
      return mixent_csv_fail(csv, &position,
                             *at ? "not UTF-8; save the file in that encoding"
                                 : "a zero byte; this is no text, or is in UTF-16; save it in UTF-8");
    }
    if (*at == '\n') where.line++, where.line_begin = at + 1;
    at += size;
  }
  return MIXENT_OK;
}

mixent_status mixent_csv_begin(const char *origin, char *text, size_t size, mixent_csv *out) {
  *out = (mixent_csv){
      .origin = origin, .at = text, .end = text + size, .line_begin = text, .line = 1, .separator = ','};
  MIXENT_TRY(mixent_content_check_text(origin, text, size, "a table (CSV)"));
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) out->at += 3, out->line_begin += 3;
  return check_text(out);
}

mixent_status mixent_csv_copy(const char *text, size_t size, char **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(size + 1, out));
  memcpy(*out, text, size);
  return MIXENT_OK;
}

void mixent_csv_end(mixent_csv *csv) {
  free(csv->cells);
  csv->cells = NULL;
}

/* At the byte after a quote: puts the cell's text to `text` on and leaves csv->at behind the closing quote. */
static mixent_status read_quoted(mixent_csv *csv, const mixent_csv_cell *cell, char *text) {
  for (char *in = text, *out = text; in < csv->end; in++) {
    if (*in == '"' && in[1] == '"') {
      in++;
    } else if (*in == '"') {
      *out = 0;
      csv->at = in + 1;
      if (csv->at == csv->end || ends_cell(csv, *csv->at)) return MIXENT_OK;
      mixent_csv_cell position = position_of(csv, csv->at);
      return mixent_csv_fail(csv, &position,
                             "text after the closing quote; a quote within a cell is written twice");
    } else if (*in == '\n') {
      csv->line++, csv->line_begin = in + 1;
    }
    *out++ = *in;
  }
  return mixent_csv_fail(csv, cell, "this quote is not closed");
}

/* From csv->at on: leaves it behind the cell, and *text_end behind its last character that is no blank. */
static mixent_status read_plain(mixent_csv *csv, char **text_end) {
  char *text = csv->at;
  for (; csv->at < csv->end && !ends_cell(csv, *csv->at); csv->at++)
    if (*csv->at == '"') {
      mixent_csv_cell position = position_of(csv, csv->at);
      return mixent_csv_fail(csv, &position, "a quote within a cell without quotes");
    }
  for (*text_end = csv->at; *text_end > text && is_blank(csv, (*text_end)[-1]); --*text_end) {
  }
  return MIXENT_OK;
}

static mixent_status add_cell(mixent_csv *csv, mixent_csv_cell **out) {
  if (csv->count == csv->capacity) {
    size_t capacity = 2 * csv->capacity + 64;
    MIXENT_TRY(MIXENT_RESIZE(&csv->cells, capacity, csv->origin));
    csv->capacity = capacity;
  }
  *out = &csv->cells[csv->count++];
  return MIXENT_OK;
}

/* One cell; *last tells whether the row ends with it, and then csv->at is at the next line. */
static mixent_status read_cell(mixent_csv *csv, bool *last) {
  mixent_csv_cell *cell = NULL;
  MIXENT_TRY(add_cell(csv, &cell));
  *cell = position_of(csv, csv->at);
  char *text_end = NULL;
  if (*csv->at == '"') {
    cell->text = csv->at + 1;
    MIXENT_TRY(read_quoted(csv, cell, csv->at + 1));
  } else {
    while (is_blank(csv, *csv->at)) csv->at++;
    cell->text = csv->at;
    MIXENT_TRY(read_plain(csv, &text_end));
  }
  bool ended = csv->at == csv->end;
  if (!ended && *csv->at == '\r' && *++csv->at != '\n') {
    mixent_csv_cell position = position_of(csv, csv->at);
    return mixent_csv_fail(csv, &position, "a carriage return without a line feed");
  }
  *last = ended || *csv->at == '\n';
  if (!ended) csv->at++;
  if (text_end) *text_end = 0;
  if (*last && !ended) csv->line++, csv->line_begin = csv->at;
  return MIXENT_OK;
}

mixent_status mixent_csv_next(mixent_csv *csv, bool *found) {
  csv->count = 0;
  for (size_t skip; csv->at < csv->end; csv->at += skip) {
    skip = *csv->at == '\n' ? 1 : *csv->at == '\r' && csv->at[1] == '\n' ? 2 : 0;
    if (!skip) break;
    csv->line++, csv->line_begin = csv->at + skip;
  }
  *found = csv->at < csv->end;
  bool last = !*found;
  while (!last) MIXENT_TRY(read_cell(csv, &last));
  return MIXENT_OK;
}
