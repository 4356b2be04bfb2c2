/* MLflow's store in SQLite: the metrics of its active runs, with the parameters and tags of each as settings.
 *
 *   run          the run's name, which gives variant and seed where no parameter and no tag is called so
 *   params.NAME, tags.NAME   settings, for --columns
 *   experiment   its experiment's name; the data set where several experiments have runs
 *   step         the epoch of a metric
 *
 * The file may come from a stranger: it is opened for reading alone, its views and functions are not run, only its tables are read. */
#include "lab/results/mlflow.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE = 5000 /* milliseconds for a writer to end */, FIXED = 5, LONGEST = 1 << 20 };

typedef struct setting {
  char *name, *text;
} setting;

typedef struct reader {
  const char *path;
  sqlite3 *database;
  const mixent_results_layout *layout;
  mixent_results *out;
  const char *origin; /* the path, in memory of the results */
  bool several;       /* experiments have runs */
} reader;

static mixent_status fail(const reader *reader) {
  int extended = sqlite3_extended_errcode(reader->database), code = extended & 0xff;
  const char *said = sqlite3_errmsg(reader->database);
  if (code == SQLITE_NOMEM || extended == SQLITE_IOERR_NOMEM) return mixent_no_memory("%s", reader->path);
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    return mixent_fail(MIXENT_ERROR_IO,
                       "cannot read %s: another process is writing to it (%s); try again when that has ended",
                       reader->path, said);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR)
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: expected MLflow's store in SQLite, got a damaged or another one: %s",
                       reader->path, said);
  return mixent_fail(MIXENT_ERROR_IO, "cannot read %s: %s", reader->path, said);
}

static mixent_status prepare(const reader *reader, const char *sql, const char *run, sqlite3_stmt **out) {
  if (sqlite3_prepare_v2(reader->database, sql, -1, out, NULL) != SQLITE_OK) return fail(reader);
  if (!run || sqlite3_bind_text(*out, 1, run, -1, SQLITE_STATIC) == SQLITE_OK) return MIXENT_OK;
  sqlite3_finalize(*out);
  return fail(reader);
}

static mixent_status step(const reader *reader, sqlite3_stmt *statement, bool *row) {
  int code = sqlite3_step(statement);
  *row = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE ? MIXENT_OK : fail(reader);
}

/* A column's text, "" for NULL; what is no UTF-8, or has a zero within, is no text. */
static mixent_status read_text(const reader *reader, sqlite3_stmt *statement, int column, char **out) {
  const char *text = (const char *)sqlite3_column_text(statement, column);
  if (!text && sqlite3_column_type(statement, column) != SQLITE_NULL) return fail(reader);
  if (text && !mixent_is_utf8(text))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected text in UTF-8, got other bytes", reader->path);
  return mixent_copy_text(text ? text : "", out);
}

/* The first number that a query gives; 0 where it gives none. */
static mixent_status count(const reader *reader, const char *sql, long *out) {
  sqlite3_stmt *statement;
  bool row;
  MIXENT_TRY(prepare(reader, sql, NULL, &statement));
  mixent_status status = step(reader, statement, &row);
  *out = status == MIXENT_OK && row ? (long)sqlite3_column_int64(statement, 0) : 0;
  sqlite3_finalize(statement);
  return status;
}

/* A run while it is read. */
typedef struct run {
  char *id, *name, *status, *experiment;
  setting *settings;
  size_t count;
} run;

static void free_run(run *run) {
  for (size_t i = 0; i < run->count; i++) {
    free(run->settings[i].name);
    free(run->settings[i].text);
  }
  free(run->settings);
  free(run->id);
  free(run->name);
  free(run->status);
  free(run->experiment);
}

static mixent_status add_setting(const reader *reader, const char *prefix, sqlite3_stmt *statement,
                                 run *run) {
  char *key;
  MIXENT_TRY(MIXENT_GROW(&run->settings, run->count, reader->path));
  MIXENT_TRY(read_text(reader, statement, 0, &key));
  setting *setting = &run->settings[run->count];
  *setting = (struct setting){NULL, NULL};
  mixent_status status = mixent_print_text(&setting->name, "%s%s", prefix, key);
  free(key);
  if (status == MIXENT_OK) status = read_text(reader, statement, 1, &setting->text);
  if (status == MIXENT_OK && ++run->count <= MIXENT_RESULTS_COLUMNS) return MIXENT_OK;
  if (status == MIXENT_OK)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d parameters and tags of a run, got more", reader->path,
                       MIXENT_RESULTS_COLUMNS);
  free(setting->name);
  return status;
}

static mixent_status read_settings(const reader *reader, const char *prefix, const char *sql, run *run) {
  sqlite3_stmt *statement;
  bool row = true;
  MIXENT_TRY(prepare(reader, sql, run->id, &statement));
  mixent_status status = step(reader, statement, &row);
  while (status == MIXENT_OK && row) {
    status = add_setting(reader, prefix, statement, run);
    if (status == MIXENT_OK) status = step(reader, statement, &row);
  }
  sqlite3_finalize(statement);
  return status;
}

/* A run lacks what --columns names: it is passed over where it measured nothing. */
static mixent_status check_mapped(const reader *reader, const run *run, const mixent_results_header *header,
                                  bool *complete) {
  *complete = true;
  for (int role = 0; role < MIXENT_ROLES; role++) {
    size_t column;
    const char *mapped = reader->layout->columns[role];
    if (!mapped) continue;
    MIXENT_TRY(mixent_results_find_column(header, mapped, &column));
    if (column < header->count) continue;
    *complete = false;
    return mixent_fail(MIXENT_ERROR_FORMAT,
                       "%s: run '%.80s': expected a parameter or a tag '%.80s', got none (--columns %s)",
                       reader->path, run->name, mapped, mixent_results_roles[role]);
  }
  return MIXENT_OK;
}

static mixent_status take_metrics(const reader *reader, const run *run, mixent_results_header *header,
                                  mixent_results_field *fields) {
  static const char sql[] =
      "SELECT key, value, is_nan, step FROM metrics WHERE run_uuid = ? ORDER BY step, timestamp";
  sqlite3_stmt *statement;
  bool row = true, complete;
  MIXENT_TRY(prepare(reader, sql, run->id, &statement));
  mixent_status status = step(reader, statement, &row);
  bool measured = status == MIXENT_OK && row;
  header->is_unfinished = strcmp(run->status, "FINISHED") != 0;
  if (measured || header->is_unfinished) {
    status = status == MIXENT_OK ? check_mapped(reader, run, header, &complete) : status;
    if (status == MIXENT_ERROR_FORMAT && header->is_unfinished) { /* it ended before it said what it is */
      reader->out->unfinished += !reader->out->choosing;
      status = MIXENT_OK;
      measured = header->is_unfinished = false;
    } else if (status == MIXENT_OK)
      status = mixent_results_find_roles(reader->layout, header);
  }
  if (status == MIXENT_OK && header->is_unfinished) {
    fields[2] = (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = "unfinished"};
    fields[3] = fields[4] = mixent_results_number(0, "0");
    status = mixent_results_take(header, fields, reader->out);
    measured = false;
  }
  while (status == MIXENT_OK && measured && row) {
    char *key;
    double value = sqlite3_column_int(statement, 2) ? NAN : sqlite3_column_double(statement, 1);
    status = read_text(reader, statement, 0, &key);
    if (status != MIXENT_OK) break;
    fields[2] = (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = key};
    fields[3] = mixent_results_number(value, "NaN");
    fields[4] = mixent_results_number((double)sqlite3_column_int64(statement, 3), "");
    status = mixent_results_take(header, fields, reader->out);
    free(key);
    if (status == MIXENT_OK) status = step(reader, statement, &row);
  }
  sqlite3_finalize(statement);
  return status;
}

static mixent_status take_run(const reader *reader, const run *run) {
  static const char *const fixed[FIXED] = {"run", "experiment", "metric", "value", "epoch"};
  size_t all = FIXED + run->count;
  const char **names;
  mixent_results_field *fields = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(all, &names));
  mixent_status status = MIXENT_ALLOCATE(all, &fields);
  if (status == MIXENT_OK) {
    for (size_t i = 0; i < FIXED; i++) names[i] = fixed[i];
    fields[0] = (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = *run->name ? run->name : run->id};
    fields[1] = (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = run->experiment};
    for (size_t i = 0; i < run->count; i++) {
      names[FIXED + i] = run->settings[i].name;
      fields[FIXED + i] = mixent_results_cell_read(run->settings[i].text, 1, 1);
    }
    mixent_results_header header = {.origin = reader->origin,
                                    .line = 1,
                                    .names = names,
                                    .count = all,
                                    .data = reader->several ? run->experiment : NULL,
                                    .identity = run->id,
                                    .is_log = true};
    status = take_metrics(reader, run, &header, fields);
  }
  free(fields);
  free(names);
  return status;
}

static mixent_status read_run(const reader *reader, sqlite3_stmt *statement) {
  run run = {0};
  char **const texts[] = {&run.id, &run.name, &run.status, &run.experiment};
  mixent_status status = MIXENT_OK;
  for (int i = 0; i < 4 && status == MIXENT_OK; i++) status = read_text(reader, statement, i, texts[i]);
  if (status == MIXENT_OK)
    status = read_settings(reader, "params.", "SELECT key, value FROM params WHERE run_uuid = ? ORDER BY key",
                           &run);
  if (status == MIXENT_OK)
    status =
        read_settings(reader, "tags.", "SELECT key, value FROM tags WHERE run_uuid = ? ORDER BY key", &run);
  if (status == MIXENT_OK) status = take_run(reader, &run);
  free_run(&run);
  return status;
}

static mixent_status read_runs(reader *reader) {
  static const char sql[] =
      "SELECT runs.run_uuid, runs.name, runs.status, coalesce(experiments.name, '') FROM runs LEFT JOIN experiments "
      "ON experiments.experiment_id = runs.experiment_id WHERE runs.lifecycle_stage = 'active' "
      "ORDER BY runs.start_time, runs.run_uuid";
  sqlite3_stmt *statement;
  bool row;
  long experiments;
  MIXENT_TRY(count(reader, "SELECT count(DISTINCT experiment_id) FROM runs WHERE lifecycle_stage = 'active'",
                   &experiments));
  reader->several = experiments > 1;
  reader->out->has_epochs = true;
  MIXENT_TRY(mixent_results_add_source(reader->path, "MLflow", reader->out, &reader->origin));
  MIXENT_TRY(prepare(reader, sql, NULL, &statement));
  mixent_status status = step(reader, statement, &row);
  while (status == MIXENT_OK && row) {
    status = read_run(reader, statement);
    if (status == MIXENT_OK) status = step(reader, statement, &row);
  }
  sqlite3_finalize(statement);
  return status;
}

mixent_status mixent_results_read_mlflow_database(const mixent_results_file *file, sqlite3 *database,
                                                  const mixent_results_layout *layout, mixent_results *out,
                                                  bool *found) {
  reader reader = {.path = file->path, .database = database, .layout = layout, .out = out};
  long tables;
  sqlite3_busy_timeout(database, PATIENCE);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, LONGEST);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
  MIXENT_TRY(
      count(&reader,
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND "
            "name IN ('experiments', 'runs', 'params', 'tags', 'metrics')",
            &tables));
  *found = tables == 5;
  if (*found) return read_runs(&reader);
  return !file->is_named
             ? MIXENT_OK
             : mixent_fail(
                   MIXENT_ERROR_FORMAT,
                   "%s: expected MLflow's tables (experiments, runs, params, tags, metrics), got %ld of the five",
                   file->path, tables);
}

/* "file:PATH?mode=ro" */
static mixent_status write_uri(const char *path, const char *mode, char **out) {
  mixent_text text = {0};
  mixent_text_append(&text, "file:");
  for (const char *at = path; *at; at++)
    mixent_text_append(&text, strchr("?#%", *at) ? "%%%02X" : "%c", (unsigned char)*at);
  mixent_text_append(&text, "?%s", mode);
  *out = text.data;
  return mixent_text_status(&text);
}

/* Whether the file is in write-ahead mode and nobody has it open: then SQLite would make two files beside it, and needs no lock. */
static mixent_status is_at_rest(const char *path, bool *out) {
  enum { VERSIONS = 18, WRITE_AHEAD = 2 }; /* where in the file's head its mode is, and which one it is */
  unsigned char head[VERSIONS + 1] = {0};
  char *log;
  mixent_path_kind kind = MIXENT_PATH_NOTHING;
  FILE *stream;
  MIXENT_TRY(mixent_file_open(path, &stream));
  size_t count = fread(head, 1, sizeof head, stream);
  fclose(stream);
  MIXENT_TRY(mixent_print_text(&log, "%s-wal", path));
  mixent_status status = mixent_path_look(log, &kind);
  free(log);
  *out = count == sizeof head && head[VERSIONS] == WRITE_AHEAD && kind == MIXENT_PATH_NOTHING;
  return status;
}

mixent_status mixent_results_read_mlflow(const mixent_results_file *file, const mixent_results_layout *layout,
                                         mixent_results *out, bool *found) {
  sqlite3 *database = NULL;
  char *uri;
  bool at_rest;
  out->file = file->path;
  MIXENT_TRY(is_at_rest(file->path, &at_rest));
  MIXENT_TRY(write_uri(file->path, at_rest ? "mode=ro&immutable=1" : "mode=ro", &uri));
  int code = sqlite3_open_v2(uri, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
  free(uri);
  const reader reader = {.path = file->path, .database = database};
  mixent_status status = code == SQLITE_OK
                             ? mixent_results_read_mlflow_database(file, database, layout, out, found)
                         : database ? fail(&reader)
                                    : mixent_no_memory("%s", file->path);
  sqlite3_close(database);
  return status;
}
