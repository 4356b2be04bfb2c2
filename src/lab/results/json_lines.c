/* Results in JSON Lines: an object per line, a run each, or a metric of a run. */
#include "core/json.h"
#include "core/locale.h"
#include "core/memory.h"
#include "lab/results/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LINE = 1 << 20, DIGITS = 32 };

/* Python writes NaN and Infinity, which JSON has not: a blank text takes the place of each, in the same width. */
static void blank_not_finite(char *line, const char *end) {
  static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
  bool within = false;
  for (char *at = line; at < end; at++) {
    if (within && *at == '\\') {
      at++;
    } else if (*at == '"') {
      within = !within;
    } else if (!within) {
      for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(end - at) < length || memcmp(at, words[i], length) != 0) continue;
        memset(at, ' ', length);
        at[0] = at[1] = '"';
        at += length - 1;
        break;
      }
    }
  }
}

/* `digits` [DIGITS] holds the text of a number. */
static mixent_results_field read_value(const json_t *value, char *digits) {
  double number = json_number_value(value);
  switch (json_typeof(value)) {
  case JSON_INTEGER: mixent_print(digits, DIGITS, "%lld", (long long)json_integer_value(value)); break;
  case JSON_REAL:
    mixent_print(digits, DIGITS, "%.15g", number);
    if (mixent_number_read(digits, NULL) != number) mixent_print(digits, DIGITS, "%.17g", number);
    break;
  case JSON_STRING: {
    const char *text = json_string_value(value);
    return (mixent_results_field){
        .kind = mixent_results_is_missing(text) ? MIXENT_FIELD_MISSING : MIXENT_FIELD_WORD, .text = text};
  }
  case JSON_NULL: return (mixent_results_field){.kind = MIXENT_FIELD_MISSING, .text = ""};
  case JSON_TRUE: return (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = "true"};
  case JSON_FALSE: return (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = "false"};
  default: return (mixent_results_field){.kind = MIXENT_FIELD_NESTED, .text = "a list or an object"};
  }
  return mixent_results_number(number, digits);
}

/* What an object takes to be a row; room for `capacity` members. */
typedef struct row {
  const char **names;
  mixent_results_field *fields;
  char (*digits)[DIGITS];
  size_t capacity;
} row;

static mixent_status make_room(const char *origin, size_t count, row *row) {
  if (row->names && count <= row->capacity) return MIXENT_OK;
  MIXENT_TRY(MIXENT_RESIZE(&row->names, count, origin));
  MIXENT_TRY(MIXENT_RESIZE(&row->fields, count, origin));
  MIXENT_TRY(MIXENT_RESIZE(&row->digits, count, origin));
  row->capacity = count;
  return MIXENT_OK;
}

static mixent_status take_object(const char *origin, size_t line, json_t *object,
                                 const mixent_results_layout *layout, row *row, mixent_results *out) {
  const char *key;
  json_t *value;
  size_t count = 0;
  if (!json_is_object(object))
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s:%zu:1: expected an object on each line (JSON Lines), got another value", origin,
                       line);
  MIXENT_TRY(make_room(origin, json_object_size(object), row));
  json_object_foreach(object, key, value) {
    row->names[count] = key;
    row->fields[count] = read_value(value, row->digits[count]);
    row->fields[count].line = line;
    row->fields[count++].column = 1;
  }
  mixent_results_header header = {.origin = origin, .line = line, .names = row->names, .count = count};
  MIXENT_TRY(mixent_results_find_roles(layout, &header));
  return mixent_results_take(&header, row->fields, out);
}

static mixent_status take_line(const char *origin, size_t line, char *text, size_t size,
                               const mixent_results_layout *layout, row *row, mixent_results *out) {
  json_t *object;
  if (size > LONGEST_LINE)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:1: expected a line of at most %d bytes, got %zu", origin,
                       line, LONGEST_LINE, size);
  blank_not_finite(text, text + size);
  MIXENT_TRY(
      mixent_json_parse_at(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, origin, line, &object));
  mixent_status status = take_object(origin, line, object, layout, row, out);
  json_decref(object);
  return status;
}

mixent_status mixent_results_read_json_lines(const char *origin, char *text, size_t size,
                                             const mixent_results_layout *layout, mixent_results *out) {
  row row = {0};
  mixent_status status = MIXENT_OK;
  char *end = text + size, *next;
  size_t number = 0;
  for (char *line = text; line < end && status == MIXENT_OK; line = next) {
    char *feed = memchr(line, '\n', (size_t)(end - line)), *line_end = feed ? feed : end;
    next = feed ? feed + 1 : end;
    number++;
    bool blank = true;
    for (const char *at = line; at < line_end; at++) blank &= *at == ' ' || *at == '\t' || *at == '\r';
    if (!blank) status = take_line(origin, number, line, (size_t)(line_end - line), layout, &row, out);
  }
  free(row.names);
  free(row.fields);
  free(row.digits);
  return status;
}
