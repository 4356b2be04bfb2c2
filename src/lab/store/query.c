/* Questions to the store: filters become SQL whose values are all bound parameters. */
#include "core/locale.h"
#include "lab/store/file.h"
#include "recipe/aliases.h"
#include "recipe/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Longer words first, for "<" begins "<=" . */
static const struct {
  const char *word;
  mixent_store_comparison comparison;
} comparisons[] = {{"!=", MIXENT_STORE_NOT_EQUAL}, {"<=", MIXENT_STORE_AT_MOST},
                   {">=", MIXENT_STORE_AT_LEAST},  {"!~", MIXENT_STORE_LACKS},
                   {"=", MIXENT_STORE_EQUAL},      {"<", MIXENT_STORE_BELOW},
                   {">", MIXENT_STORE_ABOVE},      {"~", MIXENT_STORE_CONTAINS}};

mixent_status mixent_store_filter_parse(const char *word, mixent_store_filter *out) {
  size_t length = strcspn(word, "!<>=~");
  if (length && length < sizeof out->key)
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
      size_t size = strlen(comparisons[i].word);
      if (strncmp(word + length, comparisons[i].word, size) != 0) continue;
      memcpy(out->key, word, length);
      out->key[length] = '\0';
      out->comparison = comparisons[i].comparison;
      out->value = word + length + size;
      return MIXENT_OK;
    }
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "'%s' is no filter; write KEY=VALUE, or != < <= > >= ~ (has these letters) !~ in place of "
      "=, as in 'test.accuracy>0.95'",
      word);
}

/* Whether a text is a number as a whole. */
static bool read_number(const char *text, double *out) {
  char *end;
  *out = mixent_number_read(text, &end);
  return end != text && !*end && isfinite(*out);
}

/* A text that is a number is compared with numbers as a number; with texts (a date, say) letter by letter. */
static void append_filter(const mixent_store_filter *filter, mixent_text *sql) {
  static const char *const signs[] = {"=", "<>", "<", "<=", ">", ">="};
  double number;
  mixent_text_append(sql, " AND EXISTS (SELECT 1 FROM fact WHERE run = id AND key = ? AND ");
  if (filter->comparison >= MIXENT_STORE_CONTAINS)
    mixent_text_append(sql, "(instr(lower(CAST(value AS TEXT)), lower(?)) > 0) = %d)",
                       filter->comparison == MIXENT_STORE_CONTAINS);
  else if (read_number(filter->value, &number))
    mixent_text_append(sql, "CASE typeof(value) WHEN 'text' THEN value %s ? ELSE value %s ? END)",
                       signs[filter->comparison], signs[filter->comparison]);
  else
    mixent_text_append(sql, "CASE typeof(value) WHEN 'text' THEN value %s ? ELSE %d END)",
                       signs[filter->comparison], filter->comparison == MIXENT_STORE_NOT_EQUAL);
}

static void bind_filters(mixent_store *store, sqlite3_stmt *statement, const mixent_store_query *query,
                         int *index) {
  for (size_t i = 0; i < query->filter_count; i++) {
    const mixent_store_filter *filter = &query->filters[i];
    double number;
    mixent_store_bind_text(store, statement, ++*index, filter->key);
    mixent_store_bind_text(store, statement, ++*index, filter->value);
    if (filter->comparison < MIXENT_STORE_CONTAINS && read_number(filter->value, &number))
      mixent_store_bind_number(store, statement, ++*index, number);
  }
}

/* The ids of the runs asked for, in order. */
static mixent_status select_runs(mixent_store *store, const mixent_store_query *query, sqlite3_stmt **out) {
  mixent_text sql = {0};
  const char *direction = query->descending ? "DESC" : "ASC";
  mixent_text_append(&sql, "SELECT id FROM run");
  if (query->sort)
    mixent_text_append(&sql, " LEFT JOIN fact AS sorted ON sorted.run = id AND sorted.key = ?");
  mixent_text_append(&sql, " WHERE 1");
  for (size_t i = 0; i < query->filter_count; i++) append_filter(&query->filters[i], &sql);
  mixent_text_append(&sql, " ORDER BY ");
  if (query->sort)
    mixent_text_append(&sql, "sorted.value IS NULL, sorted.value COLLATE numbered %s, ", direction);
  mixent_text_append(&sql, "path COLLATE numbered %s LIMIT ?", query->sort ? "ASC" : direction);
  mixent_status status = mixent_text_status(&sql);
  if (status == MIXENT_OK) status = mixent_store_prepare(store, sql.data, out);
  mixent_text_free(&sql);
  MIXENT_TRY(status);
  int index = 0;
  if (query->sort) mixent_store_bind_text(store, *out, ++index, query->sort);
  bind_filters(store, *out, query, &index);
  mixent_store_bind_whole(store, *out, ++index, query->limit ? (sqlite3_int64)query->limit : -1);
  return MIXENT_OK;
}

/* Adds what the statement's row says: key, value. */
static void add_fact(mixent_store *store, sqlite3_stmt *row, mixent_facts *facts) {
  const char *key = mixent_store_text(store, row, 0);
  if (sqlite3_column_type(row, 1) == SQLITE_TEXT)
    mixent_facts_add_text(facts, key, mixent_store_text(store, row, 1));
  else
    mixent_facts_add_number(facts, key, sqlite3_column_double(row, 1));
}

static mixent_status read_facts(mixent_store *store, sqlite3_stmt *statement, mixent_facts *facts) {
  bool row;
  mixent_status status = mixent_store_step(store, statement, &row);
  while (status == MIXENT_OK && row) {
    add_fact(store, statement, facts);
    status = mixent_store_step(store, statement, &row);
  }
  sqlite3_reset(statement);
  return status;
}

/* All facts of a run, or those asked for. */
static mixent_status read_run(mixent_store *store, sqlite3_stmt *statement, sqlite3_int64 id,
                              const mixent_store_query *query, mixent_facts *facts) {
  mixent_store_bind_whole(store, statement, 1, id);
  if (!query->columns) return read_facts(store, statement, facts);
  for (size_t i = 0; query->columns[i]; i++) {
    mixent_store_bind_text(store, statement, 2, query->columns[i]);
    MIXENT_TRY(read_facts(store, statement, facts));
    mixent_facts_add_text(facts, query->columns[i], NULL); /* where nothing is known */
  }
  return MIXENT_OK;
}

static mixent_status read_runs(mixent_store *store, const mixent_store_query *query, sqlite3_stmt *ids,
                               sqlite3_stmt *facts, mixent_facts **runs, size_t *count) {
  bool row;
  MIXENT_TRY(mixent_store_step(store, ids, &row));
  while (row) {
    MIXENT_TRY(MIXENT_GROW(runs, *count, "a list of runs"));
    mixent_facts *run = &(*runs)[(*count)++];
    *run = (mixent_facts){0};
    MIXENT_TRY(read_run(store, facts, sqlite3_column_int64(ids, 0), query, run));
    if (run->failed) return mixent_no_memory("a list of runs");
    MIXENT_TRY(mixent_store_step(store, ids, &row));
  }
  return MIXENT_OK;
}

/* Keys that a run may have though none here has. */
static const char *const usual_keys[] = {"run",
                                         "study",
                                         "variant",
                                         "recipe",
                                         "loss",
                                         "status",
                                         "damage",
                                         "failure",
                                         "warnings",
                                         "started",
                                         "changed",
                                         "epochs_done",
                                         "best_epoch",
                                         "seconds",
                                         "images_per_second",
                                         "test.images",
                                         "test.accuracy",
                                         "test.nll",
                                         "test.ece",
                                         "test.brier",
                                         "test.entropy",
                                         "test.balanced_accuracy",
                                         "test.macro_f1",
                                         "test.worst_recall",
                                         "test.worst_class",
                                         "test.loss",
                                         "validation.images",
                                         "validation.accuracy",
                                         "validation.nll",
                                         "validation.ece",
                                         "validation.brier",
                                         "validation.entropy",
                                         "validation.balanced_accuracy",
                                         "validation.macro_f1",
                                         "validation.worst_recall",
                                         "validation.worst_class",
                                         "validation.loss",
                                         "temperature.temperature",
                                         "test_calibrated.nll",
                                         "test_calibrated.ece"};
enum { USUAL_KEYS = sizeof usual_keys / sizeof *usual_keys, MOST_OPTIONS = 256 };

/* *there: the keys of all runs, once they were asked for; most keys are known without. */
static mixent_status check_key(mixent_store *store, const char *key, char ***there) {
  const char *known[USUAL_KEYS + MOST_OPTIONS + 1];
  size_t count = 0;
  for (; count < USUAL_KEYS; count++) known[count] = usual_keys[count];
  for (const mixent_option *option = mixent_options; option->key && count < USUAL_KEYS + MOST_OPTIONS;
       option++)
    known[count++] = option->key;
  known[count] = NULL;
  if (mixent_is_name(key, known)) return MIXENT_OK;
  if (!*there) MIXENT_TRY(mixent_store_keys(store, there));
  const char *const *own = (const char *const *)*there;
  if (mixent_is_name(key, own)) return MIXENT_OK;
  const mixent_typed_word *typed = mixent_typed_word_find(key);
  if (typed && typed->key)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "no run has '%s'; here it is '%s'", key, typed->key);
  const char *near = mixent_nearest_key(key, known);
  if (!near) near = mixent_nearest_key(key, own);
  if (near) return mixent_fail(MIXENT_ERROR_ARGUMENT, "no run has '%s'; did you mean '%s'?", key, near);
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "no run has '%s'; 'mixent runs --columns all --csv' shows all that there is", key);
}

/* What is compared with numbers alone is a number, or finds nothing. */
static mixent_status check_value(mixent_store *store, const mixent_store_filter *filter) {
  double number;
  if (filter->comparison >= MIXENT_STORE_CONTAINS || read_number(filter->value, &number)) return MIXENT_OK;
  sqlite3_stmt *statement;
  bool row;
  MIXENT_TRY(mixent_store_prepare(
      store, "SELECT count(*), sum(typeof(value) = 'text') FROM fact WHERE key = ?", &statement));
  mixent_store_bind_text(store, statement, 1, filter->key);
  mixent_status status = mixent_store_step(store, statement, &row);
  bool numbers = status == MIXENT_OK && row && sqlite3_column_int64(statement, 0) > 0 &&
                 sqlite3_column_int64(statement, 1) == 0;
  sqlite3_finalize(statement);
  if (status != MIXENT_OK || !numbers) return status;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "'%s' is no number, and %s is compared with numbers, as in 'test.accuracy>0.95'",
                     filter->value, filter->key);
}

static mixent_status check_query(mixent_store *store, const mixent_store_query *query) {
  char **there = NULL;
  mixent_status status = query->sort ? check_key(store, query->sort, &there) : MIXENT_OK;
  for (size_t i = 0; i < query->filter_count && status == MIXENT_OK; i++)
    if ((status = check_key(store, query->filters[i].key, &there)) == MIXENT_OK)
      status = check_value(store, &query->filters[i]);
  for (size_t i = 0; query->columns && query->columns[i] && status == MIXENT_OK; i++)
    status = check_key(store, query->columns[i], &there);
  free(there);
  return status;
}

static mixent_status find(mixent_store *store, const mixent_store_query *query, mixent_facts **out,
                          size_t *count) {
  sqlite3_stmt *ids = NULL, *facts = NULL;
  MIXENT_TRY(check_query(store, query));
  MIXENT_TRY(mixent_store_execute(store, "BEGIN")); /* one moment for all that is read */
  mixent_status status = select_runs(store, query, &ids);
  if (status == MIXENT_OK)
    status = mixent_store_prepare(store,
                                  query->columns ? "SELECT key, value FROM fact WHERE run = ? AND key = ?"
                                                 : "SELECT key, value FROM fact WHERE run = ? ORDER BY key",
                                  &facts);
  if (status == MIXENT_OK) status = read_runs(store, query, ids, facts, out, count);
  sqlite3_finalize(ids);
  sqlite3_finalize(facts);
  if (status == MIXENT_OK) status = mixent_store_execute(store, "COMMIT");
  if (status != MIXENT_OK) {
    mixent_store_runs_free(*out, *count);
    *out = NULL, *count = 0;
  }
  return status;
}

mixent_status mixent_store_find(mixent_store *store, const mixent_store_query *query, mixent_facts **out,
                                size_t *count) {
  *out = NULL, *count = 0;
  mixent_status status = find(store, query, out, count);
  if (status == MIXENT_OK) return status;
  MIXENT_TRY(mixent_store_recover(store, status));
  return find(store, query, out, count);
}

void mixent_store_runs_free(mixent_facts *runs, size_t count) {
  for (size_t i = 0; i < count; i++) mixent_facts_free(&runs[i]);
  free(runs);
}

static mixent_status read_keys(mixent_store *store, mixent_text *keys, size_t *count) {
  sqlite3_stmt *statement;
  bool row;
  MIXENT_TRY(mixent_store_prepare(store, "SELECT DISTINCT key FROM fact ORDER BY key", &statement));
  mixent_status status = mixent_store_step(store, statement, &row);
  for (; status == MIXENT_OK && row; ++*count) {
    const char *key = mixent_store_text(store, statement, 0);
    mixent_text_append_bytes(keys, key, strlen(key) + 1);
    status = mixent_store_step(store, statement, &row);
  }
  sqlite3_finalize(statement);
  return status;
}

mixent_status mixent_store_keys(mixent_store *store, char ***out) {
  mixent_text keys = {0};
  size_t count = 0;
  *out = NULL;
  mixent_status status = read_keys(store, &keys, &count);
  if (status == MIXENT_OK) status = mixent_text_status(&keys);
  /* the pointers, and behind them the texts */
  char **list = NULL;
  if (status == MIXENT_OK) status = mixent_allocate((count + 1) * sizeof *list + keys.length, (void **)&list);
  if (list) {
    char *text = (char *)(list + count + 1);
    if (keys.length) memcpy(text, keys.data, keys.length);
    for (size_t i = 0; i < count; i++, text += strlen(text) + 1) list[i] = text;
    list[count] = NULL;
    *out = list;
  }
  mixent_text_free(&keys);
  return status;
}
