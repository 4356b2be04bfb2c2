/* Results in CSV: a table (a row per run, or per run and metric), or a log (a row per epoch of one run), as a program wrote it or a tracker
 * exported it. Which it is the header tells:
 *
 *   Name, State and one of Created, Runtime, User   Weights & Biases' table of runs
 *   a column, and then "RUN - METRIC" alone         Weights & Biases' chart: the history of several runs
 *   no variant, no run, but _step                   Weights & Biases' history of one run
 *   the same, but step                              Lightning's CSVLogger; settings are in hparams.yaml beside it
 *   the same, but epoch                             Keras's CSVLogger
 *   else                                            a table */
#include "data/formats/csv.h"
#include "core/file.h"
#include "core/locale.h"
#include "core/memory.h"
#include "lab/results/log.h"

#include <stdlib.h>
#include <string.h>

/* A file while it is read. */
typedef struct table {
  mixent_csv *csv;
  size_t columns;
  const char **names;           /* [columns], and the settings of a log */
  mixent_results_field *fields; /* likewise */
  mixent_results_log log;
  size_t state; /* the column that says whether a run is finished; `columns`: none */
  size_t group,
      run; /* the column that is the variant, and that of the name for runs without one; `columns`: none */
} table;

typedef mixent_status take_cells(table *table, mixent_results_header *header, mixent_results *out);

static mixent_status take_row(table *table, mixent_results_header *header, mixent_results *out) {
  if (table->state < table->columns) {
    const char *state = table->fields[table->state].text;
    header->is_unfinished = !mixent_same_word(state, "finished");
  }
  if (table->group < table->columns) {
    bool has_group = !mixent_results_is_blank(table->fields[table->group].text);
    header->roles[MIXENT_ROLE_VARIANT] = has_group ? table->group : table->columns;
    header->roles[MIXENT_ROLE_RUN] = has_group ? table->columns : table->run;
  }
  return mixent_results_take(header, table->fields, out);
}

static mixent_status read_rows(table *table, mixent_results_header *header, take_cells *take,
                               mixent_results *out) {
  mixent_csv *csv = table->csv;
  bool found;
  size_t rows = 0;
  MIXENT_TRY(mixent_csv_next(csv, &found));
  for (; found; rows++) {
    if (csv->count != table->columns)
      return mixent_csv_fail(csv, &csv->cells[csv->count > table->columns ? table->columns : csv->count - 1],
                             "expected %zu cells as in the header, got %zu", table->columns, csv->count);
    for (size_t i = 0; i < csv->count; i++)
      table->fields[i] =
          mixent_results_cell_read(csv->cells[i].text, csv->cells[i].line, csv->cells[i].column);
    MIXENT_TRY(take(table, header, out));
    MIXENT_TRY(mixent_csv_next(csv, &found));
  }
  if (rows) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected rows below the header, got none", csv->origin);
}

static bool has_name(const table *table, const char *name, size_t *at) {
  for (size_t i = 0; i < table->columns; i++)
    if (strcmp(table->names[i], name) == 0) {
      if (at) *at = i;
      return true;
    }
  return false;
}

/* "RUN - METRIC": where the metric begins; NULL: another name. */
static const char *metric_of(const char *name) {
  static const char joint[] = " - ";
  const char *found = NULL;
  for (const char *at = name; (at = strstr(at, joint)); at++)
    if (at > name && at[strlen(joint)]) found = at + strlen(joint);
  return found;
}

/* Of each point a chart has the least and the largest value besides. */
static bool is_bound(const char *metric) {
  return mixent_has_ending(metric, "__min") || mixent_has_ending(metric, "__max");
}

static bool is_chart(const table *table) {
  for (size_t i = 1; i < table->columns; i++)
    if (!metric_of(table->names[i])) return false;
  return table->columns > 1 && !metric_of(table->names[0]);
}

/* The cells of a chart's row: each belongs to a run. */
static mixent_status take_chart(table *table, mixent_results_header *header, mixent_results *out) {
  for (size_t i = 1; i < table->columns; i++) {
    char *run, *variant, *seed;
    const char *metric = metric_of(table->names[i]);
    if (is_bound(metric) || !*table->fields[i].text) continue;
    MIXENT_TRY(mixent_copy_start(table->names[i], (size_t)(metric - table->names[i]) - strlen(" - "), &run));
    mixent_status status = mixent_results_name_run("", run, &variant, &seed);
    const char *names[2] = {metric, table->names[0]};
    const mixent_results_field fields[2] = {table->fields[i], table->fields[0]};
    header->names = names;
    header->variant = variant;
    header->seed = seed;
    header->identity = run;
    if (status == MIXENT_OK) {
      status = mixent_results_take(header, fields, out);
      free(variant);
      free(seed);
    }
    free(run);
    if (status != MIXENT_OK) return status;
  }
  return MIXENT_OK;
}

static mixent_status read_chart(table *table, const mixent_results_layout *layout, mixent_results *out) {
  static const char group[] = "Group: ";
  for (size_t i = 1; i < table->columns; i++)
    if (strncmp(table->names[i], group, strlen(group)) == 0)
      return mixent_fail(
          MIXENT_ERROR_FORMAT,
          "%s: expected the history of runs, got means of groups ('%.80s'); export the chart without groups",
          table->csv->origin, table->names[i]);
  mixent_results_header header = {.line = 1, .count = 2, .layout = layout, .is_log = true};
  MIXENT_TRY(mixent_results_add_source(table->csv->origin, "Weights & Biases history", out, &header.origin));
  for (int role = 0; role < MIXENT_ROLES; role++) header.roles[role] = header.count;
  header.roles[MIXENT_ROLE_EPOCH] = 1;
  out->has_names = out->has_epochs = true;
  return read_rows(table, &header, take_chart, out);
}

/* What says the epoch of a log; NULL: the file is no log. */
static const char *epoch_of(const table *table, const char **reader) {
  bool step = has_name(table, "step", NULL), epoch = has_name(table, "epoch", NULL);
  *reader = has_name(table, "_step", NULL) ? "Weights & Biases history"
            : step                         ? "Lightning CSVLogger"
            : epoch                        ? "Keras CSVLogger"
                                           : NULL;
  return !*reader ? NULL : epoch ? "epoch" : step ? "step" : "_step";
}

static mixent_status read_log(table *table, const mixent_results_file *file, const char *epoch,
                              const char *reader, const mixent_results_layout *layout, mixent_results *out) {
  const char *usual[MIXENT_ROLES] = {[MIXENT_ROLE_EPOCH] = epoch};
  mixent_results_header header = {.line = 1, .usual = usual};
  MIXENT_TRY(mixent_results_add_source(file->path, reader, out, &header.origin));
  MIXENT_TRY(mixent_results_log_begin(file, header.origin, &table->log));
  size_t count = header.count = table->columns + table->log.count;
  MIXENT_TRY(MIXENT_RESIZE(&table->names, count, file->path));
  MIXENT_TRY(MIXENT_RESIZE(&table->fields, count, file->path));
  for (size_t i = table->columns; i < count; i++) {
    table->names[i] = table->log.names[i - table->columns];
    table->fields[i] = table->log.fields[i - table->columns];
  }
  header.names = table->names;
  MIXENT_TRY(mixent_results_log_find(layout, &table->log, &header, out));
  return read_rows(table, &header, take_row, out);
}

static mixent_status read_table(table *table, const mixent_results_file *file, bool is_wandb,
                                const mixent_results_layout *layout, mixent_results *out) {
  static const char *const wandb[MIXENT_ROLES] = {
      [MIXENT_ROLE_VARIANT] = "Group", [MIXENT_ROLE_RUN] = "Name"};
  mixent_results_header header = {.origin = file->path,
                                  .line = table->csv->cells[0].line,
                                  .names = table->names,
                                  .count = table->columns,
                                  .usual = is_wandb ? wandb : NULL};
  MIXENT_TRY(mixent_results_find_roles(layout, &header));
  MIXENT_TRY(
      mixent_results_add_source(file->path, is_wandb ? "Weights & Biases runs" : "CSV", out, &header.origin));
  out->has_epochs |= header.roles[MIXENT_ROLE_EPOCH] < header.count;
  bool grouped = is_wandb && !layout->columns[MIXENT_ROLE_VARIANT] && has_name(table, "Group", &table->group);
  if (!grouped || header.roles[MIXENT_ROLE_VARIANT] != table->group || !has_name(table, "Name", &table->run))
    table->group = table->columns;
  return read_rows(table, &header, take_row, out);
}

/* Whether a column has the variant, or names the run. */
static mixent_status has_runs(const table *table, const mixent_results_layout *layout, bool *out) {
  const mixent_results_header header = {.names = table->names, .count = table->columns};
  const mixent_results_role roles[2] = {MIXENT_ROLE_VARIANT, MIXENT_ROLE_RUN};
  *out = false;
  for (int i = 0; i < 2; i++) {
    const char *mapped = layout->columns[roles[i]];
    size_t column = 0;
    if (mapped) MIXENT_TRY(mixent_results_find_column(&header, mapped, &column));
    while (!mapped && column < table->columns &&
           !mixent_same_word(table->names[column], mixent_results_roles[roles[i]]))
      column++;
    *out |= column < table->columns;
  }
  return MIXENT_OK;
}

static mixent_status read_any(table *table, const mixent_results_file *file,
                              const mixent_results_layout *layout, mixent_results *out, bool *found) {
  const char *reader, *epoch = epoch_of(table, &reader);
  bool runs, is_wandb = has_name(table, "Name", NULL) && has_name(table, "State", &table->state) &&
                        (has_name(table, "Created", NULL) || has_name(table, "Runtime", NULL) ||
                         has_name(table, "User", NULL));
  *found = true;
  MIXENT_TRY(has_runs(table, layout, &runs));
  if (!is_wandb) table->state = table->columns;
  if (!runs && has_name(table, "summary", NULL) && has_name(table, "config", NULL) &&
      has_name(table, "name", NULL))
    return mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s:1:1: expected a column for each value, got Weights & Biases's summary and config as Python's "
        "dictionaries; write them by runs_df.to_json('runs.jsonl', orient='records', lines=True), which is read",
        file->path);
  if (!runs && is_chart(table)) return read_chart(table, layout, out);
  if (!is_wandb && !runs && epoch) return read_log(table, file, epoch, reader, layout, out);
  *found = file->is_named || is_wandb || runs;
  return *found ? read_table(table, file, is_wandb, layout, out) : MIXENT_OK;
}

static mixent_status read_header(table *table, const mixent_results_file *file,
                                 const mixent_results_layout *layout, mixent_results *out, bool *found) {
  mixent_csv *csv = table->csv;
  MIXENT_TRY(mixent_csv_next(csv, found));
  if (!*found && !file->is_named) return MIXENT_OK;
  if (!*found)
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: expected a table of results, got an empty file",
                       csv->origin);
  if (csv->count > MIXENT_RESULTS_COLUMNS)
    return mixent_csv_fail(csv, &csv->cells[0], "expected at most %d columns, got %zu",
                           MIXENT_RESULTS_COLUMNS, csv->count);
  table->columns = table->state = table->group = csv->count;
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, &table->names));
  MIXENT_TRY(MIXENT_ALLOCATE(csv->count, &table->fields));
  for (size_t i = 0; i < csv->count; i++)
    table->names[i] = csv->cells[i].text; /* the text stays when the row goes */
  return read_any(table, file, layout, out, found);
}

mixent_status mixent_results_read_csv(const mixent_results_file *file, char *text, size_t size,
                                      const mixent_results_layout *layout, mixent_results *out, bool *found) {
  mixent_csv csv;
  table table = {.csv = &csv};
  MIXENT_TRY(mixent_csv_begin(file->path, text, size, &csv));
  mixent_status status = read_header(&table, file, layout, out, found);
  mixent_results_log_end(&table.log);
  free(table.fields);
  free(table.names);
  mixent_csv_end(&csv);
  return status;
}
