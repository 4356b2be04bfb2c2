/* From rows to the table: who ran, with which seed, and what the run measured. */
#include "core/cell.h"
#include "core/locale.h"
#include "core/memory.h"
#include "lab/results/epoch.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

mixent_results_field mixent_results_number(double number, const char *text) {
  bool finite = fabs(number) <= MIXENT_RESULTS_LARGEST;
  return (mixent_results_field){
      .kind = finite ? MIXENT_FIELD_NUMBER : MIXENT_FIELD_MISSING, .number = number, .text = text};
}

mixent_results_field mixent_results_cell_read(const char *text, size_t line, size_t column) {
  mixent_results_field field = {.kind = MIXENT_FIELD_WORD, .text = text};
  if (mixent_cell_is_number(text))
    field = mixent_results_number(mixent_number_read(text, NULL), text);
  else if (mixent_results_is_missing(text))
    field.kind = MIXENT_FIELD_MISSING;
  field.line = line;
  field.column = column;
  return field;
}

bool mixent_results_is_missing(const char *text) {
  const char *word = text + (*text == '+' || *text == '-');
  return mixent_cell_is_missing(text) || mixent_same_word(word, "inf") || mixent_same_word(word, "infinity");
}

double mixent_results_value(const mixent_results_run *run, size_t column) {
  return column < run->cell_count ? run->cells[column].value : NAN;
}

void mixent_results_free(mixent_results *results) {
  for (size_t i = 0; i < results->keys.count; i++) {
    free(results->runs[i].cells);
    free(results->runs[i].points);
    free(results->runs[i].right);
    mixent_result_free(results->runs[i].result);
  }
  for (size_t i = 0; i < results->set_count; i++) mixent_name_set_free(&results->sets[i].items);
  free(results->sets);
  mixent_names_free(&results->origins);
  free(results->runs);
  free(results->kinds);
  mixent_name_set_free(&results->variants);
  mixent_name_set_free(&results->data);
  mixent_name_set_free(&results->seeds);
  mixent_name_set_free(&results->columns);
  mixent_name_set_free(&results->keys);
  mixent_name_set_free(&results->sources);
  mixent_name_set_free(&results->passed_over);
  free(results->readers);
  *results = (mixent_results){0};
}

/* The key of a run; one without a seed and an identity is a run of its own. free() */
static mixent_status write_key(const mixent_results_header *header, const mixent_results_run *run,
                               size_t count, char **out) {
  if (run->seed != MIXENT_NO_SEED)
    return mixent_print_text(out, "%zu %zu %ld", run->data, run->variant, run->seed);
  if (!header->identity) return mixent_print_text(out, "%zu", count);
  return mixent_print_text(out, "%zu %zu @%s", run->data, run->variant, header->identity);
}

/* The run with that key, made if it is new. */
static mixent_status find_run(const mixent_results_header *header, mixent_results_run wanted,
                              mixent_results *out, mixent_results_run **run) {
  char *key;
  size_t index, count = out->keys.count;
  MIXENT_TRY(write_key(header, &wanted, count, &key));
  mixent_status status = MIXENT_OK;
  if (mixent_name_set_find(&out->keys, key) == count) {
    status = MIXENT_GROW(&out->runs, count, header->origin);
    if (status == MIXENT_OK) out->runs[count] = wanted;
  }
  if (status == MIXENT_OK)
    status = mixent_results_add_name(&out->keys, key, MIXENT_RESULTS_RUNS, "runs", header->origin, &index);
  if (status == MIXENT_OK) *run = &out->runs[index];
  free(key);
  return status;
}

static mixent_status grow_cells(const char *origin, mixent_results_run *run, size_t count,
                                mixent_results *out) {
  if (run->cell_count >= count) return MIXENT_OK;
  out->cells += count - run->cell_count;
  if (out->cells > MIXENT_RESULTS_CELLS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d values (runs times columns), got more", origin,
                       MIXENT_RESULTS_CELLS);
  MIXENT_TRY(MIXENT_RESIZE(&run->cells, count, origin));
  while (run->cell_count < count) run->cells[run->cell_count++] = (mixent_results_cell){.value = NAN};
  return MIXENT_OK;
}

/* The column of that name; the first cell that is not missing says whether it holds numbers. */
static mixent_status find_column(const char *origin, const char *name, const mixent_results_field *field,
                                 mixent_results *out, size_t *index) {
  size_t count = out->columns.count;
  MIXENT_TRY(mixent_results_add_name(&out->columns, name, MIXENT_RESULTS_COLUMNS, "columns", origin, index));
  if (*index < count) return MIXENT_OK;
  mixent_results_column kind = {.numbers = field->kind == MIXENT_FIELD_NUMBER,
                                .file = origin,
                                .line = field->line,
                                .column = field->column};
  if (!kind.numbers) mixent_print(kind.word, sizeof kind.word, "%.40s", field->text);
  mixent_status status = MIXENT_RESIZE(&out->kinds, out->columns.count, origin);
  if (status == MIXENT_OK) out->kinds[*index] = kind;
  return status;
}

static mixent_status fail_second(const mixent_results_header *header, const char *name,
                                 const mixent_results_field *field, const mixent_results_run *run,
                                 const mixent_results_cell *cell, const mixent_results *results) {
  bool seeded = run->seed != MIXENT_NO_SEED;
  size_t columns = 0;
  for (size_t i = 0; i < header->count; i++) columns += strcmp(header->names[i], name) == 0;
  if (columns > 1)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s:%zu:%zu: expected one column '%.80s', got two; rename one of them", header->origin,
                       field->line, field->column, name);
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s:%zu:%zu: expected one value of '%.80s' for this run (variant '%.80s'%s%.80s), got a second "
      "one; the first is in %s:%zu%s",
      header->origin, field->line, field->column, name, results->variants.items[run->variant]->text,
      seeded ? ", seed " : "", seeded ? results->seeds.items[run->seed]->text : "", cell->file, cell->line,
      header->is_log && header->count > 2
          ? "; if other variants or seeds made them, say which columns or settings tell: "
            "--columns variant=NAME,seed=NAME"
          : "");
}

/* The number of column `name` in a run, at an epoch where the header has a column of those. */
static mixent_status put(const mixent_results_header *header, const char *name,
                         const mixent_results_field *field, double epoch, mixent_results_run *run,
                         mixent_results *out) {
  size_t index;
  bool has_epochs = header->roles[MIXENT_ROLE_EPOCH] < header->count,
       number = field->kind == MIXENT_FIELD_NUMBER;
  /* a log's NaN was measured: a value before it does not stand for it */
  bool is_nan = has_epochs && field->kind == MIXENT_FIELD_MISSING && !mixent_results_is_blank(field->text);
  if (field->kind == MIXENT_FIELD_MISSING && !is_nan) return MIXENT_OK;
  if (is_nan && mixent_name_set_find(&out->columns, name) == out->columns.count) return MIXENT_OK;
  MIXENT_TRY(find_column(header->origin, name, field, out, &index));
  if (!out->kinds[index].numbers) return MIXENT_OK;
  if (!number && !is_nan)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:%zu: expected a number in column '%.80s', got '%.80s'; leave the cell empty if the "
        "run has no value",
        header->origin, field->line, field->column, name, field->text);
  MIXENT_TRY(grow_cells(header->origin, run, index + 1, out));
  mixent_results_cell *cell = &run->cells[index];
  const mixent_results_cell value = {
      .value = number ? field->number : NAN, .file = header->origin, .line = field->line, .epoch = epoch};
  if (cell->file && (!has_epochs || cell->file != header->origin))
    return fail_second(header, name, field, run, cell, out);
  if (has_epochs) return mixent_results_place_value(header, name, value, run, cell);
  *cell = value;
  return MIXENT_OK;
}

mixent_status mixent_results_put(const char *origin, const char *name, const mixent_results_field *field,
                                 mixent_results_run *run, mixent_results *out) {
  const mixent_results_header header = {.origin = origin}; /* without epochs */
  return put(&header, name, field, 0, run, out);
}

/* Passes a value on: to the table, or, in the first of two readings, to the choice of an epoch. */
static mixent_status take_value(const mixent_results_header *header, const char *name,
                                const mixent_results_field *field, double epoch, mixent_results_run *run,
                                mixent_results *out) {
  if (!out->choosing) return put(header, name, field, epoch, run, out);
  return strcmp(name, header->layout->best) == 0 ? mixent_results_look(field, epoch, run) : MIXENT_OK;
}

/* Columns that say where in the run a row stands; Weights & Biases' own ones (_step) wherever they are, the others in logs. */
static bool is_position(const mixent_results_header *header, const char *name) {
  static const char *const positions[] = {"step", "_step", "epoch", "global_step", "_timestamp", "_runtime"};
  if (!header->is_log && *name != '_') return false;
  for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
    if (strcmp(name, positions[i]) == 0) return true;
  return false;
}

static bool is_metric(const mixent_results_header *header, size_t column) {
  bool role = is_position(header, header->names[column]);
  for (int i = 0; i < MIXENT_ROLES; i++) role |= header->roles[i] == column;
  return !role && *header->names[column] && !mixent_results_is_setting(header->names[column]);
}

static mixent_status take_values(const mixent_results_header *header, const mixent_results_field *fields,
                                 double epoch, mixent_results_run *run, mixent_results *out) {
  if (header->is_unfinished) return MIXENT_OK;
  if (header->roles[MIXENT_ROLE_METRIC] < header->count) {
    const mixent_results_field *metric = &fields[header->roles[MIXENT_ROLE_METRIC]];
    if (!*metric->text || metric->kind == MIXENT_FIELD_NESTED)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: expected the name of a metric, got a blank",
                         header->origin, metric->line, metric->column);
    return take_value(header, metric->text, &fields[header->roles[MIXENT_ROLE_VALUE]], epoch, run, out);
  }
  for (size_t i = 0; i < header->count; i++)
    if (is_metric(header, i)) MIXENT_TRY(take_value(header, header->names[i], &fields[i], epoch, run, out));
  return MIXENT_OK;
}

/* The epoch of a row; in a log that of the row before where it has none. */
static mixent_status find_epoch(mixent_results_header *header, const mixent_results_field *fields,
                                double *out) {
  *out = 0;
  if (header->roles[MIXENT_ROLE_EPOCH] >= header->count) return MIXENT_OK;
  const mixent_results_field *field = &fields[header->roles[MIXENT_ROLE_EPOCH]];
  bool number = field->kind == MIXENT_FIELD_NUMBER;
  if (!number && !(header->is_log && field->kind == MIXENT_FIELD_MISSING))
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s:%zu:%zu: expected a number for the epoch in '%.80s', got '%.80s'", header->origin,
                       field->line, field->column, header->names[header->roles[MIXENT_ROLE_EPOCH]],
                       field->text);
  if (number) header->epoch = field->number;
  *out = header->epoch;
  return MIXENT_OK;
}

static mixent_status find_names(const mixent_results_header *header, const mixent_results_told *variant,
                                const mixent_results_told *seed, const mixent_results_told *data,
                                mixent_results_run *run, mixent_results *out) {
  const char *origin = header->origin;
  size_t index;
  MIXENT_TRY(mixent_results_add_told(origin, variant, &out->variants, MIXENT_RESULTS_VARIANTS, "variants",
                                     &run->variant));
  if (data->field.text)
    MIXENT_TRY(
        mixent_results_add_told(origin, data, &out->data, MIXENT_RESULTS_VARIANTS, "data sets", &run->data));
  else
    MIXENT_TRY(
        mixent_results_add_name(&out->data, "", MIXENT_RESULTS_VARIANTS, "data sets", origin, &run->data));
  if (!seed->field.text) return MIXENT_OK;
  MIXENT_TRY(mixent_results_add_told(origin, seed, &out->seeds, MIXENT_RESULTS_RUNS, "seeds", &index));
  run->seed = (long)index;
  return MIXENT_OK;
}

static mixent_status take_row(mixent_results_header *header, const mixent_results_field *fields,
                              const char *variant_name, const char *seed_name, mixent_results *out) {
  const mixent_results_told variant =
                                mixent_results_told_of(header, fields, MIXENT_ROLE_VARIANT, variant_name),
                            seed = mixent_results_told_of(header, fields, MIXENT_ROLE_SEED, seed_name),
                            data = mixent_results_told_of(header, fields, MIXENT_ROLE_DATA, header->data);
  mixent_results_run wanted = {.seed = MIXENT_NO_SEED}, *run = NULL;
  double epoch;
  if (header->is_unfinished) {
    bool blank = mixent_results_is_blank(variant.field.text) ||
                 (seed.field.text && mixent_results_is_blank(seed.field.text));
    out->unfinished += !out->choosing;
    if (blank) return MIXENT_OK; /* it ended before it said what it is */
  }
  MIXENT_TRY(find_epoch(header, fields, &epoch));
  MIXENT_TRY(find_names(header, &variant, &seed, &data, &wanted, out));
  MIXENT_TRY(find_run(header, wanted, out, &run));
  out->last_run = (size_t)(run - out->runs);
  if (header->roles[MIXENT_ROLE_ITEM] < header->count)
    return mixent_results_take_item(header, fields, out->last_run, out);
  return take_values(header, fields, epoch, run, out);
}

mixent_status mixent_results_take(mixent_results_header *header, const mixent_results_field *fields,
                                  mixent_results *out) {
  char *variant = NULL, *seed = NULL;
  size_t run = header->roles[MIXENT_ROLE_RUN];
  if (++out->rows > MIXENT_RESULTS_ROWS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d rows in all files together, got more", header->origin,
                       MIXENT_RESULTS_ROWS);
  if (out->choosing && header->roles[MIXENT_ROLE_EPOCH] >= header->count) return MIXENT_OK; /* no log */
  if (run >= header->count) return take_row(header, fields, header->variant, header->seed, out);
  const mixent_results_field *name = &fields[run];
  if (mixent_results_is_blank(name->text) || name->kind == MIXENT_FIELD_NESTED)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: expected the name of this run in '%.80s', got %s",
                       header->origin, name->line, name->column, header->names[run],
                       mixent_results_is_blank(name->text) ? "a blank" : "a list or an object");
  const char *identity = header->identity;
  mixent_status status = mixent_results_name_run("", name->text, &variant, &seed);
  out->has_names = true;
  if (!identity && header->roles[MIXENT_ROLE_EPOCH] < header->count) header->identity = name->text;
  if (status == MIXENT_OK) status = take_row(header, fields, variant, seed, out);
  header->identity = identity;
  free(variant);
  free(seed);
  return status;
}

mixent_status mixent_results_add_source(const char *path, const char *reader, mixent_results *results,
                                        const char **out) {
  size_t index, count = results->sources.count;
  MIXENT_TRY(mixent_name_set_add(&results->sources, path, &index));
  if (index == count) {
    MIXENT_TRY(MIXENT_RESIZE(&results->readers, count + 1, path));
    results->readers[count] = reader;
  }
  *out = results->file = results->sources.items[index]->text;
  return MIXENT_OK;
}
