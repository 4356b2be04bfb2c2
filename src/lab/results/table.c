/* From rows to the table: who ran, with which seed, and what the run measured. */
#include "core/cell.h"
#include "core/locale.h"
#include "core/memory.h"
#include "core/unicode.h"
#include "lab/results/rows.h"

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
  *results = (mixent_results){0};
}

static mixent_status add_name(mixent_name_set *set, const char *text, size_t most, const char *what,
                              const char *origin, size_t *out) {
  char *composed;
  MIXENT_TRY(mixent_text_compose(text, &composed));
  mixent_status status = mixent_name_set_add(set, composed, out);
  free(composed);
  if (status == MIXENT_OK && set->count > most)
    status = mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                         "%s: expected at most %zu %s in all files together, got more", origin, most, what);
  return status;
}

mixent_status mixent_results_add_role(const mixent_results_header *header, const mixent_results_field *fields,
                                      mixent_results_role role, mixent_name_set *set, size_t most,
                                      const char *what, size_t *out) {
  const mixent_results_field *field = &fields[header->roles[role]];
  bool blank = field->text[strspn(field->text, " \t\r\n")] == 0;
  /* a variant may be called "none"; a seed that is NaN is what a data frame makes of a missing one */
  if (blank || field->kind == MIXENT_FIELD_NESTED ||
      (role == MIXENT_ROLE_SEED && field->kind == MIXENT_FIELD_MISSING))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: expected the %s of this row in '%.80s', got %s",
                       header->origin, field->line, field->column, mixent_results_roles[role],
                       header->names[header->roles[role]],
                       blank                                ? "a blank"
                       : field->kind == MIXENT_FIELD_NESTED ? "a list or an object"
                                                            : field->text);
  char whole[32];
  const double most_whole = 9007199254740992; /* 2^53: each whole number up to it is a double */
  bool is_whole = field->kind == MIXENT_FIELD_NUMBER && fabs(field->number) < most_whole &&
                  field->number == floor(field->number);
  if (is_whole) mixent_print(whole, sizeof whole, "%.0f", field->number + 0.0 /* no -0 */);
  return add_name(set, is_whole ? whole : field->text, most, what, header->origin, out);
}

/* The run with that key, made if it is new. */
static mixent_status find_run(const char *origin, mixent_results_run wanted, mixent_results *out,
                              mixent_results_run **run) {
  char key[96];
  size_t index, count = out->keys.count;
  long seed = wanted.seed == MIXENT_NO_SEED ? -1 - (long)count : wanted.seed;
  mixent_print(key, sizeof key, "%zu %zu %ld", wanted.data, wanted.variant, seed);
  if (mixent_name_set_find(&out->keys, key) == count) {
    MIXENT_TRY(MIXENT_GROW(&out->runs, count, origin));
    out->runs[count] = wanted;
  }
  MIXENT_TRY(add_name(&out->keys, key, MIXENT_RESULTS_RUNS, "runs", origin, &index));
  *run = &out->runs[index];
  return MIXENT_OK;
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
  MIXENT_TRY(add_name(&out->columns, name, MIXENT_RESULTS_COLUMNS, "columns", origin, index));
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

mixent_status mixent_results_put(const char *origin, const char *name, const mixent_results_field *field,
                                 mixent_results_run *run, mixent_results *out) {
  size_t index;
  if (field->kind == MIXENT_FIELD_MISSING) return MIXENT_OK;
  MIXENT_TRY(find_column(origin, name, field, out, &index));
  if (!out->kinds[index].numbers) return MIXENT_OK;
  if (field->kind != MIXENT_FIELD_NUMBER)
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:%zu: expected a number in column '%.80s', got '%.80s'; leave the cell empty if the "
        "run has no value",
        origin, field->line, field->column, name, field->text);
  MIXENT_TRY(grow_cells(origin, run, index + 1, out));
  mixent_results_cell *cell = &run->cells[index];
  if (cell->file) {
    bool seeded = run->seed != MIXENT_NO_SEED;
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:%zu:%zu: expected one value of '%.80s' for this run (variant '%.80s'%s%.80s), got a second "
        "one; the first is in %s:%zu",
        origin, field->line, field->column, name, out->variants.items[run->variant]->text,
        seeded ? ", seed " : "", seeded ? out->seeds.items[run->seed]->text : "", cell->file, cell->line);
  }
  *cell = (mixent_results_cell){.value = field->number, .file = origin, .line = field->line};
  return MIXENT_OK;
}

static bool is_role(const mixent_results_header *header, size_t column) {
  bool found = false;
  for (int role = 0; role < MIXENT_ROLES; role++) found |= header->roles[role] == column;
  return found;
}

mixent_status mixent_results_take(const mixent_results_header *header, const mixent_results_field *fields,
                                  mixent_results *out) {
  const char *origin = header->origin;
  size_t seed;
  mixent_results_run wanted = {.seed = MIXENT_NO_SEED}, *run = NULL;
  if (++out->rows > MIXENT_RESULTS_CELLS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d rows in all files together, got more", origin,
                       MIXENT_RESULTS_CELLS);
  MIXENT_TRY(mixent_results_add_role(header, fields, MIXENT_ROLE_VARIANT, &out->variants,
                                     MIXENT_RESULTS_VARIANTS, "variants", &wanted.variant));
  if (header->roles[MIXENT_ROLE_DATA] < header->count)
    MIXENT_TRY(mixent_results_add_role(header, fields, MIXENT_ROLE_DATA, &out->data, MIXENT_RESULTS_VARIANTS,
                                       "data sets", &wanted.data));
  else
    MIXENT_TRY(add_name(&out->data, "", MIXENT_RESULTS_VARIANTS, "data sets", origin, &wanted.data));
  if (header->roles[MIXENT_ROLE_SEED] < header->count) {
    MIXENT_TRY(mixent_results_add_role(header, fields, MIXENT_ROLE_SEED, &out->seeds, MIXENT_RESULTS_RUNS,
                                       "seeds", &seed));
    wanted.seed = (long)seed;
  }
  MIXENT_TRY(find_run(origin, wanted, out, &run));
  out->last_run = (size_t)(run - out->runs);
  if (header->roles[MIXENT_ROLE_ITEM] < header->count)
    return mixent_results_take_item(header, fields, out->last_run, out);
  if (header->roles[MIXENT_ROLE_METRIC] < header->count) {
    const mixent_results_field *metric = &fields[header->roles[MIXENT_ROLE_METRIC]];
    if (!*metric->text || metric->kind == MIXENT_FIELD_NESTED)
      return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu:%zu: expected the name of a metric, got a blank",
                         origin, metric->line, metric->column);
    return mixent_results_put(origin, metric->text, &fields[header->roles[MIXENT_ROLE_VALUE]], run, out);
  }
  for (size_t i = 0; i < header->count; i++)
    if (!is_role(header, i) && *header->names[i])
      MIXENT_TRY(mixent_results_put(origin, header->names[i], &fields[i], run, out));
  return MIXENT_OK;
}
