/* What the first row of a table says of its columns. */
#include "core/cell.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "data/formats/table.h"

/* The names that a column of labels has; "y" only beside no "x", for then both are coordinates. */
static const char *const label_columns[] = {"label", "class", "target", NULL};

static bool names_labels(const char *text) {
  for (size_t i = 0; label_columns[i]; i++)
    if (mixent_same_word(text, label_columns[i])) return true;
  return false;
}

/* Words that stand for a missing value are no names: their row is data with a mistake in it. Numbers and words are an
 * error: nobody knows whether they are names, or data with a mistake. */
mixent_status mixent_table_is_header(const mixent_csv *csv, size_t label, bool *out) {
  const mixent_csv_cell *word = NULL, *number = NULL;
  *out = true;
  for (size_t i = 0; i < csv->count; i++)
    if (names_labels(csv->cells[i].text)) return MIXENT_OK;
  *out = false;
  for (size_t i = 0; i < csv->count; i++) {
    const mixent_csv_cell *cell = &csv->cells[i];
    if (i == label || !*cell->text) continue;
    if (mixent_cell_is_missing(cell->text)) return MIXENT_OK;
    bool numeric = mixent_cell_is_number(cell->text) || mixent_cell_is_decimal(cell->text, ',');
    const mixent_csv_cell **kind = numeric ? &number : &word;
    if (!*kind) *kind = cell;
  }
  if (word && number)
    return mixent_csv_fail(csv, word,
                           "'%.80s' is no number, but '%.80s' in the same row is; if the row names the "
                           "columns, call that of the labels 'label' or set header=yes, if it is data, set "
                           "header=no",
                           word->text, number->text);
  *out = word != NULL;
  return MIXENT_OK;
}

mixent_status mixent_table_find_column(const mixent_csv *csv, const char *name, size_t first, size_t *out) {
  bool same = false;
  for (size_t tried = 0; tried < csv->count && !same; tried++) {
    *out = (first + tried) % csv->count;
    MIXENT_TRY(mixent_text_same(csv->cells[*out].text, name, &same));
  }
  if (!same) *out = csv->count;
  return MIXENT_OK;
}

mixent_status mixent_table_fail_column(const mixent_csv *csv, const char *name, const char *which) {
  enum { SHOWN = 12 };
  mixent_text columns = {0};
  for (size_t i = 0; i < csv->count && i < SHOWN; i++)
    mixent_text_append_item(&columns, i, "'%.40s'", csv->cells[i].text);
  if (csv->count > SHOWN) mixent_text_append(&columns, " and %zu more", csv->count - SHOWN);
  mixent_status status = mixent_text_status(&columns);
  if (status == MIXENT_OK)
    status = mixent_csv_fail(csv, &csv->cells[0], "no column '%.80s', which %s; the first row has %s", name,
                             which, columns.data);
  mixent_text_free(&columns);
  return status;
}

/* The column whose name is that word in capitals or not; csv->count if there is none. */
static size_t find_word(const mixent_csv *csv, const char *word) {
  size_t i = 0;
  while (i < csv->count && !mixent_same_word(csv->cells[i].text, word)) i++;
  return i;
}

mixent_status mixent_table_find_label(const mixent_csv *csv, const char *wanted, size_t *out) {
  if (*wanted) {
    MIXENT_TRY(mixent_table_find_column(csv, wanted, 0, out));
    if (*out < csv->count) return MIXENT_OK;
    return mixent_table_fail_column(csv, wanted, "the option label names");
  }
  *out = csv->count;
  for (size_t i = 0; i < csv->count; i++) {
    if (!names_labels(csv->cells[i].text)) continue;
    if (*out < csv->count)
      return mixent_csv_fail(csv, &csv->cells[i],
                             "both '%.80s' and '%.80s' could be the labels; say which with label=COLUMN",
                             csv->cells[*out].text, csv->cells[i].text);
    *out = i;
  }
  if (*out == csv->count && find_word(csv, "x") == csv->count) *out = find_word(csv, "y");
  if (*out == csv->count) *out = csv->count - 1;
  return MIXENT_OK;
}
