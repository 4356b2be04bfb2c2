/* Counting what stands in the columns of a table. */
#include "data/formats/survey.h"
#include "core/cell.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOME_CATEGORIES = 20 }; /* as many are never suspected of being text */

mixent_status mixent_survey_create(size_t columns, mixent_decimal decimal, mixent_survey *out) {
  *out = (mixent_survey){.decimal = decimal};
  MIXENT_TRY(MIXENT_ALLOCATE(columns, &out->columns));
  out->count = columns;
  for (size_t c = 0; c < columns; c++) out->columns[c].counts = true;
  return MIXENT_OK;
}

void mixent_survey_free(mixent_survey *survey) {
  for (size_t c = 0; c < survey->count; c++) {
    mixent_survey_column *column = &survey->columns[c];
    for (int k = 0; k < column->distinct_count; k++) free(column->distinct[k]);
    free(column->distinct);
  }
  free(survey->columns);
  *survey = (mixent_survey){0};
}

mixent_status mixent_survey_fail(const char *origin, const mixent_survey_cell *cell, const char *format,
                                 ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  mixent_print_list(message, sizeof message, format, arguments);
  va_end(arguments);
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: %s", origin, cell->line, cell->column, message);
}

static void keep_first(mixent_survey_cell *first, const mixent_csv_cell *cell) {
  if (first->line) return;
  first->line = cell->line, first->column = cell->column;
  snprintf(first->text, sizeof first->text, "%.80s", cell->text);
}

/* The word in normal form C among the distinct ones, unless these are too many anyway. */
static mixent_status add_word(mixent_survey_column *column, const char *text) {
  int low = 0, high = column->distinct_count;
  char *word;
  if (high > MIXENT_MOST_CATEGORIES) return MIXENT_OK;
  MIXENT_TRY(mixent_text_compose(text, &word));
  while (low < high) {
    int middle = (low + high) / 2, order = strcmp(word, column->distinct[middle]);
    if (order == 0) {
      free(word);
      return MIXENT_OK;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  mixent_status status = MIXENT_GROW(&column->distinct, column->distinct_count, "the words of a column");
  if (status != MIXENT_OK) {
    free(word);
    return status;
  }
  char **place = column->distinct + low;
  memmove(place + 1, place, (size_t)(column->distinct_count++ - low) * sizeof *place);
  *place = word;
  return MIXENT_OK;
}

/* Whether a cell is a number; first cells with a point or a comma are kept. */
static bool take_number(const mixent_survey *survey, mixent_survey_column *column,
                        const mixent_csv_cell *cell) {
  bool point = strchr(cell->text, '.'), comma = strchr(cell->text, ',');
  if (comma ? survey->decimal == MIXENT_DECIMAL_POINT || !mixent_cell_is_decimal(cell->text, ',')
            : (point && survey->decimal == MIXENT_DECIMAL_COMMA) || !mixent_cell_is_number(cell->text))
    return false;
  if (comma) keep_first(&column->comma, cell);
  if (point) keep_first(&column->point, cell);
  if (!column->counts) return true;
  double value = comma ? NAN : mixent_number_read(cell->text, NULL);
  column->counts = value == floor(value) && (!column->numbers || value == column->last + 1);
  column->last = value;
  return true;
}

static mixent_status take_cell(const mixent_survey *survey, mixent_survey_column *column,
                               const mixent_csv_cell *cell) {
  if (!column->all_words && take_number(survey, column, cell)) {
    keep_first(&column->number, cell);
    column->numbers++;
    return MIXENT_OK;
  }
  column->counts = false;
  if (!column->labels && mixent_cell_may_be_word(cell->text)) {
    keep_first(&column->none, cell);
    column->nones++;
    return MIXENT_OK;
  }
  if (mixent_cell_is_missing(cell->text)) {
    keep_first(&column->gap, cell);
    column->missing++;
    return MIXENT_OK;
  }
  keep_first(&column->word, cell);
  column->words++;
  column->dates += mixent_cell_is_date(cell->text);
  return add_word(column, cell->text);
}

/* What "none" is, now that the other cells are known. */
static mixent_status settle_nones(mixent_survey_column *column) {
  bool word = column->words > 0;
  mixent_survey_cell *first = word ? &column->word : &column->gap;
  if (!column->nones) return MIXENT_OK;
  if (!first->line || column->none.line < first->line) *first = column->none;
  if (!word) column->missing += column->nones;
  if (!word) return MIXENT_OK;
  column->words += column->nones;
  return add_word(column, column->none.text);
}

mixent_status mixent_survey_rows(mixent_csv *csv, mixent_survey *survey) {
  for (bool found = true; found; survey->rows++) {
    if (csv->count != survey->count)
      return mixent_csv_fail(csv, &csv->cells[csv->count > survey->count ? survey->count : csv->count - 1],
                             "%zu cells in this row, but %zu in the first", csv->count, survey->count);
    for (size_t c = 0; c < csv->count; c++)
      MIXENT_TRY(take_cell(survey, &survey->columns[c], &csv->cells[c]));
    MIXENT_TRY(mixent_csv_next(csv, &found));
  }
  for (size_t c = 0; c < survey->count; c++) MIXENT_TRY(settle_nones(&survey->columns[c]));
  return MIXENT_OK;
}

bool mixent_survey_holds_dates(const mixent_survey_column *column) {
  return column->words && 10 * column->dates >= 9 * column->words;
}

bool mixent_survey_holds_text(const mixent_survey_column *column) {
  return column->distinct_count > SOME_CATEGORIES && 2 * (size_t)column->distinct_count > column->words;
}
