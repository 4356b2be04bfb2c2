/* A study's file, read with distrust: every line is checked before anything is laid out. */
#include "core/format_version.h"
#include "core/yaml.h"
#include "lab/study/file.h"
#include "lab/study/import.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 }; /* of the file; its study.json has one of its own */

static mixent_status fail_here(const mixent_import *import, size_t line, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: %s", import->origin, line, what);
}

static mixent_status next_line(mixent_import *import, json_t **out) {
  const char *begin = import->text + import->at, *end = memchr(begin, '\n', import->size - import->at);
  import->line++;
  if (!end) return fail_here(import, import->line, "the line has no end; the file was cut off");
  import->at += (size_t)(end - begin) + 1;
  mixent_status status = mixent_json_parse(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, "JSON", out);
  if (status == MIXENT_ERROR_FORMAT)
    mixent_fail(status, "%s; it is no line of a study's file", mixent_last_error());
  return status == MIXENT_OK ? status : mixent_import_fail(import, import->line, status);
}

/* A text that the line must have. */
static mixent_status find_text(const mixent_import *import, const json_t *json, const char *key,
                               const char **out) {
  *out = json_string_value(json_object_get(json, key));
  if (*out) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: no text '%s'; it is no line of a study's file",
                     import->origin, import->line, key);
}

/* The text of a variant's plan in the file, NULL if there is none. */
const char *mixent_import_plan(const mixent_import *import, const char *variant) {
  const char *name = json_string_value(json_object_get(import->plan_names, variant));
  return name ? json_string_value(json_object_get(import->plans, name)) : NULL;
}

mixent_status mixent_import_plan_hash(const mixent_import *import, size_t line, const char *text,
                                      char out[MIXENT_PLAN_HASH]) {
  mixent_plan_file *plan;
  mixent_status status = mixent_plan_file_parse(text, strlen(text), "plan", &plan);
  if (status != MIXENT_OK) return mixent_import_fail(import, line, status);
  mixent_plan_file_hash(plan, out);
  mixent_plan_file_free(plan);
  return MIXENT_OK;
}

/* Each variant has a plan. */
static mixent_status check_plans(const mixent_import *import) {
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < import->study->data_count * import->study->variant_count && status == MIXENT_OK;
       i++) {
    char hash[MIXENT_PLAN_HASH],
        *variant = mixent_study_variant_name(import->study, mixent_study_cell_at(import->study, i));
    const char *text = variant ? mixent_import_plan(import, variant) : NULL;
    status = !variant ? MIXENT_ERROR_MEMORY
             : text   ? mixent_import_plan_hash(import, 1, text, hash)
                      : fail_here(import, 1, "a variant has no plan");
    free(variant);
  }
  return status;
}

static mixent_status list_places(mixent_import *import) {
  import->places = json_object();
  for (size_t i = 0; i < mixent_study_run_count(import->study); i++) {
    char *name = mixent_study_run_name(import->study, mixent_study_cell_at(import->study, i));
    if (!name) return MIXENT_ERROR_MEMORY;
    mixent_json_set(&import->places, name, json_integer((json_int_t)i));
    free(name);
  }
  return import->places ? MIXENT_OK : mixent_no_memory("the names of runs");
}

static mixent_status find_run(const mixent_import *import, const char *name, mixent_study_cell *out) {
  const json_t *number = json_object_get(import->places, name);
  if (number) {
    *out = mixent_study_cell_at(import->study, (size_t)json_integer_value(number));
    return MIXENT_OK;
  }
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: the study has no run '%s'", import->origin, import->line,
                     name);
}

/* Room for `count` finished runs, and those that failed: runs of the study, with words. */
static mixent_status list_runs(mixent_import *import, json_int_t count) {
  const char *name;
  json_t *message;
  size_t most = mixent_study_run_count(import->study), failed = json_object_size(import->failed);
  if (count < 0 || (size_t)count > most) return fail_here(import, 1, "'runs' is more than the study has");
  MIXENT_TRY(MIXENT_ALLOCATE(import->study->data_count, &import->first));
  MIXENT_TRY(MIXENT_ALLOCATE((size_t)count + failed + 1, &import->runs));
  import->run_count = (size_t)count;
  for (size_t i = 0; i < (size_t)count + failed; i++) import->runs[i].directory.lock = -1;
  json_object_foreach(import->failed, name, message) {
    mixent_imported_run *run = &import->runs[import->run_count + import->failed_count];
    if (!json_is_string(message)) return fail_here(import, 1, "'failed' holds something else than words");
    MIXENT_TRY(find_run(import, name, &run->cell));
    run->message = json_string_value(message);
    import->failed_count++;
  }
  return MIXENT_OK;
}

static mixent_status read_header(mixent_import *import, const json_t *json) {
  const char *kind = json_string_value(json_object_get(json, "kind")), *study, *base;
  const json_t *format = json_object_get(json, "format"); /* no file of format 1 has it */
  json_t *runs = json_object_get(json, "runs"), *state = json_object_get(json, "study.json");
  if (!kind || strcmp(kind, "mixent study") != 0)
    return fail_here(import, 1, "no study's file; 'mixent study export' writes one");
  char origin[MIXENT_RECIPE_TEXT];
  snprintf(origin, sizeof origin, "%s:1", import->origin);
  MIXENT_TRY(
      mixent_format_check(origin, "a study's file", format ? (long)json_integer_value(format) : 1, FORMAT));
  MIXENT_TRY(find_text(import, json, "study.yaml", &study));
  MIXENT_TRY(find_text(import, json, "base.yaml", &base));
  import->plans = json_incref(json_object_get(json, "plans"));
  if (!json_is_object(state) || !json_is_object(import->plans) || !json_is_integer(runs))
    return fail_here(import, 1, "'study.json', 'plans' or 'runs' is missing");
  MIXENT_TRY(mixent_study_check_format(state, origin));
  mixent_status status = mixent_study_parse(study, "study.yaml", base, &import->study);
  if (status != MIXENT_OK) return mixent_import_fail(import, 1, status);
  MIXENT_TRY(mixent_study_take_state(import->study, state, origin));
  import->failed = json_deep_copy(json_object_get(state, "failed"));
  if (!import->failed) return mixent_no_memory("a study's file");
  json_object_clear(json_object_get(state, "failed"));
  MIXENT_TRY(list_places(import));
  import->plan_names = json_incref(json_object_get(state, "plans"));
  MIXENT_TRY(check_plans(import));
  return list_runs(import, json_integer_value(runs));
}

/* Its plan must choose what the study's does. */
static mixent_status check_plan(const mixent_import *import, const mixent_imported_run *run,
                                const char *text) {
  char *variant = mixent_study_variant_name(import->study, run->cell), said[MIXENT_PLAN_HASH],
       was[MIXENT_PLAN_HASH];
  mixent_status status = variant
                             ? mixent_import_plan_hash(import, 1, mixent_import_plan(import, variant), said)
                             : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_import_plan_hash(import, run->line, text, was);
  if (status == MIXENT_OK && strcmp(said, was) != 0)
    status = fail_here(import, run->line, "the run had another plan than the study");
  free(variant);
  return status;
}

static mixent_status read_run(mixent_import *import, json_t *json, mixent_imported_run *run) {
  const char *name, *texts[5];
  run->json = json;
  run->line = import->line;
  MIXENT_TRY(find_text(import, json, "run", &name));
  for (size_t i = 0; mixent_study_run_files[i]; i++)
    MIXENT_TRY(find_text(import, json, mixent_study_run_files[i], &texts[i]));
  MIXENT_TRY(find_run(import, name, &run->cell));
  for (size_t i = 0; i < import->run_count + import->failed_count; i++) {
    const mixent_imported_run *other = &import->runs[i];
    if (other == run || memcmp(&other->cell, &run->cell, sizeof run->cell) != 0) continue;
    if (other->message) return fail_here(import, run->line, "this run is finished, and failed in line 1");
    if (other < run) return fail_here(import, run->line, "this run is given twice");
  }
  char origin[MIXENT_RECIPE_TEXT];
  snprintf(origin, sizeof origin, "%s:%zu", import->origin, run->line);
  MIXENT_TRY(mixent_study_check_recipe(import->study, run->cell, texts[0], origin));
  MIXENT_TRY(check_plan(import, run, texts[1]));
  return mixent_import_check_run(import, run);
}

mixent_status mixent_import_read(mixent_import *import) {
  json_t *json = NULL;
  MIXENT_TRY(next_line(import, &json));
  mixent_status status = read_header(import, json);
  json_decref(json);
  MIXENT_TRY(status);
  for (size_t i = 0; i < import->run_count; i++) {
    if (import->at == import->size)
      return mixent_fail(MIXENT_ERROR_FORMAT,
                         "%s:%zu: the file ends here with %zu of %zu runs; it was cut off", import->origin,
                         import->line, i, import->run_count);
    MIXENT_TRY(next_line(import, &json));
    MIXENT_TRY(read_run(import, json, &import->runs[i]));
  }
  return import->at == import->size
             ? MIXENT_OK
             : fail_here(import, import->line + 1, "more lines than the first one says");
}
