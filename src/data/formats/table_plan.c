/* Finding the columns of a table in a first pass: names, labels, decimal point, and whether a column holds numbers or words. */
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "data/formats/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LIST = 600 }; /* of columns in a message */

/* A table while it is planned. */
typedef struct plan {
  const char *origin;
  const mixent_table_options *options;
  mixent_table_columns *columns;
  mixent_survey survey;
  mixent_survey_cell nameless; /* the first column without a name */
  bool *left_out, *forced;     /* [cells] */
} plan;

static const char *text_of(const char *option) {
  return option ? option : "";
}

/* Where nothing else is said, a decimal comma is looked for only where no comma separates cells. */
static mixent_decimal choose_decimal(mixent_decimal option, char separator) {
  return option == MIXENT_DECIMAL_AUTO && separator == ',' ? MIXENT_DECIMAL_POINT : option;
}

/* A column by its number from 1; `cells` if the text is none. */
static size_t column_number(const char *text, size_t cells) {
  char *end;
  unsigned long number = *text >= '1' && *text <= '9' ? strtoul(text, &end, 10) : 0;
  return number >= 1 && number <= cells && !*end ? number - 1 : cells;
}

/* ------------------------------------------------------------------ the first row - */

static mixent_status decide_header(const mixent_csv *csv, const mixent_table_options *options, bool *out) {
  const char *wanted = text_of(options->label);
  size_t number = column_number(wanted, csv->count), label = csv->count;
  *out = options->header == MIXENT_HEADER_YES;
  if (options->header != MIXENT_HEADER_AUTO) return MIXENT_OK;
  if (*wanted && number == csv->count) MIXENT_TRY(mixent_table_find_column(csv, wanted, 0, &label));
  *out = label < csv->count;
  if (*out) return MIXENT_OK;
  return mixent_table_is_header(csv, number < csv->count ? number : csv->count - 1, out);
}

static mixent_status take_names(const mixent_csv *csv, plan *plan) {
  mixent_table_columns *columns = plan->columns;
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, &columns->names));
  for (size_t i = 0; i < csv->count; i++) {
    const mixent_csv_cell *cell = &csv->cells[i];
    if (!*cell->text && !plan->nameless.line)
      plan->nameless = (mixent_survey_cell){.line = cell->line, .column = cell->column};
    MIXENT_TRY(mixent_text_compose(cell->text, &columns->names[i]));
  }
  return MIXENT_OK;
}

static mixent_status take_label(const mixent_csv *csv, plan *plan) {
  mixent_table_columns *columns = plan->columns;
  const char *wanted = text_of(plan->options->label);
  if (columns->header) return mixent_table_find_label(csv, wanted, &columns->label);
  columns->label = *wanted ? column_number(wanted, csv->count) : csv->count - 1;
  if (columns->label < csv->count) return MIXENT_OK;
  return mixent_csv_fail(csv, &csv->cells[0],
                         "label: '%.80s': the table has no header; give the number of the column, 1 to %zu, "
                         "or set header=yes",
                         wanted, csv->count);
}

/* Marks the columns that an option names, with commas between. */
static mixent_status mark_columns(const mixent_csv *csv, const plan *plan, const char *option,
                                  const char *value, bool *marked) {
  char which[48];
  snprintf(which, sizeof which, "the option %s names", option);
  for (const char *at = text_of(value); *at;) {
    char *name;
    size_t length = strcspn(at, ","), column;
    while (*at == ' ') at++, length--;
    MIXENT_TRY(mixent_copy_start(at, length, &name));
    for (size_t end = strlen(name); end && name[end - 1] == ' ';) name[--end] = 0;
    mixent_status status = MIXENT_OK;
    if (plan->columns->header)
      status = mixent_table_find_column(csv, name, 0, &column);
    else
      column = column_number(name, csv->count);
    if (status == MIXENT_OK && column == csv->count) status = mixent_table_fail_column(csv, name, which);
    if (status == MIXENT_OK && column == plan->columns->label)
      status =
          mixent_csv_fail(csv, &csv->cells[column],
                          "column '%.80s' holds the labels, so the option %s cannot name it", name, option);
    free(name);
    MIXENT_TRY(status);
    marked[column] = true;
    at += length + (at[length] == ',');
  }
  return MIXENT_OK;
}

/* Leaves the first row of data in `csv`. */
static mixent_status take_first_row(mixent_csv *csv, plan *plan) {
  mixent_table_columns *columns = plan->columns;
  bool found;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  if (!found) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: nothing is in it", csv->origin);
  if (csv->count < 2)
    return mixent_csv_fail(csv, &csv->cells[0],
                           "one column; features and a label are to be separated by commas, semicolons or "
                           "tabs (separator=pipe: by |)");
  if (csv->count - 1 > MIXENT_MOST_FEATURES)
    return mixent_csv_fail(csv, &csv->cells[0], "%zu features; at most %d can be", csv->count - 1,
                           MIXENT_MOST_FEATURES);
  columns->cells = csv->count;
  MIXENT_TRY(decide_header(csv, plan->options, &columns->header));
  MIXENT_TRY(take_label(csv, plan));
  if (columns->header) MIXENT_TRY(take_names(csv, plan));
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, &plan->left_out));
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, &plan->forced));
  MIXENT_TRY(mark_columns(csv, plan, "leave_out", plan->options->leave_out, plan->left_out));
  MIXENT_TRY(mark_columns(csv, plan, "categories", plan->options->categories, plan->forced));
  if (!columns->header) return MIXENT_OK;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  if (found) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: a header and no row below it", csv->origin);
}

static mixent_status survey_table(const char *text, size_t size, plan *plan) {
  mixent_csv csv;
  char *copy;
  MIXENT_TRY(mixent_csv_copy(text, size, &copy));
  mixent_table_columns *columns = plan->columns;
  mixent_status status = mixent_csv_begin(plan->origin, copy, size, &csv);
  csv.separator = columns->separator = mixent_csv_separator(plan->options->separator, text, size);
  if (status == MIXENT_OK) status = take_first_row(&csv, plan);
  if (status == MIXENT_OK)
    status = mixent_survey_create(columns->cells, choose_decimal(plan->options->decimal, columns->separator),
                                  &plan->survey);
  for (size_t c = 0; c < plan->survey.count; c++) {
    plan->survey.columns[c].labels = c == columns->label;
    plan->survey.columns[c].all_words = plan->forced[c] || c == columns->label;
  }
  if (status == MIXENT_OK) status = mixent_survey_rows(&csv, &plan->survey);
  mixent_csv_end(&csv);
  free(copy);
  return status;
}

/* ------------------------------------------------------------------ the columns --- */

static bool is_feature(const plan *plan, size_t column) {
  return column != plan->columns->label && !plan->left_out[column];
}

/* Whether the first row, taken for names, looks like the rows below it: no column holds numbers, and half of its cells or more occur
 * again in their columns. */
static bool repeats_header(const plan *plan) {
  size_t words = 0, again = 0;
  for (size_t c = 0; c < plan->survey.count; c++) {
    const mixent_survey_column *column = &plan->survey.columns[c];
    if (c == plan->columns->label) continue;
    if (column->numbers) return false;
    words++;
    for (int k = 0; k < column->distinct_count; k++)
      again += strcmp(column->distinct[k], plan->columns->names[c]) == 0;
  }
  return 2 * again >= words;
}

/* "column 'age'", or "column 3" */
static const char *name_column(const plan *plan, size_t column, char out[128]) {
  const char *name = plan->columns->names ? plan->columns->names[column] : NULL;
  mixent_encoder_column of = {.name = (char *)name, .place = column};
  return mixent_encoder_column_text(&of, out);
}

/* "leave_out=age leaves it out": the text behind the equals sign */
static const char *option_value(const plan *plan, size_t column, char out[32]) {
  if (plan->columns->names) return plan->columns->names[column];
  mixent_print(out, 32, "%zu", column + 1);
  return out;
}

static mixent_status find_decimal(plan *plan) {
  const mixent_survey_cell *point = NULL, *comma = NULL;
  for (size_t c = 0; c < plan->survey.count; c++) {
    if (!is_feature(plan, c)) continue;
    const mixent_survey_column *column = &plan->survey.columns[c];
    if (column->point.line && !point) point = &column->point;
    if (column->comma.line && !comma) comma = &column->comma;
  }
  plan->columns->decimal = comma ? ',' : '.';
  if (!point || !comma || plan->survey.decimal != MIXENT_DECIMAL_AUTO) return MIXENT_OK;
  return mixent_survey_fail(plan->origin, comma,
                            "'%s' has a decimal comma, but '%s' in line %zu a decimal point; say which with "
                            "decimal=comma or decimal=point, and write numbers without thousands separators",
                            comma->text, point->text, point->line);
}

/* A column without a name that numbers the rows, as pandas writes one, is left out. */
static mixent_status check_names(plan *plan) {
  mixent_table_columns *columns = plan->columns;
  for (size_t c = 0; columns->header && c < columns->cells; c++) {
    if (*columns->names[c] || plan->left_out[c]) continue;
    if (c == columns->label || !plan->survey.columns[c].counts)
      return mixent_survey_fail(plan->origin, &plan->nameless,
                                "a column without a name, which does not number the rows; name it");
    columns->numbering = plan->left_out[c] = true;
  }
  return MIXENT_OK;
}

/* What the labels lack. */
static mixent_status check_labels(const plan *plan) {
  const mixent_survey_column *labels = &plan->survey.columns[plan->columns->label];
  char more[80] = "";
  if (labels->words == 0)
    return mixent_survey_fail(plan->origin, &labels->gap, "the label is missing, as in all %zu rows",
                              plan->survey.rows);
  if (!labels->missing || plan->options->missing == MIXENT_MISSING_IMPUTE) return MIXENT_OK;
  if (labels->missing > 1)
    mixent_print(more, sizeof more, ", as in %zu more of %zu rows", labels->missing - 1, plan->survey.rows);
  return mixent_survey_fail(
      plan->origin, &labels->gap,
      "the label is missing ('%s')%s; leave such rows out, let missing=impute do so, or "
      "give a class that is called so another name",
      labels->gap.text, more);
}

/* The first cell of a column that is missing, of all columns. */
static mixent_status check_gaps(const plan *plan) {
  const mixent_survey_cell *first = NULL;
  size_t count = 0, of = 0;
  char column[128] = "", more[64] = "", text[96] = "";
  for (size_t c = 0; c < plan->survey.count; c++) {
    const mixent_survey_cell *gap = &plan->survey.columns[c].gap;
    if (!is_feature(plan, c) || !gap->line) continue;
    count += plan->survey.columns[c].missing;
    if (!first || gap->line < first->line) first = gap, of = c;
  }
  if (!first || plan->options->missing == MIXENT_MISSING_IMPUTE) return MIXENT_OK;
  if (plan->columns->names)
    mixent_print(column, sizeof column, " in column '%.80s'", plan->columns->names[of]);
  if (*first->text) mixent_print(text, sizeof text, " ('%s')", first->text);
  if (count > 1) mixent_print(more, sizeof more, ", as %zu more are", count - 1);
  return mixent_survey_fail(
      plan->origin, first,
      "the value%s is missing%s%s; fill it in, let missing=impute do so, or leave the row "
      "or the column out",
      column, text, more);
}

/* Whether a column of words can be learned from. */
static mixent_status check_words(const plan *plan, size_t c) {
  const mixent_survey_column *column = &plan->survey.columns[c];
  char name[128], value[32];
  const char *option = option_value(plan, c, value);
  if (column->distinct_count > MIXENT_MOST_CATEGORIES)
    return mixent_survey_fail(plan->origin, &column->word,
                              "%s has more than %d distinct words ('%s'): free text or names, from which a "
                              "classifier learns nothing; leave it out with leave_out=%s",
                              name_column(plan, c, name), MIXENT_MOST_CATEGORIES, column->word.text, option);
  if (plan->forced[c]) return MIXENT_OK;
  if (mixent_survey_holds_dates(column))
    return mixent_survey_fail(
        plan->origin, &column->word,
        "%s holds dates or times ('%s'), which are neither numbers nor categories; make columns of year, month "
        "or "
        "hours of them, leave the column out with leave_out=%s, or read each as a category with categories=%s",
        name_column(plan, c, name), column->word.text, option, option);
  if (mixent_survey_holds_text(column))
    return mixent_survey_fail(
        plan->origin, &column->word,
        "%s holds free text or names: %d of %zu cells differ ('%s'); leave it out with leave_out=%s, or read "
        "each as a category with categories=%s",
        name_column(plan, c, name), column->distinct_count, column->words, column->word.text, option, option);
  return MIXENT_OK;
}

/* Whether a column holds numbers or words, and not both. */
static mixent_status check_column(const plan *plan, size_t c) {
  const mixent_survey_column *column = &plan->survey.columns[c];
  char where[128] = "", value[32];
  bool one = column->numbers == 1;
  if (!column->words) return MIXENT_OK;
  if (!column->numbers) return check_words(plan, c);
  if (plan->columns->names) mixent_print(where, sizeof where, " in column '%.80s'", plan->columns->names[c]);
  return mixent_survey_fail(
      plan->origin, &column->word,
      "'%s'%s is not a number, as %zu cell%s of the column %s; mend it, leave it empty, or "
      "read the column as words with categories=%s",
      column->word.text, where, column->numbers, one ? "" : "s", one ? "is" : "are",
      option_value(plan, c, value));
}

/* The first column that cannot be read, and what leaves out all of them. */
static mixent_status check_columns(const plan *plan) {
  mixent_text all = {0}, first = {0};
  size_t refused = 0;
  mixent_status status = MIXENT_OK;
  for (size_t c = 0; c < plan->survey.count; c++) {
    char value[32];
    if (!is_feature(plan, c) || check_column(plan, c) == MIXENT_OK) continue;
    if (!refused) mixent_text_append(&first, "%s", mixent_last_error());
    mixent_text_append(&all, "%s%s", refused++ ? "," : "", option_value(plan, c, value));
  }
  if (mixent_text_status(&all) != MIXENT_OK || mixent_text_status(&first) != MIXENT_OK)
    status = MIXENT_ERROR_MEMORY;
  else if (refused > 1 && all.length < LONGEST_LIST)
    status = mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s; of %zu columns that cannot be read this is the first, and leave_out=%s leaves "
                         "out all",
                         first.data, refused, all.data);
  else if (refused)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s", first.data);
  mixent_text_free(&all);
  mixent_text_free(&first);
  return status;
}

static mixent_status take_column(plan *plan, size_t c, mixent_encoder_column *out) {
  mixent_survey_column *column = &plan->survey.columns[c];
  out->place = c;
  out->category = column->words > 0;
  if (out->category) {
    out->words = column->distinct, out->word_count = column->distinct_count;
    column->distinct = NULL, column->distinct_count = 0;
  }
  return plan->columns->names ? mixent_copy_text(plan->columns->names[c], &out->name) : MIXENT_OK;
}

static mixent_status make_encoder(plan *plan) {
  mixent_table_columns *columns = plan->columns;
  size_t count = 0;
  for (size_t c = 0; c < columns->cells; c++) count += is_feature(plan, c);
  if (!count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: leave_out names all columns but that of the labels",
                       plan->origin);
  MIXENT_TRY(mixent_encoder_create(count, &columns->encoder));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &columns->places));
  mixent_encoder *encoder = columns->encoder;
  encoder->missing = plan->options->missing, encoder->separator = plan->options->separator;
  encoder->decimal = plan->options->decimal, encoder->header = columns->header;
  encoder->cells = columns->cells, encoder->label = columns->label;
  if (columns->header) MIXENT_TRY(mixent_copy_text(columns->names[columns->label], &encoder->label_name));
  for (size_t c = 0, k = 0; c < columns->cells; c++) {
    if (!is_feature(plan, c)) continue;
    columns->places[k] = c;
    MIXENT_TRY(take_column(plan, c, &encoder->columns[k++]));
  }
  return MIXENT_OK;
}

static mixent_status judge(plan *plan) {
  MIXENT_TRY(find_decimal(plan));
  MIXENT_TRY(check_names(plan));
  MIXENT_TRY(check_columns(plan));
  MIXENT_TRY(check_gaps(plan));
  MIXENT_TRY(check_labels(plan));
  return make_encoder(plan);
}

static mixent_status plan_table(const char *text, size_t size, plan *plan, bool *again) {
  MIXENT_TRY(survey_table(text, size, plan));
  *again = plan->columns->header && plan->options->header == MIXENT_HEADER_AUTO &&
           !*text_of(plan->options->label) && repeats_header(plan);
  return *again ? MIXENT_OK : judge(plan);
}

mixent_status mixent_table_plan(const char *origin, const char *text, size_t size,
                                const mixent_table_options *options, mixent_table_columns *out) {
  mixent_table_options without = *options;
  without.header = MIXENT_HEADER_NO;
  mixent_status status = MIXENT_OK;
  bool again = true;
  for (int i = 0; i < 2 && again && status == MIXENT_OK; i++) {
    plan plan = {.origin = origin, .options = i ? &without : options, .columns = out};
    mixent_table_columns_free(out);
    status = plan_table(text, size, &plan, &again);
    mixent_survey_free(&plan.survey);
    free(plan.left_out);
    free(plan.forced);
  }
  return status;
}
