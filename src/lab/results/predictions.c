/* What predictions say becomes columns: of recorded runs, whose results stay with the runs. */
#include "core/memory.h"
#include "lab/compare/runs.h"
#include "lab/results/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The run in the table; its values may be in another file, its result may not. */
static mixent_status take_run(const char *origin, const mixent_record *record, mixent_results *out) {
  const struct {
    mixent_results_role role;
    const char *text;
  } texts[] = {{MIXENT_ROLE_VARIANT, record->variant},
               {MIXENT_ROLE_SEED, record->seed},
               {MIXENT_ROLE_DATA, record->data}};
  const char *names[MIXENT_ROLES];
  mixent_results_field fields[MIXENT_ROLES];
  mixent_results_header header = {.origin = origin, .line = 1, .names = names};
  for (int role = 0; role < MIXENT_ROLES; role++) header.roles[role] = MIXENT_ROLES;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!*texts[i].text) continue;
    header.roles[texts[i].role] = header.count;
    names[header.count] = mixent_results_roles[texts[i].role];
    fields[header.count++] =
        (mixent_results_field){.kind = MIXENT_FIELD_WORD, .text = texts[i].text, .line = 1, .column = 1};
  }
  MIXENT_TRY(mixent_results_take(&header, fields, out));
  const mixent_results_run *run = &out->runs[out->last_run];
  if (!run->result || !record->result) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_FORMAT,
      "%s and %s: expected runs of different variants, seeds or data sets, got variant '%.80s', seed "
      "%.80s twice",
      run->result->run, origin, record->variant, *record->seed ? record->seed : "none");
}

/* Runs on one data set were scored on the same items: that they are paired, item by item, rests on it. */
static mixent_status check_set(const char *origin, const mixent_results_run *run, mixent_results *out) {
  mixent_results_set *set;
  MIXENT_TRY(mixent_results_find_set(origin, run->data, out, &set));
  if (!set->scored) {
    set->scored = out->last_run + 1;
    set->count = run->result->test_images;
    return MIXENT_OK;
  }
  const mixent_result *first = out->runs[set->scored - 1].result;
  bool same = first->test_images == run->result->test_images && first->classes == run->result->classes &&
              mixent_result_same_labels(first, run->result);
  for (size_t k = 0; same && k < first->classes; k++)
    same = strcmp(first->class_names[k], run->result->class_names[k]) == 0;
  if (same) return MIXENT_OK;
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "%s and %s: expected the same test labels and classes in the same order, got different ones; score both "
      "runs on one test set, without shuffling it, or name two data sets",
      first->run, origin);
}

static mixent_status put(const char *origin, const char *name, double value, bool predicted,
                         mixent_results_run *run, mixent_results *out) {
  mixent_results_field field = mixent_results_number(value, "");
  field.line = 1;
  if (isnan(value)) return MIXENT_OK;
  size_t columns = out->columns.count;
  MIXENT_TRY(mixent_results_put(origin, name, &field, run, out));
  if (out->columns.count > columns) out->kinds[columns].predicted = predicted;
  return MIXENT_OK;
}

/* Whether a name is that of a measure of predictions. */
static bool is_predicted(const char *name) {
  size_t measure = mixent_measure_find(name);
  return measure < MIXENT_MEASURES && mixent_measures[measure].kind != MIXENT_MEASURE_RUN;
}

mixent_status mixent_results_add(mixent_record *record, mixent_results *out) {
  MIXENT_TRY(mixent_names_add(&out->origins, record->path));
  const char *origin = out->origins.items[out->origins.count - 1];
  out->file = origin;
  MIXENT_TRY(take_run(origin, record, out));
  mixent_results_run *run = &out->runs[out->last_run];
  bool predicted = record->result != NULL;
  if (predicted) {
    run->result = record->result;
    record->result = NULL;
    MIXENT_TRY(check_set(origin, run, out));
  }
  for (size_t m = 0; predicted && m < MIXENT_MEASURES; m++) {
    if (mixent_measures[m].kind == MIXENT_MEASURE_RUN) continue;
    MIXENT_TRY(put(origin, mixent_measures[m].name, mixent_measure_of(m, run->result), true, run, out));
  }
  for (size_t i = 0; i < record->metric_count; i++)
    if (!run->result || !is_predicted(record->metrics[i].name))
      MIXENT_TRY(put(origin, record->metrics[i].name, record->metrics[i].value, false, run, out));
  return MIXENT_OK;
}

mixent_status mixent_results_read_records(const char *directory, mixent_results *out) {
  mixent_records records;
  MIXENT_TRY(mixent_records_read(directory, &records));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < records.count && status == MIXENT_OK; i++)
    status = mixent_results_add(&records.items[i], out);
  mixent_records_free(&records);
  return status;
}
