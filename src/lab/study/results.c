/* Results of a study's runs, in the shape that a comparison takes. */
#include "lab/study/results.h"

#include <math.h>
#include <stdlib.h>

void mixent_study_results_free(mixent_study_results *results) {
  mixent_runs_compared_free(&results->compared);
  for (size_t i = 0; i < results->count && results->items; i++) mixent_result_free(results->items[i]);
  free(results->items);
  free(results->variance);
  *results = (mixent_study_results){0};
}

static mixent_status read_run(const mixent_study *study, mixent_study_cell cell, mixent_result **out) {
  mixent_run_state state;
  MIXENT_TRY(mixent_study_run_state(study, cell, &state, NULL));
  if (state != MIXENT_RUN_FINISHED) return MIXENT_OK;
  char *path = mixent_study_run_path(study, cell);
  mixent_status status = path ? mixent_result_read(path, out) : MIXENT_ERROR_MEMORY;
  free(path);
  return status;
}

/* Only seeds of which no two runs share a level of a factor, or a search, are independent. */
static mixent_status compare(const mixent_study *study, size_t replicates, mixent_study_results *out) {
  size_t seeds = mixent_study_compared(study), rows = study->data_count * study->variant_count;
  const mixent_result **first;
  bool *selected;
  MIXENT_TRY(mixent_study_find_test_selected(study, &selected));
  mixent_status status = MIXENT_ALLOCATE(rows * seeds, &first);
  for (size_t i = 0; i < rows * seeds && status == MIXENT_OK; i++)
    first[i] = out->items[i / seeds * study->seed_count + i % seeds];
  const mixent_runs_grid grid = {.variants = (const char *const *)study->variant_names,
                                 .variant_count = study->variant_count,
                                 .baseline = study->baseline,
                                 .test_selected = selected,
                                 .seeds = study->seeds,
                                 .seed_count = seeds,
                                 .data = (const char *const *)study->data_names,
                                 .data_count = study->data_count,
                                 .results = first,
                                 .difference = study->difference,
                                 .replicates = replicates};
  if (status == MIXENT_OK) status = mixent_runs_compare(&grid, &out->compared);
  free(selected);
  free(first);
  return status;
}

static mixent_status measure_variance(const mixent_study *study, mixent_study_results *out) {
  double *accuracies;
  MIXENT_TRY(MIXENT_ALLOCATE(study->data_count * study->variant_count, &out->variance));
  MIXENT_TRY(MIXENT_ALLOCATE(out->count, &accuracies));
  for (size_t i = 0; i < out->count; i++) accuracies[i] = out->items[i] ? out->items[i]->test.accuracy : NAN;
  mixent_status status = mixent_study_variance_measure(study, accuracies, out->variance);
  free(accuracies);
  return status;
}

/* Where a run's result goes. */
static mixent_result **item_of(const mixent_study *study, const mixent_study_results *results,
                               mixent_study_cell cell) {
  size_t each = study->variant_count * study->seed_count;
  return &results->items[cell.data * each + cell.variant * study->seed_count + cell.seed];
}

mixent_status mixent_study_results_import(const mixent_import *import, size_t replicates,
                                          mixent_study_results *out) {
  *out = (mixent_study_results){.count = mixent_study_run_count(import->study)};
  mixent_status status = MIXENT_ALLOCATE(out->count, &out->items);
  for (size_t i = 0; i < import->run_count && status == MIXENT_OK; i++) {
    const mixent_imported_run *run = &import->runs[i];
    const char *name = json_string_value(json_object_get(run->json, "run")),
               *summary = json_string_value(json_object_get(run->json, "summary.json")),
               *kept = json_string_value(json_object_get(run->json, "result.json"));
    status = mixent_result_parse(name, summary, kept, item_of(import->study, out, run->cell));
    if (status != MIXENT_OK) status = mixent_import_fail(import, run->line, status);
    out->finished++;
  }
  if (status == MIXENT_OK) status = compare(import->study, replicates, out);
  if (status != MIXENT_OK) mixent_study_results_free(out);
  return status;
}

mixent_status mixent_study_results_read(const mixent_study *study, mixent_study_results *out) {
  *out = (mixent_study_results){.count = mixent_study_run_count(study)};
  mixent_status status = MIXENT_ALLOCATE(out->count, &out->items);
  for (size_t i = 0; i < out->count && status == MIXENT_OK; i++) {
    mixent_study_cell cell = mixent_study_cell_at(study, i);
    mixent_result **item = item_of(study, out, cell);
    status = read_run(study, cell, item);
    out->finished += *item != NULL;
  }
  if (status == MIXENT_OK) status = compare(study, 0, out);
  if (status == MIXENT_OK && study->vary.crossed) status = measure_variance(study, out);
  if (status != MIXENT_OK) mixent_study_results_free(out);
  return status;
}
