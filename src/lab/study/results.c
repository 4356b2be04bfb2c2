/* Results of a study's runs, in the shape that a comparison takes. */
#include "lab/study/results.h"

#include <stdlib.h>

void mixent_study_results_free(mixent_study_results *results) {
  mixent_runs_compared_free(&results->compared);
  for (size_t i = 0; i < results->count && results->items; i++) mixent_result_free(results->items[i]);
  free(results->items);
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

static mixent_status compare(const mixent_study *study, mixent_study_results *out) {
  bool *selected;
  MIXENT_TRY(mixent_study_find_test_selected(study, &selected));
  const mixent_runs_grid grid = {.variants = (const char *const *)study->variant_names,
                                 .variant_count = study->variant_count,
                                 .baseline = study->baseline,
                                 .test_selected = selected,
                                 .seeds = study->seeds,
                                 .seed_count = study->seed_count,
                                 .data = (const char *const *)study->data_names,
                                 .data_count = study->data_count,
                                 .results = (const mixent_result *const *)out->items,
                                 .difference = study->difference};
  mixent_status status = mixent_runs_compare(&grid, &out->compared);
  free(selected);
  return status;
}

mixent_status mixent_study_results_read(const mixent_study *study, mixent_study_results *out) {
  size_t each = study->variant_count * study->seed_count;
  *out = (mixent_study_results){.count = mixent_study_run_count(study)};
  mixent_status status = MIXENT_ALLOCATE(out->count, &out->items);
  for (size_t i = 0; i < out->count && status == MIXENT_OK; i++) {
    mixent_study_cell cell = mixent_study_cell_at(study, i);
    mixent_result **item = &out->items[cell.data * each + cell.variant * study->seed_count + cell.seed];
    status = read_run(study, cell, item);
    out->finished += *item != NULL;
  }
  if (status == MIXENT_OK) status = compare(study, out);
  if (status != MIXENT_OK) mixent_study_results_free(out);
  return status;
}
