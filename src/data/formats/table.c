/* Reads tables: which column is what from the first row, then numbers and labels row by row. */
#include "data/formats/table.h"
#include "core/cell.h"
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/status.h"
#include "core/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 2147483647 };
static const char *const label_columns[] = {"label", "class", "target", NULL};

void mixent_table_columns_free(mixent_table_columns *columns) {
  for (size_t i = 0; columns->names && i < columns->cells; i++) free(columns->names[i]);
  free(columns->names);
  *columns = (mixent_table_columns){0};
}

static bool names_labels(const char *text) {
  for (size_t i = 0; label_columns[i]; i++)
    if (mixent_same_word(text, label_columns[i])) return true;
  return false;
}

/* Whether a first row names the columns: one of them names the labels, or the first `count`, which hold no labels, are words.
 * Words that stand for a missing value are no names: their row is data with a mistake in it. Numbers and words are an
 * error: nobody knows whether they are names, or data with a mistake. */
static mixent_status is_header(const mixent_csv *csv, size_t count, bool *out) {
  const mixent_csv_cell *word = NULL, *number = NULL;
  *out = true;
  for (size_t i = 0; i < csv->count; i++)
    if (names_labels(csv->cells[i].text)) return MIXENT_OK;
  *out = false;
  for (size_t i = 0; i < count; i++) {
    const mixent_csv_cell *cell = &csv->cells[i];
    if (!*cell->text) continue;
    if (mixent_cell_is_missing(cell->text)) return MIXENT_OK;
    const mixent_csv_cell **kind = mixent_cell_is_number(cell->text) ? &number : &word;
    if (!*kind) *kind = cell;
  }
  if (word && number)
    return mixent_csv_fail(csv, word,
                           "'%.80s' is no number, but '%.80s' in the same row is; if the row names the "
                           "columns, call that of the "
                           "labels 'label'",
                           word->text, number->text);
  *out = word != NULL;
  return MIXENT_OK;
}

static const char *column_name(const mixent_table_columns *columns, size_t i) {
  return columns->names ? columns->names[i] : NULL;
}

static mixent_status take_names(const mixent_csv *csv, mixent_table_columns *out) {
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, &out->names));
  bool found = false;
  for (size_t i = 0; i < csv->count; i++) {
    const mixent_csv_cell *cell = &csv->cells[i];
    if (!*cell->text)
      return mixent_csv_fail(csv, cell, "a column without a name; if it numbers the rows, leave it out");
    if (names_labels(cell->text) && found)
      return mixent_csv_fail(csv, cell, "both '%.80s' and '%.80s' could be the labels; rename one",
                             csv->cells[out->label].text, cell->text);
    if (names_labels(cell->text)) found = true, out->label = i;
    MIXENT_TRY(mixent_copy_text(cell->text, &out->names[i]));
  }
  return MIXENT_OK;
}

static mixent_status find_columns(const mixent_csv *csv, bool header, mixent_table_columns *out) {
  if (csv->count < 2)
    return mixent_csv_fail(csv, &csv->cells[0],
                           "one column; features and a label are to be separated by commas");
  if (csv->count - 1 > MIXENT_MOST_FEATURES)
    return mixent_csv_fail(csv, &csv->cells[0], "%zu features; at most %d can be", csv->count - 1,
                           MIXENT_MOST_FEATURES);
  out->cells = csv->count;
  out->label = csv->count - 1;
  return header ? take_names(csv, out) : MIXENT_OK;
}

static mixent_status check_columns(const mixent_csv *csv, bool header, const mixent_table_columns *columns) {
  if (csv->count != columns->cells)
    return mixent_csv_fail(csv, &csv->cells[0], "%zu columns, but %zu in the other table; both need the same",
                           csv->count, columns->cells);
  if (header != (columns->names != NULL))
    return mixent_csv_fail(csv, &csv->cells[0], "one of the two tables has a header, the other has not");
  for (size_t i = 0; header && i < csv->count; i++) {
    bool same;
    MIXENT_TRY(mixent_text_same(csv->cells[i].text, columns->names[i], &same));
    if (!same)
      return mixent_csv_fail(csv, &csv->cells[i],
                             "column '%.80s' is '%.80s' in the other table; both need the same, in one order",
                             csv->cells[i].text, columns->names[i]);
  }
  return MIXENT_OK;
}

/* Rows that grow. */
typedef struct rows {
  mixent_images *images;
  size_t capacity;
} rows;

static mixent_status make_room(const char *origin, rows *rows) {
  mixent_images *images = rows->images;
  if (images->count < rows->capacity) return MIXENT_OK;
  size_t capacity = 2 * rows->capacity + 64;
  MIXENT_TRY(mixent_resize((void **)&images->features, (size_t)images->channels * sizeof *images->features,
                           capacity, origin));
  MIXENT_TRY(MIXENT_RESIZE(&images->labels, capacity, origin));
  rows->capacity = capacity;
  return MIXENT_OK;
}

static mixent_status check_row(const mixent_csv *csv, size_t cells) {
  if (csv->count == cells) return MIXENT_OK;
  return mixent_csv_fail(csv, &csv->cells[csv->count > cells ? cells : csv->count - 1],
                         "%zu cells in this row, but %zu in the first", csv->count, cells);
}

static mixent_status add_row(const mixent_csv *csv, const mixent_table_columns *columns,
                             mixent_class_names *words, rows *rows) {
  MIXENT_TRY(check_row(csv, columns->cells));
  MIXENT_TRY(make_room(csv->origin, rows));
  mixent_images *images = rows->images;
  float *feature = images->features + images->count * (size_t)images->channels;
  for (size_t i = 0; i < csv->count; i++) {
    const mixent_csv_cell *cell = &csv->cells[i];
    if (i != columns->label)
      MIXENT_TRY(mixent_csv_feature(csv, cell, column_name(columns, i), feature++));
    else if (mixent_cell_is_missing(cell->text))
      return mixent_csv_fail(csv, cell,
                             "the label is missing ('%.80s'); leave the row out, or give a class that is "
                             "called so another name",
                             cell->text);
    else
      MIXENT_TRY(mixent_class_names_add(words, csv->origin, cell->text, &images->labels[images->count]));
  }
  images->count++;
  return MIXENT_OK;
}

static mixent_status read_table(mixent_csv *csv, mixent_table_columns *columns, mixent_class_names *words,
                                mixent_images *out) {
  bool found;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  if (!found) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: nothing is in it", csv->origin);
  bool header;
  MIXENT_TRY(is_header(csv, csv->count - 1, &header));
  MIXENT_TRY(columns->cells ? check_columns(csv, header, columns) : find_columns(csv, header, columns));
  out->side = 1;
  out->channels = (int)columns->cells - 1;
  rows rows = {.images = out};
  if (header) MIXENT_TRY(mixent_csv_next(csv, &found));
  while (found) {
    MIXENT_TRY(add_row(csv, columns, words, &rows));
    MIXENT_TRY(mixent_csv_next(csv, &found));
  }
  if (out->count) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: a header and no row below it", csv->origin);
}

mixent_status mixent_table_parse(const char *origin, char *text, size_t size, mixent_table_columns *columns,
                                 mixent_class_names *words, mixent_images *out) {
  mixent_csv csv;
  MIXENT_TRY(mixent_csv_begin(origin, text, size, &csv));
  mixent_status status = read_table(&csv, columns, words, out);
  mixent_csv_end(&csv);
  return status;
}

/* The column of that name, looked for from `first` on and round; csv->count if there is none. */
static mixent_status find_column(const mixent_csv *csv, const char *name, size_t first, size_t *out) {
  bool same = false;
  for (size_t tried = 0; tried < csv->count && !same; tried++) {
    *out = (first + tried) % csv->count;
    MIXENT_TRY(mixent_text_same(csv->cells[*out].text, name, &same));
  }
  if (!same) *out = csv->count;
  return MIXENT_OK;
}

/* places[k]: the cell of feature k in each row, by the names in the header; without names all cells are features. */
static mixent_status place_features(const mixent_csv *csv, const char *const *names, size_t count,
                                    bool header, size_t *places) {
  if (!names || !header) {
    for (size_t k = 0; k < count; k++) places[k] = k;
    if (csv->count == count) return MIXENT_OK;
    return mixent_csv_fail(csv, &csv->cells[0],
                           "%zu columns, but the model reads %zu features; leave all others out%s",
                           csv->count, count, names ? ", or name the columns in a header" : "");
  }
  for (size_t k = 0, next = 0; k < count; k++, next = places[k - 1] + 1) {
    MIXENT_TRY(find_column(csv, names[k], next % csv->count, &places[k]));
    if (places[k] == csv->count)
      return mixent_csv_fail(csv, &csv->cells[0], "no column '%.80s', which the model reads", names[k]);
  }
  return MIXENT_OK;
}

/* Whether a row has all names of the model's features. */
static mixent_status has_names(const mixent_csv *csv, const char *const *names, size_t count, bool *out) {
  *out = names;
  for (size_t k = 0; k < count && *out; k++) {
    size_t column;
    MIXENT_TRY(find_column(csv, names[k], k % csv->count, &column));
    *out = column < csv->count;
  }
  return MIXENT_OK;
}

/* Reads all rows, the first of which may name the columns. */
static mixent_status read_features(mixent_csv *csv, const char *const *names, size_t count, size_t *places,
                                   mixent_images *out) {
  rows rows = {.images = out};
  size_t cells = 0;
  for (bool found = true, first = true; found; first = false) {
    MIXENT_TRY(mixent_csv_next(csv, &found));
    if (first && !found) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: nothing is in it", csv->origin);
    if (!found) break;
    if (first) {
      bool header;
      MIXENT_TRY(has_names(csv, names, count, &header));
      if (!header) MIXENT_TRY(is_header(csv, csv->count, &header));
      MIXENT_TRY(place_features(csv, names, count, header, places));
      cells = csv->count;
      if (header) continue;
    }
    MIXENT_TRY(check_row(csv, cells));
    MIXENT_TRY(make_room(csv->origin, &rows));
    float *feature = out->features + out->count++ * count;
    for (size_t k = 0; k < count; k++)
      MIXENT_TRY(mixent_csv_feature(csv, &csv->cells[places[k]], names ? names[k] : NULL, &feature[k]));
  }
  return MIXENT_OK;
}

mixent_status mixent_features_read(const char *path, const char *const *names, int count,
                                   mixent_images *out) {
  MIXENT_NEED(path);
  MIXENT_NEED(out);
  if (count < 1 || count > MIXENT_MOST_FEATURES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected 1 to %d features, got %d", path,
                       MIXENT_MOST_FEATURES, count);
  for (int i = 0; names && i < count; i++) MIXENT_NEED(names[i]);
  char *text;
  size_t size, *places = NULL;
  mixent_csv csv = {0};
  *out = (mixent_images){.side = 1, .channels = count};
  MIXENT_TRY(mixent_file_read(path, LIMIT, &text, &size));
  mixent_status status = mixent_csv_begin(path, text, size, &csv);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count, &places);
  if (status == MIXENT_OK) status = read_features(&csv, names, (size_t)count, places, out);
  mixent_csv_end(&csv);
  free(places);
  free(text);
  if (status != MIXENT_OK) mixent_images_free(out);
  return status;
}
