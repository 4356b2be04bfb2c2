/* An encoder as JSON: what a checkpoint keeps of it. */
#include "core/format_version.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "data/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };
static const char *const kinds[] = {"number", "category", NULL};

static json_t *column_json(const mixent_encoder_column *column) {
  json_t *json = json_object();
  if (column->name) mixent_json_set(&json, "name", json_string(column->name));
  mixent_json_set(&json, "place", json_integer((json_int_t)column->place));
  mixent_json_set(&json, "kind", json_string(kinds[column->category]));
  mixent_json_set(&json, "gaps", json_boolean(column->gaps));
  if (column->category)
    mixent_json_set(&json, "categories", mixent_json_texts(column->words, (size_t)column->word_count));
  mixent_json_set(&json, "fill",
                  column->category ? json_string(column->words[(int)column->fill])
                                   : json_real((double)column->fill));
  return json;
}

mixent_status mixent_encoder_write(const mixent_encoder *encoder, char **out) {
  json_t *json = json_object(), *columns = json_array();
  for (size_t c = 0; c < encoder->count; c++) mixent_json_append(&columns, column_json(&encoder->columns[c]));
  mixent_json_set(&json, "version", json_integer(VERSION));
  mixent_json_set(&json, "missing", json_string(mixent_missing_names[encoder->missing]));
  mixent_json_set(&json, "separator", json_string(mixent_separator_names[encoder->separator]));
  mixent_json_set(&json, "decimal", json_string(mixent_decimal_names[encoder->decimal]));
  mixent_json_set(&json, "header", json_boolean(encoder->header));
  mixent_json_set(&json, "cells", json_integer((json_int_t)encoder->cells));
  mixent_json_set(&json, "label", json_integer((json_int_t)encoder->label));
  if (encoder->label_name) mixent_json_set(&json, "label_name", json_string(encoder->label_name));
  mixent_json_set(&json, "columns", columns);
  return mixent_json_write(json, JSON_COMPACT, out);
}

static mixent_status fail_key(const char *origin, const char *key) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: '%s' of its encoder is missing or wrong", origin, key);
}

static mixent_status read_choice(const json_t *json, const char *key, const char *origin,
                                 const char *const *names, int *out) {
  const char *text = json_string_value(json_object_get(json, key));
  for (*out = 0; text && names[*out]; ++*out)
    if (strcmp(text, names[*out]) == 0) return MIXENT_OK;
  return fail_key(origin, key);
}

static mixent_status read_place(const json_t *json, const char *key, const char *origin, json_int_t end,
                                size_t *out) {
  const json_t *value = json_object_get(json, key);
  json_int_t place = json_integer_value(value);
  if (!json_is_integer(value) || place < 0 || place >= end) return fail_key(origin, key);
  *out = (size_t)place;
  return MIXENT_OK;
}

/* The words, and which of them fills gaps. */
static mixent_status read_words(const json_t *json, const char *origin, mixent_encoder_column *out) {
  const json_t *words = json_object_get(json, "categories");
  size_t count = json_array_size(words);
  const char *fill = json_string_value(json_object_get(json, "fill"));
  if (count < 1 || count > MIXENT_MOST_CATEGORIES) return fail_key(origin, "categories");
  MIXENT_TRY(MIXENT_ALLOCATE(count, &out->words));
  for (; out->word_count < (int)count; out->word_count++) {
    int k = out->word_count;
    const char *word = json_string_value(json_array_get(words, (size_t)k));
    if (!word || (k && strcmp(out->words[k - 1], word) >= 0)) return fail_key(origin, "categories");
    MIXENT_TRY(mixent_copy_text(word, &out->words[k]));
  }
  int found = fill ? mixent_encoder_find(out, fill) : -1;
  out->fill = (float)found;
  return found < 0 ? fail_key(origin, "fill") : MIXENT_OK;
}

static mixent_status read_fill(const json_t *json, const char *origin, mixent_encoder_column *out) {
  const json_t *fill = json_object_get(json, "fill");
  double value = json_number_value(fill);
  if (!json_is_number(fill) || !(fabs(value) <= MIXENT_LARGEST_FEATURE)) return fail_key(origin, "fill");
  out->fill = (float)value;
  return MIXENT_OK;
}

static mixent_status read_column(const json_t *json, const char *origin, const mixent_encoder *encoder,
                                 mixent_encoder_column *out) {
  int kind;
  const json_t *name = json_object_get(json, "name"), *gaps = json_object_get(json, "gaps");
  if ((name != NULL) != encoder->header || (name && !json_is_string(name))) return fail_key(origin, "name");
  if (!json_is_boolean(gaps)) return fail_key(origin, "gaps");
  if (name) MIXENT_TRY(mixent_copy_text(json_string_value(name), &out->name));
  MIXENT_TRY(read_place(json, "place", origin, (json_int_t)encoder->cells, &out->place));
  if (out->place == encoder->label) return fail_key(origin, "place");
  MIXENT_TRY(read_choice(json, "kind", origin, kinds, &kind));
  out->category = kind;
  out->gaps = json_is_true(gaps);
  return out->category ? read_words(json, origin, out) : read_fill(json, origin, out);
}

static mixent_status read_encoder(const json_t *json, const char *origin, mixent_encoder *out) {
  int missing, separator, decimal, width;
  const json_t *columns = json_object_get(json, "columns"), *header = json_object_get(json, "header");
  if (!json_is_boolean(header)) return fail_key(origin, "header");
  MIXENT_TRY(read_choice(json, "missing", origin, mixent_missing_names, &missing));
  MIXENT_TRY(read_choice(json, "separator", origin, mixent_separator_names, &separator));
  MIXENT_TRY(read_choice(json, "decimal", origin, mixent_decimal_names, &decimal));
  MIXENT_TRY(read_place(json, "cells", origin, (json_int_t)1 << 31, &out->cells));
  MIXENT_TRY(read_place(json, "label", origin, (json_int_t)out->cells, &out->label));
  out->missing = (mixent_missing)missing, out->separator = (mixent_separator)separator;
  out->decimal = (mixent_decimal)decimal, out->header = json_is_true(header);
  const char *label = json_string_value(json_object_get(json, "label_name"));
  if (!label != !out->header) return fail_key(origin, "label_name");
  if (label) MIXENT_TRY(mixent_copy_text(label, &out->label_name));
  for (size_t c = 0; c < out->count; c++)
    MIXENT_TRY(read_column(json_array_get(columns, c), origin, out, &out->columns[c]));
  return mixent_encoder_width(out, origin, &width);
}

mixent_status mixent_encoder_read(const char *text, const char *origin, mixent_encoder **out) {
  json_t *json;
  *out = NULL;
  MIXENT_TRY(mixent_json_parse(text, strlen(text), 0, origin, &json));
  json_int_t version = json_integer_value(json_object_get(json, "version"));
  size_t count = json_array_size(json_object_get(json, "columns"));
  mixent_status status = mixent_format_check(origin, "an encoder of tables", (long)version, VERSION);
  if (status == MIXENT_OK && (count < 1 || count > MIXENT_MOST_FEATURES))
    status = fail_key(origin, "columns");
  if (status == MIXENT_OK) status = mixent_encoder_create(count, out);
  if (status == MIXENT_OK) status = read_encoder(json, origin, *out);
  if (status != MIXENT_OK) mixent_encoder_free(*out), *out = NULL;
  json_decref(json);
  return status;
}
