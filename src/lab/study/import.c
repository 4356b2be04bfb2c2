/* A study's file brought in: runs are laid out beside their places, then moved there. */
#include "lab/study/import.h"
#include "core/content.h"
#include "core/file.h"
#include "lab/study/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether two summaries say the same but for when, where and how fast. */
static mixent_status compare_scores(const char *a, const char *b, bool *same) {
  static const char *const varying[] = {"plan", "images_per_second", "seconds", "peak_memory_bytes",
                                        "cpu",  "versions",          NULL};
  json_t *json[2] = {NULL};
  mixent_status status = mixent_json_parse(a, strlen(a), 0, "summary.json", &json[0]);
  if (status == MIXENT_OK) status = mixent_json_parse(b, strlen(b), 0, "summary.json", &json[1]);
  for (size_t i = 0; i < 2; i++)
    for (const char *const *key = varying; *key; key++) json_object_del(json[i], *key);
  *same = json[0] && json[1] && json_equal(json[0], json[1]);
  json_decref(json[0]);
  json_decref(json[1]);
  return status == MIXENT_ERROR_MEMORY ? status : MIXENT_OK;
}

static size_t count_class(const mixent_result *result, size_t label) {
  size_t count = 0;
  for (size_t k = 0; k < result->classes; k++) count += result->confusion[label * result->classes + k];
  return count;
}

/* All runs on a data set were scored on the same images: as many of each class. Keeps the first result; takes `result`. */
static mixent_status check_labels(const mixent_import *import, const mixent_imported_run *run,
                                  mixent_result *result) {
  struct mixent_imported_first *first = &import->first[run->cell.data];
  mixent_status status = MIXENT_OK;
  if (!first->result) {
    *first = (struct mixent_imported_first){result, run->line};
    return MIXENT_OK;
  }
  bool same = result->classes == first->result->classes && mixent_result_same_labels(result, first->result);
  for (size_t k = 0; same && k < result->classes; k++)
    same = count_class(result, k) == count_class(first->result, k) &&
           strcmp(result->class_names[k], first->result->class_names[k]) == 0;
  if (!same)
    status =
        mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: its test images have other labels than those of line %zu",
                    import->origin, run->line, first->line);
  mixent_result_free(result);
  return status;
}

/* Reads a run as whoever compares will. */
static mixent_status read_result(const mixent_import *import, const mixent_imported_run *run,
                                 const char *directory) {
  mixent_result *result;
  mixent_status status = mixent_result_read(directory, &result);
  if (status != MIXENT_OK) return mixent_import_fail(import, run->line, status);
  return check_labels(import, run, result);
}

/* Writes a run's files into a directory. */
static mixent_status lay_out_run(const mixent_import *import, const mixent_imported_run *run,
                                 const char *directory) {
  for (const char *const *file = mixent_study_run_files; *file; file++) {
    const char *text = json_string_value(json_object_get(run->json, *file));
    char *path = mixent_path_join(directory, *file);
    mixent_status status = path ? mixent_file_replace(path, text, strlen(text)) : MIXENT_ERROR_MEMORY;
    free(path);
    MIXENT_TRY(status);
  }
  return read_result(import, run, directory);
}

/* The finished run at `path` must have the same scores. */
static mixent_status compare_run(const mixent_import *import, const mixent_imported_run *run,
                                 const char *path) {
  char *summary = mixent_path_join(path, "summary.json"), *text = NULL;
  bool same = false;
  mixent_status status = summary ? mixent_file_read(summary, 1 << 24, &text, NULL) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK)
    status = compare_scores(text, json_string_value(json_object_get(run->json, "summary.json")), &same);
  if (status == MIXENT_OK && !same)
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: its scores are not those of %s, which is the same run",
                         import->origin, run->line, path);
  free(text);
  free(summary);
  return status == MIXENT_OK ? read_result(import, run, path) : status;
}

/* The run that failed elsewhere, with the message in failure.txt: `mixent compare` does not train it again. */
static mixent_status lay_out_failed(const mixent_import *import, const mixent_imported_run *run) {
  mixent_recipe recipe;
  mixent_text text = {0};
  MIXENT_TRY(mixent_study_recipe(import->study, run->cell, &recipe));
  recipe.threads = mixent_study_threads(import->study);
  mixent_recipe_write(&recipe, true, &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(run->directory.recipe, text.data, text.length);
  mixent_text_free(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(run->directory.metrics, "", 0);
  mixent_text_append(&text, "%s\n", run->message);
  if (status == MIXENT_OK) status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = mixent_file_replace(run->directory.failure, text.data, text.length);
  mixent_text_free(&text);
  return status;
}

/* Beside its place, or nothing where it is there already. */
static mixent_status stage(const mixent_import *import, mixent_imported_run *run) {
  char *path = mixent_study_run_path(import->study, run->cell);
  mixent_run_state state;
  mixent_status status =
      path ? mixent_study_run_state(import->study, run->cell, &state, NULL) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK)
    run->kept = state == MIXENT_RUN_FINISHED || (!run->json && state != MIXENT_RUN_MISSING);
  if (status == MIXENT_OK && run->kept && run->json)
    status = compare_run(import, run, path);
  else if (status == MIXENT_OK && !run->kept) {
    status = mixent_run_directory_begin(path, &run->directory);
    if (status == MIXENT_OK)
      status = run->json ? lay_out_run(import, run, run->directory.path) : lay_out_failed(import, run);
  }
  free(path);
  return status;
}

/* The plan that a variant has there must be the file's. */
static mixent_status compare_plan(const mixent_import *import, mixent_study_cell cell, const char *given) {
  char hashes[2][MIXENT_PLAN_HASH], *path = mixent_study_plan_path(import->study, cell), *text = NULL;
  mixent_status status = path ? mixent_file_read(path, 1 << 24, &text, NULL) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_import_plan_hash(import, 1, text, hashes[0]);
  if (status == MIXENT_OK) status = mixent_import_plan_hash(import, 1, given, hashes[1]);
  if (status == MIXENT_OK && strcmp(hashes[0], hashes[1]) != 0)
    status =
        mixent_fail(MIXENT_ERROR_FORMAT, "%s:1: its runs had another plan than %s", import->origin, path);
  free(text);
  free(path);
  return status;
}

/* The plans of variants that the study has none of yet, into its directory; the others must be the same. */
static mixent_status take_plans(const mixent_import *import, const char *directory) {
  json_t *plans = json_object_get(import->study->state, "plans");
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < import->study->data_count * import->study->variant_count && status == MIXENT_OK;
       i++) {
    mixent_study_cell cell = mixent_study_cell_at(import->study, i);
    char name[32], *variant = mixent_study_variant_name(import->study, cell);
    if (!variant) return MIXENT_ERROR_MEMORY;
    const char *given = mixent_import_plan(import, variant);
    if (json_object_get(plans, variant))
      status = compare_plan(import, cell, given);
    else if ((status = mixent_study_keep_plan(directory, given, name)) == MIXENT_OK &&
             json_object_set_new(plans, variant, json_string(name)) != 0)
      status = mixent_no_memory("a plan");
    free(variant);
  }
  return status;
}

/* Nothing that stands changes before all is laid out. */
static mixent_status place_runs(mixent_import *import, const char *directory, mixent_study_imported *out) {
  size_t count = import->run_count + import->failed_count;
  MIXENT_TRY(take_plans(import, directory));
  for (size_t i = 0; i < count; i++) MIXENT_TRY(stage(import, &import->runs[i]));
  MIXENT_TRY(mixent_study_write(import->study, import->planner, directory));
  for (size_t i = 0; i < count; i++) {
    mixent_imported_run *run = &import->runs[i];
    if (!run->kept) {
      MIXENT_TRY(mixent_run_directory_publish(&run->directory, true)); /* a begun one gives way */
      MIXENT_TRY(mixent_study_note(import->study, run->cell, run->message));
    }
    if (run->json) ++*(run->kept ? &out->kept : &out->added);
  }
  return MIXENT_OK;
}

static mixent_status make_new(mixent_import *import, const char *place, mixent_study_imported *out) {
  mixent_run_directory directory;
  MIXENT_TRY(mixent_run_directory_begin(place, &directory));
  mixent_status status = mixent_copy_text(directory.path, &import->study->directory);
  if (status == MIXENT_OK && json_object_set_new(import->study->state, "plans", json_object()) != 0)
    status = mixent_no_memory("a plan");
  if (status == MIXENT_OK) status = place_runs(import, directory.path, out);
  if (status == MIXENT_OK) status = mixent_run_directory_publish(&directory, false);
  mixent_run_directory_close(&directory);
  return status;
}

static mixent_status add_to(mixent_import *import, const char *place, mixent_study_imported *out) {
  int lock;
  long threads = mixent_study_threads(import->study);
  MIXENT_TRY(mixent_study_lock(place, &lock));
  mixent_status status = mixent_study_join(import->study, place);
  if (status == MIXENT_OK && threads != mixent_study_threads(import->study))
    status = mixent_fail(MIXENT_ERROR_FORMAT, "%s:1: its runs had %ld threads, those of %s have %ld",
                         import->origin, threads, place, mixent_study_threads(import->study));
  if (status == MIXENT_OK) status = place_runs(import, place, out);
  close(lock);
  return status;
}

void mixent_import_free(mixent_import *import) {
  for (size_t i = 0; import->runs && i < import->run_count + import->failed_count; i++) {
    mixent_run_directory_close(&import->runs[i].directory);
    json_decref(import->runs[i].json);
  }
  for (size_t i = 0; import->first && i < import->study->data_count; i++)
    mixent_result_free(import->first[i].result);
  free(import->first);
  free(import->runs);
  json_decref(import->plans);
  json_decref(import->plan_names);
  json_decref(import->failed);
  json_decref(import->places);
  mixent_study_free(import->study);
}

mixent_status mixent_study_import(const char *text, size_t size, const char *origin, const char *parent,
                                  const mixent_study_planner *planner, mixent_study_imported *out,
                                  char **directory) {
  mixent_import import = {.origin = origin, .text = text, .size = size, .planner = planner};
  *out = (mixent_study_imported){0};
  *directory = NULL;
  mixent_status status = mixent_content_check_text(origin, text, size, "a study's file (JSON Lines)");
  if (status == MIXENT_OK) status = mixent_import_read(&import);
  if (status == MIXENT_OK && !(*directory = mixent_path_join(parent, import.study->name)))
    status = MIXENT_ERROR_MEMORY;
  mixent_path_kind kind;
  if (status == MIXENT_OK) status = mixent_path_look(*directory, &kind);
  if (status == MIXENT_OK)
    status =
        kind == MIXENT_PATH_DIRECTORY ? add_to(&import, *directory, out) : make_new(&import, *directory, out);
  mixent_import_free(&import);
  return status;
}
