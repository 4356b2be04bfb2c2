/* A study, or runs alone, read into one shape and compared. */
#include "lab/report/source.h"
#include "core/file.h"
#include "data/find.h"
#include "lab/report/source_parts.h"
#include "lab/study/directory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static mixent_status take_texts(char *const *texts, size_t count, char ***out) {
  MIXENT_TRY(MIXENT_ALLOCATE(count, out));
  for (size_t i = 0; i < count; i++) MIXENT_TRY(mixent_copy_text(texts[i], &(*out)[i]));
  return MIXENT_OK;
}

static mixent_status read_study_run(mixent_report *report, mixent_study_cell cell) {
  char *path = mixent_study_run_path(report->study, cell);
  char *name = path ? mixent_study_run_name(report->study, cell) : NULL;
  mixent_status status = name ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  mixent_report_run *run = mixent_report_run_at(report, cell.data, cell.variant, cell.seed);
  if (status == MIXENT_OK) status = mixent_report_run_read(path, name, run);
  mixent_run_state state;
  const char *message;
  if (status == MIXENT_OK && !run->result)
    status = mixent_study_run_state(report->study, cell, &state, &message);
  if (status == MIXENT_OK && !run->result && (message || state == MIXENT_RUN_MISSING)) {
    free(run->message);
    status = mixent_copy_text(message ? message : "not begun", &run->message);
  }
  free(name);
  free(path);
  return status;
}

static mixent_status read_study(const char *directory, mixent_report *report) {
  MIXENT_TRY(mixent_study_open(directory, &report->study));
  const mixent_study *study = report->study;
  MIXENT_TRY(mixent_copy_text(study->name, &report->title));
  MIXENT_TRY(take_texts(study->variant_names, study->variant_count, &report->variants));
  report->variant_count = study->variant_count, report->baseline = study->baseline;
  MIXENT_TRY(take_texts(study->data_names, study->data_count, &report->data));
  report->data_count = study->data_count;
  report->seed_count = mixent_study_compared(study);
  MIXENT_TRY(MIXENT_ALLOCATE(report->seed_count, &report->seeds));
  memcpy(report->seeds, study->seeds, report->seed_count * sizeof *study->seeds);
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_report_run_count(report), &report->runs));
  for (size_t i = 0; i < mixent_report_run_count(report); i++) /* those of the first seeds come first */
    MIXENT_TRY(read_study_run(report, mixent_study_cell_at(study, i)));
  return MIXENT_OK;
}

/* A run's name: the last part of its path, or the whole where two would have the same. */
static const char *name_run(const char *const *places, size_t count, size_t index) {
  const char *slash = strrchr(places[index], '/'), *name = slash && slash[1] ? slash + 1 : places[index];
  for (size_t i = 0; i < count; i++) {
    const char *other = strrchr(places[i], '/');
    if (i != index && !strcmp(other && other[1] ? other + 1 : places[i], name)) return places[index];
  }
  return name;
}

/* The index of a data set among those so far; takes over `name`. */
static size_t find_data(mixent_report *report, char *name) {
  for (size_t d = 0; d < report->data_count; d++)
    if (!strcmp(report->data[d], name)) {
      free(name);
      return d;
    }
  report->data[report->data_count] = name;
  return report->data_count++;
}

/* The data set of a run, of one that is not finished as far as its recipe tells; free(). */
static mixent_status name_data(const mixent_report_run *run, char **out) {
  mixent_recipe recipe;
  *out = NULL;
  if (run->result) return mixent_copy_text(run->result->data, out);
  mixent_status status =
      run->recipe ? mixent_recipe_parse(run->recipe, run->path, NULL, NULL, 0, &recipe) : MIXENT_ERROR_FORMAT;
  if (status == MIXENT_ERROR_MEMORY) return status;
  return status == MIXENT_OK ? mixent_dataset_own_name(recipe.data, out) : mixent_copy_text("?", out);
}

static mixent_status place_run(mixent_report *report, size_t variant, mixent_report_run *run) {
  char *name;
  MIXENT_TRY(name_data(run, &name));
  *mixent_report_run_at(report, find_data(report, name), variant, 0) = *run;
  return MIXENT_OK;
}

/* Each run is a variant with one seed; the runs on one data set are compared with the first of them. */
static mixent_status read_runs(const char *const *places, size_t count, mixent_report *report) {
  report->variant_count = count, report->seed_count = 1;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &report->seeds));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &report->variants));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &report->data));
  MIXENT_TRY(MIXENT_ALLOCATE(count * count, &report->runs));
  for (size_t i = 0; i < count; i++) {
    mixent_report_run run = {0};
    MIXENT_TRY(mixent_path_check(places[i]));
    MIXENT_TRY(mixent_copy_text(name_run(places, count, i), &report->variants[i]));
    mixent_status status = mixent_report_run_read(places[i], report->variants[i], &run);
    if (status == MIXENT_OK && !run.recipe && !run.result)
      status = mixent_fail(
          MIXENT_ERROR_ARGUMENT,
          "%s: neither a study (study.yaml) nor a run (recipe.yaml) is there; 'mixent train' "
          "makes runs, 'mixent compare' studies; of results of other programs: mixent report --results PATH...",
          places[i]);
    if (status == MIXENT_OK) status = place_run(report, i, &run);
    if (status != MIXENT_OK) {
      mixent_report_run_free(&run);
      return status;
    }
  }
  return mixent_copy_text(count == 1 ? report->variants[0] : "Runs side by side", &report->title);
}

/* Where some runs on a data set held images out, the curves of those are drawn, and the others have none. */
static void keep_held_out(mixent_report *report) {
  size_t count = report->variant_count * report->seed_count;
  for (size_t d = 0; d < report->data_count; d++) {
    mixent_report_run *runs = report->runs + d * count;
    bool any = false;
    for (size_t i = 0; i < count; i++) any |= runs[i].held_out;
    for (size_t i = 0; i < count; i++)
      for (size_t k = MIXENT_SERIES_NLL * runs[i].epochs;
           any && !runs[i].held_out && k < MIXENT_SERIES_WEIGHTS * runs[i].epochs; k++)
        runs[i].series[k] = NAN;
  }
}

/* Which variants choose by the test images: by the study, or by the recipes of runs alone. */
static mixent_status find_test_selected(const mixent_report *report, bool **out) {
  mixent_recipe recipe;
  if (report->study) return mixent_study_find_test_selected(report->study, out);
  MIXENT_TRY(MIXENT_ALLOCATE(report->variant_count, out));
  for (size_t i = 0; i < mixent_report_run_count(report); i++) {
    const mixent_report_run *run = &report->runs[i];
    if (run->recipe && mixent_recipe_parse(run->recipe, run->path, NULL, NULL, 0, &recipe) == MIXENT_OK)
      (*out)[i / report->seed_count % report->variant_count] = recipe.select == MIXENT_SELECT_TEST;
  }
  return MIXENT_OK;
}

static mixent_status compare(mixent_report *report) {
  bool *selected = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(mixent_report_run_count(report), &report->results));
  for (size_t i = 0; i < mixent_report_run_count(report); i++) report->results[i] = report->runs[i].result;
  mixent_status status = find_test_selected(report, &selected);
  const mixent_runs_grid grid = {.variants = (const char *const *)report->variants,
                                 .variant_count = report->variant_count,
                                 .baseline = report->baseline,
                                 .test_selected = selected,
                                 .seeds = report->seeds,
                                 .seed_count = report->seed_count,
                                 .data = (const char *const *)report->data,
                                 .data_count = report->data_count,
                                 .results = report->results,
                                 .difference = report->study ? report->study->difference : 0.1};
  if (status == MIXENT_OK) status = mixent_runs_compare(&grid, &report->compared);
  report->comparison = report->compared.comparison;
  free(selected);
  return status;
}

/* Whether the images that a result names are those of the set. */
static bool fits(const mixent_dataset *dataset, const mixent_result *result) {
  if (dataset->test.count != result->test_images || (size_t)dataset->classes != result->classes) return false;
  for (size_t i = 0; i < result->confused_count; i++)
    for (size_t j = 0; j < result->confused[i].image_count; j++)
      if ((size_t)dataset->test.labels[result->confused[i].images[j]] != result->confused[i].label)
        return false;
  return true;
}

/* The data set that a run was scored on, if it is on this machine. */
static mixent_status open_dataset(const mixent_report_run *run, const mixent_report_options *options,
                                  mixent_dataset **out) {
  mixent_recipe recipe;
  mixent_status status = mixent_recipe_parse(run->recipe, run->path, NULL, NULL, 0, &recipe);
  if (status == MIXENT_OK) status = mixent_recipe_find_data(&recipe, options->data_directory, out);
  if (status != MIXENT_OK && !mixent_is_refusal(status)) return MIXENT_OK; /* the page says so */
  if (*out && !fits(*out, run->result)) {
    mixent_dataset_free(*out);
    *out = NULL;
  }
  return status;
}

static const mixent_report_run *any_finished(const mixent_report *report, size_t data) {
  size_t count = report->variant_count * report->seed_count;
  for (size_t i = 0; i < count; i++)
    if (report->runs[data * count + i].result) return &report->runs[data * count + i];
  return NULL;
}

static mixent_status read_own(const char *const *places, size_t count, const mixent_report_options *options,
                              mixent_report *report) {
  bool is_study = false;
  for (size_t i = 0; i < count; i++) {
    MIXENT_TRY(mixent_study_look(places[i], &is_study));
    if (is_study && count > 1)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s is a study, which has a report of its own; name it alone",
                         places[i]);
  }
  MIXENT_TRY(is_study ? read_study(places[0], report) : read_runs(places, count, report));
  for (size_t i = 0; options->warning && i < mixent_report_run_count(report); i++)
    if (report->runs[i].unread) options->warning(report->runs[i].message);
  keep_held_out(report);
  return compare(report);
}

static mixent_status read_all(const char *const *places, size_t count, const mixent_report_options *options,
                              mixent_report *report) {
  MIXENT_TRY((options->results ? mixent_report_results_read : read_own)(places, count, options, report));
  MIXENT_TRY(MIXENT_ALLOCATE(report->data_count, &report->datasets));
  for (size_t d = 0; d < report->data_count; d++) {
    const mixent_report_run *run = any_finished(report, d);
    if (run && run->recipe) MIXENT_TRY(open_dataset(run, options, &report->datasets[d]));
  }
  return MIXENT_OK;
}

mixent_status mixent_report_read(const char *const *places, size_t count,
                                 const mixent_report_options *options, mixent_report **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  mixent_status status = read_all(places, count, options, *out);
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_report_free(*out);
  *out = NULL;
  return status;
}

static void free_texts(char **texts, size_t count) {
  for (size_t i = 0; texts && i < count; i++) free(texts[i]);
  free(texts);
}

void mixent_report_free(mixent_report *report) {
  if (!report) return;
  mixent_runs_compared_free(&report->compared);
  mixent_results_comparison_free(report->asked);
  free(report->results);
  for (size_t d = 0; report->datasets && d < report->data_count; d++)
    mixent_dataset_free(report->datasets[d]);
  free(report->datasets);
  for (size_t i = 0; report->runs && i < mixent_report_run_count(report); i++)
    mixent_report_run_free(&report->runs[i]);
  free(report->runs);
  free_texts(report->data, report->data_count);
  free_texts(report->variants, report->variant_count);
  free(report->seeds);
  free(report->title);
  mixent_study_free(report->study);
  free(report);
}

size_t mixent_report_hue(const mixent_report *report, size_t variant) {
  return variant == report->baseline ? 0 : variant + (variant < report->baseline);
}

bool mixent_report_has_results(const mixent_report *report, size_t data, size_t variant) {
  for (size_t s = 0; s < report->seed_count; s++)
    if (mixent_report_run_of(report, data, variant, s)->result) return true;
  return false;
}

const mixent_result *mixent_report_any_result(const mixent_report *report, size_t data) {
  const mixent_report_run *run = any_finished(report, data);
  return run ? run->result : NULL;
}
