/* Tables for an encoder that is fitted already: its columns by the names in the header, or by their places. */
#include "core/cell.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/status.h"
#include "data/formats/table.h"

#include <stdlib.h>

enum { LIMIT = 2147483647 };

/* Whether a row has all names of the encoder's columns; *missing is the first that it lacks. */
static mixent_status has_names(const mixent_csv *csv, const mixent_encoder *encoder, bool *out,
                               const char **missing) {
  *missing = NULL;
  for (size_t k = 0; k < encoder->count && encoder->header && !*missing; k++) {
    size_t column;
    MIXENT_TRY(mixent_table_find_column(csv, encoder->columns[k].name, k % csv->count, &column));
    if (column == csv->count) *missing = encoder->columns[k].name;
  }
  *out = encoder->header && !*missing;
  return MIXENT_OK;
}

/* Of columns of one name each has a place of its own, in the order of the training. */
static mixent_status place_by_name(const mixent_csv *csv, mixent_table_columns *out) {
  const mixent_encoder *encoder = out->encoder;
  bool *taken;
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, &taken));
  mixent_status status = MIXENT_OK;
  for (size_t k = 0, next = 0; k < encoder->count && status == MIXENT_OK; k++) {
    const char *name = encoder->columns[k].name;
    size_t tried = 0, *place = &out->places[k];
    do {
      status = mixent_table_find_column(csv, name, next % csv->count, place);
      next = *place + 1;
    } while (status == MIXENT_OK && taken[*place] && tried++ < csv->count);
    if (status == MIXENT_OK && taken[*place])
      status = mixent_csv_fail(csv, &csv->cells[*place],
                               "the model reads more columns called '%.80s' than there are here", name);
    taken[*place] = true;
  }
  free(taken);
  return status;
}

/* The column that the option names, else that of the training, else by the usual names. */
static mixent_status place_label(const mixent_csv *csv, const char *label, mixent_table_columns *out) {
  if (!*label && out->encoder->label_name) {
    MIXENT_TRY(mixent_table_find_column(csv, out->encoder->label_name, 0, &out->label));
    if (out->label < csv->count) return MIXENT_OK;
  }
  return mixent_table_find_label(csv, label, &out->label);
}

/* Rows have the cells of the training's, or these without the label, or the features alone. */
static mixent_status place_by_number(const mixent_csv *csv, bool labelled, mixent_table_columns *out) {
  const mixent_encoder *encoder = out->encoder;
  bool whole = csv->count == encoder->cells && encoder->cells > encoder->count,
       unlabelled = !labelled && encoder->cells > encoder->count && csv->count + 1 == encoder->cells;
  for (size_t k = 0; k < encoder->count; k++) {
    size_t place = encoder->columns[k].place;
    out->places[k] = whole ? place : unlabelled ? place - (place > encoder->label) : k;
  }
  if (labelled) out->label = whole ? encoder->label : csv->count - 1;
  if (whole || unlabelled || csv->count == encoder->count + labelled) return MIXENT_OK;
  return mixent_csv_fail(
      csv, &csv->cells[0], "%zu columns, but the model reads %zu features; leave all others out%s",
      csv->count, encoder->count + labelled, encoder->header ? ", or name the columns in a header" : "");
}

/* A first row of words for an encoder without names: names, if a number is expected under one of them. */
static mixent_status is_header(const mixent_csv *csv, const mixent_encoder *encoder, bool labelled,
                               bool *out) {
  bool number = false;
  size_t label = csv->count == encoder->cells ? encoder->label : csv->count - labelled;
  *out = false;
  for (size_t k = 0; k < encoder->count; k++) number |= !encoder->columns[k].category;
  return number ? mixent_table_is_header(csv, label, out) : MIXENT_OK;
}

static mixent_status place_columns(const mixent_csv *csv, const char *label, mixent_table_columns *out) {
  const char *missing;
  out->label = out->cells = csv->count;
  MIXENT_TRY(has_names(csv, out->encoder, &out->header, &missing));
  if (out->header) {
    MIXENT_TRY(place_by_name(csv, out));
    return label ? place_label(csv, label, out) : MIXENT_OK;
  }
  bool plain = mixent_encoder_is_plain(out->encoder);
  if (plain || !out->encoder->header) MIXENT_TRY(is_header(csv, out->encoder, label != NULL, &out->header));
  if (missing && (out->header || !plain)) return mixent_table_fail_column(csv, missing, "the model reads");
  return place_by_number(csv, label != NULL, out);
}

/* Of the columns that hold numbers. */
static mixent_status find_decimal(mixent_csv *csv, mixent_table_columns *out) {
  mixent_survey survey;
  bool found = true;
  if (out->header) MIXENT_TRY(mixent_csv_next(csv, &found));
  if (!found) return MIXENT_OK;
  mixent_status status = mixent_survey_create(out->cells, MIXENT_DECIMAL_AUTO, &survey);
  if (status == MIXENT_OK) status = mixent_survey_rows(csv, &survey);
  for (size_t k = 0; k < out->encoder->count && status == MIXENT_OK; k++)
    if (!out->encoder->columns[k].category && survey.columns[out->places[k]].comma.line) out->decimal = ',';
  mixent_survey_free(&survey);
  return status;
}

static mixent_status place_table(mixent_csv *csv, const char *label, mixent_table_columns *out) {
  bool found;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  if (!found) return mixent_fail(MIXENT_ERROR_FORMAT, "%s: nothing is in it", csv->origin);
  MIXENT_TRY(place_columns(csv, label, out));
  mixent_decimal decimal = out->encoder->decimal;
  out->decimal = decimal == MIXENT_DECIMAL_COMMA ? ',' : '.';
  return decimal == MIXENT_DECIMAL_AUTO && out->separator != ',' ? find_decimal(csv, out) : MIXENT_OK;
}

mixent_status mixent_table_place(const char *origin, const char *text, size_t size,
                                 const mixent_encoder *encoder, const char *label,
                                 mixent_table_columns *out) {
  mixent_csv csv;
  char *copy;
  *out = (mixent_table_columns){0};
  MIXENT_TRY(mixent_encoder_copy(encoder, &out->encoder));
  MIXENT_TRY(MIXENT_ALLOCATE(encoder->count, &out->places));
  MIXENT_TRY(mixent_csv_copy(text, size, &copy));
  mixent_status status = mixent_csv_begin(origin, copy, size, &csv);
  csv.separator = out->separator = mixent_csv_separator(encoder->separator, text, size);
  if (status == MIXENT_OK) status = place_table(&csv, label, out);
  mixent_csv_end(&csv);
  free(copy);
  return status;
}

/* Numbers under `names`, as a model without an encoder reads them. */
static mixent_status make_plain(const char *const *names, int count, mixent_encoder **out) {
  MIXENT_TRY(mixent_encoder_create((size_t)count, out));
  (*out)->header = names;
  (*out)->cells = (size_t)count + !names, (*out)->label = (size_t)count; /* named ones need no place */
  mixent_status status = MIXENT_OK;
  for (int k = 0; k < count && status == MIXENT_OK; k++) {
    (*out)->columns[k].place = (size_t)k;
    if (names) status = mixent_copy_text(names[k], &(*out)->columns[k].name);
  }
  return status;
}

static mixent_status read_text(const char *path, char *text, size_t size, const mixent_encoder *encoder,
                               mixent_images *out, char **note) {
  mixent_table_columns columns;
  mixent_status status = mixent_table_place(path, text, size, encoder, NULL, &columns);
  if (status == MIXENT_OK) status = mixent_table_parse(path, text, size, false, &columns, NULL, out);
  if (status == MIXENT_OK) status = mixent_encoder_apply(encoder, path, out);
  if (status == MIXENT_OK) status = mixent_table_note(&columns, path, note);
  mixent_table_columns_free(&columns);
  return status;
}

mixent_status mixent_features_read(const char *path, const mixent_encoder *encoder, const char *const *names,
                                   int count, mixent_images *out, char **note) {
  MIXENT_NEED(path);
  MIXENT_NEED(out);
  *out = (mixent_images){.side = 1, .channels = count};
  if (note) *note = NULL;
  if (count < 1 || count > MIXENT_MOST_FEATURES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected 1 to %d features, got %d", path,
                       MIXENT_MOST_FEATURES, count);
  for (int i = 0; names && i < count; i++) MIXENT_NEED(names[i]);
  char *text = NULL, *said = NULL;
  size_t size;
  mixent_encoder *plain = NULL;
  int width = count;
  mixent_status status =
      encoder ? mixent_encoder_width(encoder, path, &width) : make_plain(names, count, &plain);
  if (status == MIXENT_OK && width != count)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: expected the %d features of the encoder, got %d", path,
                         width, count);
  if (status == MIXENT_OK) status = mixent_file_read(path, LIMIT, &text, &size);
  if (status == MIXENT_OK) status = read_text(path, text, size, encoder ? encoder : plain, out, &said);
  mixent_encoder_free(plain);
  free(text);
  if (status != MIXENT_OK) mixent_images_free(out);
  if (status == MIXENT_OK && note)
    *note = said;
  else
    free(said);
  return status;
}
