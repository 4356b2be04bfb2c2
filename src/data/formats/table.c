/* Reads the rows of a table whose columns are found. */
#include "data/formats/table.h"
#include "core/cell.h"
#include "core/layout.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mixent_table_columns_free(mixent_table_columns *columns) {
  for (size_t i = 0; columns->names && i < columns->cells; i++) free(columns->names[i]);
  free(columns->names);
  free(columns->places);
  mixent_encoder_free(columns->encoder);
  *columns = (mixent_table_columns){0};
}

/* Rows that grow. */
typedef struct rows {
  mixent_images *images;
  size_t capacity;
} rows;

static mixent_status make_room(const char *origin, rows *rows, bool labelled, bool located) {
  mixent_images *images = rows->images;
  if (images->count < rows->capacity) return MIXENT_OK;
  size_t capacity = 2 * rows->capacity + 64;
  MIXENT_TRY(mixent_resize((void **)&images->features, (size_t)images->channels * sizeof *images->features,
                           capacity, origin));
  if (labelled) MIXENT_TRY(MIXENT_RESIZE(&images->labels, capacity, origin));
  if (located) MIXENT_TRY(MIXENT_RESIZE(&images->files, capacity, origin));
  rows->capacity = capacity;
  return MIXENT_OK;
}

/* " in column 'age'", "" without a header */
static const char *column_text(const mixent_encoder_column *column, char out[128]) {
  *out = 0;
  if (column->name) snprintf(out, 128, " in column '%.80s'", column->name);
  return out;
}

static mixent_status read_number(const mixent_csv *csv, const mixent_csv_cell *cell, char decimal,
                                 const mixent_encoder_column *column, float *out) {
  char text[128];
  bool right = mixent_cell_is_decimal(cell->text, decimal);
  char *comma = right && decimal == ',' ? strchr(cell->text, ',') : NULL;
  if (!right)
    return mixent_csv_fail(csv, cell, "'%.80s'%s is not a number%s", cell->text, column_text(column, text),
                           decimal == ',' ? " with a decimal comma" : "");
  if (comma) *comma = '.';
  double value = mixent_number_read(cell->text, NULL);
  if (comma) *comma = ',';
  if (!(fabs(value) <= MIXENT_LARGEST_FEATURE))
    return mixent_csv_fail(csv, cell, "'%.80s'%s is out of range; at most %g in size can be", cell->text,
                           column_text(column, text), MIXENT_LARGEST_FEATURE);
  *out = (float)value;
  return MIXENT_OK;
}

/* The index of a category; one that training did not see is counted. */
static mixent_status read_word(const mixent_csv_cell *cell, const mixent_encoder_column *column,
                               mixent_table_columns *columns, float *out) {
  char *word, text[128];
  MIXENT_TRY(mixent_text_compose(cell->text, &word));
  int found = mixent_encoder_find(column, word);
  free(word);
  *out = (float)found;
  if (found >= 0 || columns->unseen++) return MIXENT_OK;
  columns->first_unseen.line = cell->line;
  snprintf(columns->first_unseen.text, sizeof columns->first_unseen.text, "'%.24s'%.56s", cell->text,
           column_text(column, text));
  for (char *at = columns->first_unseen.text; *at; at++)
    if (*at == '\n' || *at == '\r') *at = ' '; /* a note has a line */
  return MIXENT_OK;
}

static bool is_gap(const char *text, const mixent_encoder_column *column, char decimal) {
  if (column->category ? mixent_cell_may_be_word(text) : mixent_cell_is_decimal(text, decimal)) return false;
  return mixent_cell_is_missing(text);
}

static mixent_status read_cell(const mixent_csv *csv, const mixent_csv_cell *cell,
                               const mixent_encoder_column *column, mixent_table_columns *columns,
                               float *out) {
  char text[128];
  if (is_gap(cell->text, column, columns->decimal)) {
    *out = NAN;
    if (columns->encoder->missing == MIXENT_MISSING_IMPUTE) return MIXENT_OK;
    return mixent_csv_fail(csv, cell,
                           "the value%s is missing; fill it in, or leave the row or the column out",
                           column_text(column, text));
  }
  return column->category ? read_word(cell, column, columns, out)
                          : read_number(csv, cell, columns->decimal, column, out);
}

/* Of a row: false where it has none and is left out. */
static mixent_status read_label(const mixent_csv *csv, mixent_table_columns *columns,
                                mixent_class_names *words, int32_t *out, bool *found) {
  const mixent_csv_cell *cell = &csv->cells[columns->label];
  *found = !mixent_cell_is_missing(cell->text);
  if (*found) return mixent_class_names_add(words, csv->origin, cell->text, out);
  columns->unlabelled++;
  if (columns->encoder->missing == MIXENT_MISSING_IMPUTE) return MIXENT_OK;
  return mixent_csv_fail(csv, cell,
                         "the label is missing ('%.80s'); leave the row out, or give a class that is called "
                         "so another name",
                         cell->text);
}

static mixent_status add_row(const mixent_csv *csv, mixent_table_columns *columns, mixent_class_names *words,
                             rows *rows) {
  bool labelled = columns->label < columns->cells, found = true;
  if (csv->count != columns->cells)
    return mixent_csv_fail(csv, &csv->cells[csv->count > columns->cells ? columns->cells : csv->count - 1],
                           "%zu cells in this row, but %zu in the first", csv->count, columns->cells);
  MIXENT_TRY(make_room(csv->origin, rows, labelled, columns->located));
  mixent_images *images = rows->images;
  if (labelled) MIXENT_TRY(read_label(csv, columns, words, &images->labels[images->count], &found));
  if (!found) return MIXENT_OK;
  const mixent_encoder *encoder = columns->encoder;
  float *feature = images->features + images->count * encoder->count;
  for (size_t k = 0; k < encoder->count; k++)
    MIXENT_TRY(read_cell(csv, &csv->cells[columns->places[k]], &encoder->columns[k], columns, &feature[k]));
  if (columns->located)
    MIXENT_TRY(mixent_print_text(&images->files[images->count], "%s:%zu", csv->origin, csv->cells[0].line));
  images->count++;
  return MIXENT_OK;
}

/* Holds the first row against that of the table in which the columns were found. */
static mixent_status check_first_row(const mixent_csv *csv, const mixent_table_columns *columns) {
  bool header = columns->header;
  size_t label = 0;
  if (header && csv->count + 1 == columns->cells)
    MIXENT_TRY(mixent_table_find_column(csv, columns->names[columns->label], 0, &label));
  if (label == csv->count)
    return mixent_csv_fail(
        csv, &csv->cells[0],
        "no column '%.80s' with the labels, so nothing can be scored on it; name the train table "
        "alone, of which a test part is set apart, and give this one to 'mixent predict'",
        columns->names[columns->label]);
  if (csv->count != columns->cells)
    return mixent_csv_fail(csv, &csv->cells[0], "%zu columns, but %zu in the other table; both need the same",
                           csv->count, columns->cells);
  for (size_t i = 0; header && i < csv->count; i++) {
    bool same;
    MIXENT_TRY(mixent_text_same(csv->cells[i].text, columns->names[i], &same));
    if (same) continue;
    MIXENT_TRY(mixent_table_is_header(csv, columns->label, &header));
    if (header)
      return mixent_csv_fail(csv, &csv->cells[i],
                             "column '%.80s' is '%.80s' in the other table; both need the same, in one order",
                             csv->cells[i].text, columns->names[i]);
  }
  if (header == columns->header) return MIXENT_OK;
  return mixent_csv_fail(csv, &csv->cells[0], "one of the two tables has a header, the other has not");
}

static mixent_status read_table(mixent_csv *csv, bool other, mixent_table_columns *columns,
                                mixent_class_names *words, mixent_images *out) {
  bool found;
  rows rows = {.images = out};
  out->side = 1;
  out->channels = (int)columns->encoder->count;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  if (!found) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: nothing is in it", csv->origin);
  if (other) MIXENT_TRY(check_first_row(csv, columns));
  if (columns->header) MIXENT_TRY(mixent_csv_next(csv, &found));
  while (found) {
    MIXENT_TRY(add_row(csv, columns, words, &rows));
    MIXENT_TRY(mixent_csv_next(csv, &found));
  }
  if (out->count || columns->label == columns->cells) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: a header and no row below it", csv->origin);
}

mixent_status mixent_table_parse(const char *origin, char *text, size_t size, bool other,
                                 mixent_table_columns *columns, mixent_class_names *words,
                                 mixent_images *out) {
  mixent_csv csv;
  MIXENT_TRY(mixent_csv_begin(origin, text, size, &csv));
  csv.separator = columns->separator;
  mixent_status status = read_table(&csv, other, columns, words, out);
  mixent_csv_end(&csv);
  return status;
}

mixent_status mixent_table_note(const mixent_table_columns *columns, const char *origin, char **note) {
  char more[48] = "";
  if (columns->unlabelled)
    MIXENT_TRY(mixent_note_add(note, MIXENT_UNLABELLED_NOTE, origin, columns->unlabelled));
  if (!columns->unseen) return MIXENT_OK;
  if (columns->unseen > 1)
    snprintf(more, sizeof more, " (and %s)", mixent_text_counted(columns->unseen - 1, "more cells"));
  return mixent_note_add(note,
                         "unseen-category: %s:%zu: %s%s is in no train row; the features of its column are 0",
                         origin, columns->first_unseen.line, columns->first_unseen.text, more);
}
