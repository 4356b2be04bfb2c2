/* Reading a study's file with distrust: all lines are checked, then runs are laid out beside their places, then moved in. */
#include "core/content.h"
#include "core/file.h"
#include "core/format_version.h"
#include "core/json.h"
#include "core/yaml.h"
#include "io/plan_file.h"
#include "lab/result/result.h"
#include "lab/study/file.h"
#include "run/directory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1 }; /* of the file; its study.json has one of its own */

/* A run's line. */
typedef struct imported_run {
  json_t *json;
  mixent_study_place place;
  size_t line;
  json_int_t epochs;
  bool kept;                      /* a run with its scores is there */
  mixent_run_directory directory; /* beside its place */
} imported_run;

typedef struct import {
  const char *origin, *text;
  size_t size, at, line; /* what is read; the line last read, from 1 */
  const mixent_study_planner *planner;
  mixent_study *study;
  json_t *plans, *plan_names; /* text of each plan file; its name for each variant */
  json_t *failed;             /* what each run that failed did so with */
  imported_run *runs;
  size_t run_count;
} import;

static mixent_status fail_here(const import *import, size_t line, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: %s", import->origin, line, what);
}

/* "FILE:LINE: " before the message there is; what is wrong is the file, unless it is the memory. */
static mixent_status fail_within_line(const import *import, size_t line, mixent_status status) {
  return mixent_fail(status == MIXENT_ERROR_MEMORY ? status : MIXENT_ERROR_FORMAT, "%s:%zu: %s",
                     import->origin, line, mixent_last_error());
}

static mixent_status next_line(import *import, json_t **out) {
  const char *begin = import->text + import->at, *end = memchr(begin, '\n', import->size - import->at);
  import->line++;
  if (!end) return fail_here(import, import->line, "the line has no end; the file was cut off");
  import->at += (size_t)(end - begin) + 1;
  mixent_status status = mixent_json_parse(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, "JSON", out);
  if (status == MIXENT_ERROR_FORMAT)
    mixent_fail(status, "%s; it is no line of a study's file", mixent_last_error());
  return status == MIXENT_OK ? status : fail_within_line(import, import->line, status);
}

/* A text that the line must have. */
static mixent_status find_text(const import *import, const json_t *json, const char *key, const char **out) {
  *out = json_string_value(json_object_get(json, key));
  if (*out) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: no text '%s'; it is no line of a study's file",
                     import->origin, import->line, key);
}

/* The text of a variant's plan in the file, NULL if there is none. */
static const char *find_plan(const import *import, const char *variant) {
  const char *name = json_string_value(json_object_get(import->plan_names, variant));
  return name ? json_string_value(json_object_get(import->plans, name)) : NULL;
}

static mixent_status hash_plan(const import *import, size_t line, const char *text,
                               char out[MIXENT_PLAN_HASH]) {
  mixent_plan_file *plan;
  mixent_status status = mixent_plan_file_parse(text, strlen(text), "plan", &plan);
  if (status != MIXENT_OK) return fail_within_line(import, line, status);
  mixent_plan_file_hash(plan, out);
  mixent_plan_file_free(plan);
  return MIXENT_OK;
}

/* Each variant has a plan. */
static mixent_status check_plans(const import *import) {
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < import->study->data_count * import->study->variant_count && status == MIXENT_OK;
       i++) {
    char hash[MIXENT_PLAN_HASH],
        *variant = mixent_study_variant_name(import->study, mixent_study_run_place(import->study, i));
    const char *text = variant ? find_plan(import, variant) : NULL;
    status = !variant ? MIXENT_ERROR_MEMORY
             : text   ? hash_plan(import, 1, text, hash)
                      : fail_here(import, 1, "a variant has no plan");
    free(variant);
  }
  return status;
}

static mixent_status find_place(const import *import, const char *name, mixent_study_place *out) {
  for (size_t i = 0; i < mixent_study_run_count(import->study); i++) {
    *out = mixent_study_run_place(import->study, i);
    char *known = mixent_study_run_name(import->study, *out);
    if (!known) return MIXENT_ERROR_MEMORY;
    bool found = strcmp(known, name) == 0;
    free(known);
    if (found) return MIXENT_OK;
  }
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: the study has no run '%s'", import->origin, import->line,
                     name);
}

/* Only runs of the study have failed, with words. */
static mixent_status check_failed(const import *import) {
  const char *name;
  json_t *message;
  json_object_foreach(import->failed, name, message) {
    mixent_study_place place;
    MIXENT_TRY(find_place(import, name, &place));
    if (!json_is_string(message)) return fail_here(import, 1, "'failed' holds something else than words");
  }
  return import->failed ? MIXENT_OK : mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a study's file");
}

static mixent_status read_header(import *import, const json_t *json) {
  const char *kind = json_string_value(json_object_get(json, "kind")), *study, *base;
  const json_t *format = json_object_get(json, "format"); /* no file of format 1 has it */
  json_t *runs = json_object_get(json, "runs"), *state = json_object_get(json, "study.json");
  if (!kind || strcmp(kind, "mixent study") != 0)
    return fail_here(import, 1, "no study's file; `mixent study export` writes one");
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
  if (status != MIXENT_OK) return fail_within_line(import, 1, status);
  MIXENT_TRY(mixent_study_take_state(import->study, state, origin));
  import->failed = json_deep_copy(json_object_get(state, "failed"));
  json_object_clear(json_object_get(state, "failed"));
  MIXENT_TRY(check_failed(import));
  import->plan_names = json_incref(json_object_get(state, "plans"));
  MIXENT_TRY(check_plans(import));
  json_int_t count = json_integer_value(runs);
  if (count < 0 || (size_t)count > mixent_study_run_count(import->study))
    return fail_here(import, 1, "'runs' is more than the study has");
  MIXENT_TRY(MIXENT_ALLOCATE(count + 1, &import->runs));
  import->run_count = (size_t)count;
  for (size_t i = 0; i < import->run_count; i++) import->runs[i].directory.lock = -1;
  return MIXENT_OK;
}

/* Its plan must choose what the study's does. */
static mixent_status check_plan(const import *import, const imported_run *run, const char *text) {
  char *variant = mixent_study_variant_name(import->study, run->place), said[MIXENT_PLAN_HASH],
       was[MIXENT_PLAN_HASH];
  mixent_status status =
      variant ? hash_plan(import, 1, find_plan(import, variant), said) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = hash_plan(import, run->line, text, was);
  if (status == MIXENT_OK && strcmp(said, was) != 0)
    status = fail_here(import, run->line, "the run had another plan than the study");
  free(variant);
  return status;
}

/* Its summary must speak of that recipe. */
static mixent_status check_summary(const import *import, imported_run *run, const char *text) {
  mixent_recipe said;
  MIXENT_TRY(mixent_study_recipe(import->study, run->place, &said));
  json_t *summary;
  mixent_status status = mixent_json_parse(text, strlen(text), 0, "summary.json", &summary);
  if (status != MIXENT_OK) return fail_within_line(import, run->line, status);
  if (!json_is_object(summary)) {
    json_decref(summary);
    return fail_here(import, run->line, "summary.json: expected a JSON object");
  }
  const char *loss = json_string_value(json_object_get(summary, "loss"));
  run->epochs = json_integer_value(json_object_get(summary, "epochs"));
  bool right = json_integer_value(json_object_get(summary, "seed")) == said.seed &&
               run->epochs == said.epochs && loss && strcmp(loss, mixent_loss_names[said.loss_kind]) == 0;
  json_decref(summary);
  return right ? MIXENT_OK
               : fail_here(import, run->line,
                           "summary.json has another seed, loss or number of epochs than the study");
}

/* A line for each of its epochs. */
static mixent_status check_metrics(const import *import, const imported_run *run, const char *text) {
  json_int_t epoch = 0;
  for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
    json_t *json;
    mixent_status status = mixent_json_parse(text, (size_t)(end - text), 0, "metrics.jsonl", &json);
    if (status != MIXENT_OK) return fail_within_line(import, run->line, status);
    bool right = json_integer_value(json_object_get(json, "epoch")) == ++epoch;
    json_decref(json);
    if (!right) return fail_here(import, run->line, "metrics.jsonl does not count its epochs");
  }
  return epoch == run->epochs && !*text
             ? MIXENT_OK
             : fail_here(import, run->line, "metrics.jsonl has other epochs than summary.json");
}

static mixent_status read_run(import *import, json_t *json, imported_run *run) {
  const char *name, *texts[5];
  run->json = json;
  run->line = import->line;
  MIXENT_TRY(find_text(import, json, "run", &name));
  for (size_t i = 0; mixent_study_run_files[i]; i++)
    MIXENT_TRY(find_text(import, json, mixent_study_run_files[i], &texts[i]));
  MIXENT_TRY(find_place(import, name, &run->place));
  for (const imported_run *other = import->runs; other < run; other++)
    if (memcmp(&other->place, &run->place, sizeof run->place) == 0)
      return fail_here(import, run->line, "this run is given twice");
  char origin[MIXENT_RECIPE_TEXT];
  snprintf(origin, sizeof origin, "%s:%zu", import->origin, run->line);
  MIXENT_TRY(mixent_study_check_recipe(import->study, run->place, texts[0], origin));
  MIXENT_TRY(check_plan(import, run, texts[1]));
  MIXENT_TRY(check_summary(import, run, texts[3]));
  return check_metrics(import, run, texts[2]);
}

static mixent_status read_lines(import *import) {
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

/* Writes a run's files into a directory, and reads them as whoever compares will. */
static mixent_status lay_out_run(const import *import, const imported_run *run, const char *directory) {
  mixent_result *result;
  for (const char *const *file = mixent_study_run_files; *file; file++) {
    const char *text = json_string_value(json_object_get(run->json, *file));
    char *path = mixent_path_join(directory, *file);
    mixent_status status = path ? mixent_file_replace(path, text, strlen(text)) : MIXENT_ERROR_MEMORY;
    free(path);
    MIXENT_TRY(status);
  }
  mixent_status status = mixent_result_read(directory, &result);
  if (status != MIXENT_OK) return fail_within_line(import, run->line, status);
  mixent_result_free(result);
  return MIXENT_OK;
}

/* Beside its place, or nothing where it is there already. */
static mixent_status stage(const import *import, imported_run *run) {
  char *path = mixent_study_run_path(import->study, run->place), *summary = NULL, *text = NULL;
  mixent_run_state state;
  mixent_status status =
      path ? mixent_study_run_state(import->study, run->place, &state, NULL) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK && state == MIXENT_RUN_FINISHED) {
    summary = mixent_path_join(path, "summary.json");
    status = summary ? mixent_file_read(summary, 1 << 24, &text, NULL) : MIXENT_ERROR_MEMORY;
    bool same = false;
    if (status == MIXENT_OK)
      status = compare_scores(text, json_string_value(json_object_get(run->json, "summary.json")), &same);
    if (status == MIXENT_OK && !same)
      status =
          mixent_fail(MIXENT_ERROR_FORMAT, "%s:%zu: its scores are not those of %s, which is the same run",
                      import->origin, run->line, path);
    run->kept = true;
  } else if (status == MIXENT_OK) {
    status = mixent_run_directory_begin(path, &run->directory);
    if (status == MIXENT_OK) status = lay_out_run(import, run, run->directory.path);
  }
  free(text);
  free(summary);
  free(path);
  return status;
}

/* The plan that a variant has there must be the file's. */
static mixent_status compare_plan(const import *import, mixent_study_place place, const char *given) {
  char hashes[2][MIXENT_PLAN_HASH], *path = mixent_study_plan_path(import->study, place), *text = NULL;
  mixent_status status = path ? mixent_file_read(path, 1 << 24, &text, NULL) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = hash_plan(import, 1, text, hashes[0]);
  if (status == MIXENT_OK) status = hash_plan(import, 1, given, hashes[1]);
  if (status == MIXENT_OK && strcmp(hashes[0], hashes[1]) != 0)
    status =
        mixent_fail(MIXENT_ERROR_FORMAT, "%s:1: its runs had another plan than %s", import->origin, path);
  free(text);
  free(path);
  return status;
}

/* The plans of variants that the study has none of yet, into its directory; the others must be the same. */
static mixent_status take_plans(const import *import, const char *directory) {
  json_t *plans = json_object_get(import->study->state, "plans");
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < import->study->data_count * import->study->variant_count && status == MIXENT_OK;
       i++) {
    mixent_study_place place = mixent_study_run_place(import->study, i);
    char name[32], *variant = mixent_study_variant_name(import->study, place);
    if (!variant) return MIXENT_ERROR_MEMORY;
    const char *given = find_plan(import, variant);
    if (json_object_get(plans, variant))
      status = compare_plan(import, place, given);
    else if ((status = mixent_study_keep_plan(directory, given, name)) == MIXENT_OK &&
             json_object_set_new(plans, variant, json_string(name)) != 0)
      status = mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a plan");
    free(variant);
  }
  return status;
}

/* What is not there failed where the file comes from. */
static mixent_status note_failed(const import *import) {
  const char *name;
  json_t *message;
  json_object_foreach(import->failed, name, message) {
    mixent_study_place place;
    mixent_run_state state;
    MIXENT_TRY(find_place(import, name, &place));
    MIXENT_TRY(mixent_study_run_state(import->study, place, &state, NULL));
    if (state == MIXENT_RUN_MISSING)
      MIXENT_TRY(mixent_study_note(import->study, place, json_string_value(message)));
  }
  return MIXENT_OK;
}

/* Nothing that stands changes before all is laid out. */
static mixent_status place_runs(import *import, const char *directory, mixent_study_imported *out) {
  MIXENT_TRY(take_plans(import, directory));
  for (size_t i = 0; i < import->run_count; i++) MIXENT_TRY(stage(import, &import->runs[i]));
  MIXENT_TRY(mixent_study_write(import->study, import->planner, directory));
  for (size_t i = 0; i < import->run_count; i++) {
    imported_run *run = &import->runs[i];
    if (run->kept) {
      out->kept++;
      continue;
    }
    MIXENT_TRY(mixent_run_directory_publish(&run->directory, true)); /* a begun one gives way */
    MIXENT_TRY(mixent_study_note(import->study, run->place, NULL));
    out->added++;
  }
  return note_failed(import);
}

static mixent_status make_new(import *import, const char *place, mixent_study_imported *out) {
  mixent_run_directory directory;
  MIXENT_TRY(mixent_run_directory_begin(place, &directory));
  bool emptied = json_object_set_new(import->study->state, "plans", json_object()) == 0;
  import->study->directory = strdup(directory.path);
  mixent_status status = emptied && import->study->directory
                             ? place_runs(import, directory.path, out)
                             : mixent_fail(MIXENT_ERROR_MEMORY, "no memory for a path");
  if (status == MIXENT_OK) status = mixent_run_directory_publish(&directory, false);
  mixent_run_directory_close(&directory);
  return status;
}

static mixent_status add_to(import *import, const char *place, mixent_study_imported *out) {
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

mixent_status mixent_study_import(const char *text, size_t size, const char *origin, const char *parent,
                                  const mixent_study_planner *planner, mixent_study_imported *out,
                                  char **directory) {
import import = {.origin = origin, .text = text, .size = size, .planner = planner };
  *out = (mixent_study_imported){0};
  *directory = NULL;
  mixent_status status = mixent_content_check_text(origin, text, size, "a study's file (JSON Lines)");
  if (status == MIXENT_OK) status = read_lines(&import);
  if (status == MIXENT_OK && !(*directory = mixent_path_join(parent, import.study->name)))
    status = MIXENT_ERROR_MEMORY;
  mixent_path_kind kind;
  if (status == MIXENT_OK) status = mixent_path_look(*directory, &kind);
  if (status == MIXENT_OK)
    status =
        kind == MIXENT_PATH_DIRECTORY ? add_to(&import, *directory, out) : make_new(&import, *directory, out);
  for (size_t i = 0; i < import.run_count; i++) {
    mixent_run_directory_close(&import.runs[i].directory);
    json_decref(import.runs[i].json);
  }
  free(import.runs);
  json_decref(import.plans);
  json_decref(import.plan_names);
  json_decref(import.failed);
  mixent_study_free(import.study);
  return status;
}
