/* A study's directory: what study.json remembers, how far runs are, and a study that is opened there. */
#include "lab/study/directory.h"
#include "core/file.h"
#include "core/format_version.h"
#include "core/json.h"
#include "lab/study/study_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 26, MOST_THREADS = 4096 };

/* The text of a file of the directory; free(). */
static mixent_status read_file(const char *directory, const char *name, char **out) {
  char *path = mixent_path_join(directory, name);
  mixent_status status = path ? mixent_file_read(path, LARGEST, out, NULL) : MIXENT_ERROR_MEMORY;
  free(path);
  return status;
}

mixent_status mixent_study_write_file(const char *directory, const char *name, const char *text) {
  char *path = mixent_path_join(directory, name);
  mixent_status status = path ? mixent_file_replace(path, text, strlen(text)) : MIXENT_ERROR_MEMORY;
  free(path);
  return status;
}

mixent_status mixent_study_look(const char *path, bool *found) {
  mixent_path_kind text, state;
  *found = false;
  MIXENT_TRY(mixent_path_look_in(path, "study.yaml", &text));
  MIXENT_TRY(mixent_path_look_in(path, "study.json", &state));
  *found = text == MIXENT_PATH_FILE && state == MIXENT_PATH_FILE;
  return MIXENT_OK;
}

/* study.json. */

static mixent_status fail_state(const char *origin, const char *what) {
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: %s; it was changed by hand or is damaged", origin, what);
}

static mixent_status take_lists(mixent_study *study, const json_t *state, const char *origin) {
  const json_t *seeds = json_object_get(state, "seeds"), *data = json_object_get(state, "data"), *item;
  size_t i, count = json_array_size(data);
  study->seed_count = 0;
  if (json_array_size(seeds) > MIXENT_STUDY_MOST) return fail_state(origin, "'seeds' holds too many");
  json_array_foreach(seeds, i, item) {
    if (!json_is_integer(item) || json_integer_value(item) < 0 || json_integer_value(item) > INT32_MAX)
      return fail_state(origin, "'seeds' holds something else than seeds");
    MIXENT_TRY(mixent_study_add_seed(study, (long)json_integer_value(item)));
  }
  if (!study->seed_count || !count) return fail_state(origin, "'seeds' or 'data' is missing");
  if (!mixent_study_compared(study)) return fail_state(origin, "'seeds' does not begin as 'vary' says");
  const char **names;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &names));
  bool texts = true;
  json_array_foreach(data, i, item) texts &= (names[i] = json_string_value(item)) != NULL && *names[i];
  mixent_status status = texts ? mixent_study_take_data(study, names, count)
                               : fail_state(origin, "'data' holds something else than names");
  free(names);
  if (status == MIXENT_OK && mixent_study_check_size(study) != MIXENT_OK)
    status = fail_state(origin, mixent_last_error());
  return status;
}

mixent_status mixent_study_check_format(const json_t *state, const char *origin) {
  return mixent_format_check(origin, "a study", (long)json_integer_value(json_object_get(state, "format")),
                             MIXENT_STUDY_FORMAT);
}

mixent_status mixent_study_take_state(mixent_study *study, json_t *state, const char *origin) {
  json_int_t threads = json_integer_value(json_object_get(state, "threads"));
  const char *key;
  json_t *plan, *plans = json_object_get(state, "plans");
  if (threads < 1 || threads > MOST_THREADS) return fail_state(origin, "'threads' is no number of threads");
  if (!json_is_object(plans) || !json_is_object(json_object_get(state, "failed")))
    return fail_state(origin, "'plans' or 'failed' is missing");
  json_object_foreach(plans, key, plan) {
    const char *name = json_string_value(plan);
    if (!name || strncmp(name, "plan-", 5) != 0 || strchr(name, '/'))
      return fail_state(origin, "'plans' holds something else than plan files");
  }
  MIXENT_TRY(mixent_study_found_check(study, state, origin));
  MIXENT_TRY(take_lists(study, state, origin));
  json_decref(study->state);
  study->state = json_incref(state);
  return MIXENT_OK;
}

/* study.json of a format that is known here; *path is its name for messages. free(), json_decref(). */
static mixent_status read_state(const char *directory, char **path, json_t **out) {
  char *text = NULL;
  *out = NULL;
  *path = mixent_path_join(directory, "study.json");
  mixent_status status = *path ? mixent_file_read(*path, LARGEST, &text, NULL) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = mixent_json_parse(text, strlen(text), 0, *path, out);
  if (status == MIXENT_OK) status = mixent_study_check_format(*out, *path);
  free(text);
  return status;
}

mixent_status mixent_study_write_state(const mixent_study *study, const char *directory) {
  json_t *seeds = json_array(), *data = json_array();
  for (size_t i = 0; i < study->seed_count; i++) mixent_json_append(&seeds, json_integer(study->seeds[i]));
  for (size_t i = 0; i < study->data_count; i++) mixent_json_append(&data, json_string(study->data[i]));
  bool failed = json_object_set_new(study->state, "seeds", seeds) != 0;
  failed |= json_object_set_new(study->state, "data", data) != 0;
  if (failed) return mixent_no_memory("study.json");
  char *text;
  MIXENT_TRY(mixent_json_write(json_incref(study->state), JSON_INDENT(1), &text));
  mixent_status status = mixent_study_write_file(directory, "study.json", text);
  free(text);
  return status;
}

char *mixent_study_plan_path(const mixent_study *study, mixent_study_cell cell) {
  char *variant = mixent_study_variant_name(study, cell), *path = NULL;
  const char *plan =
      variant ? json_string_value(json_object_get(json_object_get(study->state, "plans"), variant)) : NULL;
  if (plan)
    path = mixent_path_join(study->directory, plan);
  else if (variant)
    mixent_fail(MIXENT_ERROR_FORMAT, "%s: study.json names no plan of %s", study->directory, variant);
  free(variant);
  return path;
}

/* Runs. */

mixent_status mixent_study_run_state(const mixent_study *study, mixent_study_cell cell,
                                     mixent_run_state *state, const char **message) {
  char *name = mixent_study_run_name(study, cell), *path = mixent_study_run_path(study, cell);
  mixent_status status = name && path ? MIXENT_OK : MIXENT_ERROR_MEMORY;
  mixent_path_kind summary, last;
  if (message) *message = NULL;
  if (status == MIXENT_OK) status = mixent_path_look_in(path, "summary.json", &summary);
  if (status == MIXENT_OK) status = mixent_path_look_in(path, "last.safetensors", &last);
  if (status == MIXENT_OK) {
    const char *failed = json_string_value(json_object_get(json_object_get(study->state, "failed"), name));
    *state = summary == MIXENT_PATH_FILE ? MIXENT_RUN_FINISHED
             : failed                    ? MIXENT_RUN_FAILED
             : last == MIXENT_PATH_FILE  ? MIXENT_RUN_BEGUN
                                         : MIXENT_RUN_MISSING;
    if (message && *state == MIXENT_RUN_FAILED) *message = failed;
  }
  free(name);
  free(path);
  return status;
}

mixent_status mixent_study_note(mixent_study *study, mixent_study_cell cell, const char *message) {
  json_t *failed = json_object_get(study->state, "failed");
  char *name = mixent_study_run_name(study, cell);
  if (!name) return MIXENT_ERROR_MEMORY;
  bool changed = message || json_object_get(failed, name);
  if (!message) json_object_del(failed, name);
  bool kept = !message || json_object_set_new(failed, name, mixent_json_text(message)) == 0;
  free(name);
  if (!kept) return mixent_no_memory("a failed run");
  return changed ? mixent_study_write_state(study, study->directory) : MIXENT_OK;
}

mixent_status mixent_study_list_failed(const mixent_study *study, json_t *out) {
  for (size_t i = 0; i < mixent_study_run_count(study); i++) {
    mixent_study_cell cell = mixent_study_cell_at(study, i);
    mixent_run_state state;
    const char *message;
    MIXENT_TRY(mixent_study_run_state(study, cell, &state, &message));
    if (state != MIXENT_RUN_FAILED) continue;
    char *name = mixent_study_run_name(study, cell);
    int failed = name ? json_object_set_new(out, name, json_string(message)) : -1;
    free(name);
    if (failed) return mixent_no_memory("the failed runs");
  }
  return MIXENT_OK;
}

/* Joining. */

mixent_status mixent_study_open(const char *directory, mixent_study **out) {
  *out = NULL;
  bool found;
  MIXENT_TRY(mixent_study_look(directory, &found));
  if (!found)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s: no study is there; 'mixent compare STUDY.yaml' makes one",
                       directory);
  char *text = NULL, *recipe = NULL, *path, *origin = mixent_path_join(directory, "study.yaml");
  json_t *state;
  mixent_status status =
      read_state(directory, &path, &state); /* a later version's study.yaml may not be readable */
  if (status == MIXENT_OK) status = origin ? read_file(directory, "study.yaml", &text) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK) status = read_file(directory, "base.yaml", &recipe);
  if (status == MIXENT_OK) status = mixent_study_parse(text, origin, recipe, out);
  if (status == MIXENT_OK) status = mixent_study_take_state(*out, state, path);
  if (status == MIXENT_OK) status = mixent_copy_text(directory, &(*out)->directory);
  if (status == MIXENT_OK) status = mixent_study_check_runs(*out);
  json_decref(state);
  free(path);
  free(text);
  free(recipe);
  free(origin);
  if (status != MIXENT_OK) {
    mixent_study_free(*out);
    *out = NULL;
  }
  return status;
}
