/* Results in JSON Lines: an object per line, a run each, or a metric or an epoch of a run. What objects hold within it is named by dots:
 * {"config": {"lr": 0.1}} has the column config.lr. */
#include "core/json.h"
#include "core/locale.h"
#include "core/memory.h"
#include "lab/results/lm_eval.h"
#include "lab/results/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LINE = 1 << 20, DIGITS = 32, DEPTH = 8, LONGEST_NAME = 1000 };

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
  char **dotted; /* [count]: the names that were put together; NULL: one of the object's own */
  mixent_results_field *fields;
  char (*digits)[DIGITS];
  size_t count, capacity;
} row;

/* A file while it is read. */
typedef struct reader {
  const mixent_results_file *file;
  const mixent_results_layout *layout;
  mixent_results *out;
  row row;
  mixent_results_log log;
  const char *origin; /* NULL before the first line */
  mixent_results_samples samples;
  bool is_log, found, is_samples, is_wandb;
  double epoch; /* of the line before, in a log */
} reader;

static size_t count_members(const json_t *object, int depth) {
  const char *key;
  json_t *value;
  size_t count = 0;
  json_object_foreach((json_t *)object, key, value) count +=
      json_is_object(value) && depth < DEPTH ? count_members(value, depth + 1) + 1 : 1;
  return count;
}

static mixent_status make_room(const char *origin, size_t count, row *row) {
  if (row->names && count <= row->capacity) return MIXENT_OK;
  MIXENT_TRY(MIXENT_RESIZE(&row->names, count, origin));
  MIXENT_TRY(MIXENT_RESIZE(&row->dotted, count, origin));
  MIXENT_TRY(MIXENT_RESIZE(&row->fields, count, origin));
  MIXENT_TRY(MIXENT_RESIZE(&row->digits, count, origin));
  row->capacity = count;
  return MIXENT_OK;
}

static void clear(row *row) {
  for (size_t i = 0; i < row->count; i++) free(row->dotted[i]);
  row->count = 0;
}

/* The members of an object, behind `prefix` and a dot; "": of the line itself. */
static mixent_status add_members(row *row, size_t line, const char *prefix, const json_t *object, int depth) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)object, key, value) {
    char *dotted = NULL;
    bool is_short = strlen(prefix) + strlen(key) < LONGEST_NAME;
    if (*prefix && is_short) MIXENT_TRY(mixent_print_text(&dotted, "%s.%s", prefix, key));
    const char *name = dotted ? dotted : key;
    row->names[row->count] = name;
    row->dotted[row->count] = dotted;
    mixent_results_field *field = &row->fields[row->count];
    *field = read_value(value, row->digits[row->count]);
    field->line = line;
    field->column = 1;
    row->count++;
    if (json_is_object(value) && depth < DEPTH && is_short)
      MIXENT_TRY(add_members(row, line, name, value, depth + 1));
  }
  return MIXENT_OK;
}

/* What the first line tells: a table, where it has the variant or names the run, or is named by the caller; else a log, or no results. */
static mixent_status begin(reader *reader, mixent_results_header *header) {
  bool runs = false, epoch = false;
  for (int role = 0; role < MIXENT_ROLES; role++) {
    bool of_run = role == MIXENT_ROLE_VARIANT || role == MIXENT_ROLE_RUN;
    size_t column = header->count;
    const char *name = reader->layout->columns[role];
    if (!of_run && role != MIXENT_ROLE_EPOCH) continue;
    if (name || role == MIXENT_ROLE_VARIANT)
      MIXENT_TRY(mixent_results_find_column(header, name ? name : mixent_results_roles[role], &column));
    for (size_t i = 0; i < header->count && !name; i++)
      if (mixent_same_word(header->names[i], mixent_results_roles[role])) column = i;
    *(of_run ? &runs : &epoch) |= column < header->count;
  }
  runs |= reader->is_wandb;
  reader->is_log = !runs && epoch;
  reader->found = runs || epoch || reader->file->is_named;
  if (!reader->found) return MIXENT_OK;
  const char *kind = reader->is_log     ? "JSON Lines log"
                     : reader->is_wandb ? "Weights & Biases runs"
                                        : "JSON Lines";
  MIXENT_TRY(mixent_results_add_source(reader->file->path, kind, reader->out, &reader->origin));
  return reader->is_log ? mixent_results_log_begin(reader->file, reader->origin, &reader->log) : MIXENT_OK;
}

/* What Weights & Biases's interface gives of a run: its name, its configuration and its results. */
static bool is_wandb(const json_t *object) {
  return json_is_string(json_object_get(object, "name")) &&
         json_is_object(json_object_get(object, "config")) &&
         json_is_object(json_object_get(object, "summary"));
}

static mixent_status take_object(reader *reader, size_t line, const json_t *object) {
  row *row = &reader->row;
  const char *path = reader->file->path;
  if (!json_is_object(object))
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s:%zu:1: expected an object on each line (JSON Lines), got another value", path,
                       line);
  if (!reader->origin && mixent_results_is_sample(object)) {
    MIXENT_TRY(
        mixent_results_samples_begin(reader->file, object, reader->layout, reader->out, &reader->samples));
    reader->is_samples = true;
    reader->origin = reader->samples.origin;
  }
  if (reader->is_samples)
    return mixent_results_take_sample(&reader->samples, object, line, reader->layout, reader->out);
  clear(row);
  MIXENT_TRY(make_room(path, count_members(object, 0), row));
  MIXENT_TRY(add_members(row, line, "", object, 0));
  mixent_results_header header = {
      .origin = path, .line = line, .names = row->names, .count = row->count, .epoch = reader->epoch};
  static const char *const wandb[MIXENT_ROLES] = {[MIXENT_ROLE_RUN] = "name"};
  if (!reader->origin) reader->is_wandb = is_wandb(object);
  if (reader->is_wandb) header.usual = wandb;
  if (!reader->origin) MIXENT_TRY(begin(reader, &header));
  if (!reader->found) return MIXENT_OK;
  header.origin = reader->origin;
  if (reader->is_log)
    MIXENT_TRY(mixent_results_log_find(reader->layout, &reader->log, &header, reader->out));
  else
    MIXENT_TRY(mixent_results_find_roles(reader->layout, &header));
  reader->out->has_epochs |= header.roles[MIXENT_ROLE_EPOCH] < header.count;
  mixent_status status = mixent_results_take(&header, row->fields, reader->out);
  reader->epoch = header.epoch;
  return status;
}

static mixent_status take_line(reader *reader, size_t line, char *text, size_t size) {
  json_t *object;
  const char *path = reader->file->path;
  if (size > LONGEST_LINE)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:1: expected a line of at most %d bytes, got %zu", path,
                       line, LONGEST_LINE, size);
  mixent_json_replace_not_finite(text, text + size);
  MIXENT_TRY(mixent_json_parse_at(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, path, line, &object));
  mixent_status status = take_object(reader, line, object);
  json_decref(object);
  return status;
}

mixent_status mixent_results_read_json_lines(const mixent_results_file *file, char *text, size_t size,
                                             const mixent_results_layout *layout, mixent_results *out,
                                             bool *found) {
  reader reader = {.file = file, .layout = layout, .out = out, .found = true};
  mixent_status status = MIXENT_OK;
  char *end = text + size, *next;
  size_t number = 0;
  for (char *line = text; line < end && status == MIXENT_OK && reader.found; line = next) {
    char *feed = memchr(line, '\n', (size_t)(end - line)), *line_end = feed ? feed : end;
    next = feed ? feed + 1 : end;
    number++;
    bool blank = true;
    for (const char *at = line; at < line_end; at++) blank &= *at == ' ' || *at == '\t' || *at == '\r';
    if (!blank) status = take_line(&reader, number, line, (size_t)(line_end - line));
  }
  *found = reader.found;
  clear(&reader.row);
  mixent_results_log_end(&reader.log);
  mixent_results_samples_end(&reader.samples);
  free(reader.row.names);
  free(reader.row.dotted);
  free(reader.row.fields);
  free(reader.row.digits);
  return status;
}
