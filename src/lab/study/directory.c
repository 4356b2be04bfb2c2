/* A study's directory: made whole, joined, and what study.json remembers. */
#include "lab/study/directory.h"
#include "core/file.h"
#include "core/format_version.h"
#include "core/json.h"
#include "mixent/status.h"
#include "recipe/use.h"
#include "run/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Formats 1 and 2 have the same files. Where variants of format 1 have no weights, they are those of mixent_study_settings; a study of
 * either without `vary` varies init and order alone. */
enum { LARGEST = 1 << 26, FORMAT = 3, MOST_THREADS = 4096 };

/* The text of a file of the directory; free(). */
static mixent_status read_file(const char *directory, const char *name, char **out) {
  char *path = mixent_path_join(directory, name);
  mixent_status status = path ? mixent_file_read(path, LARGEST, out, NULL) : MIXENT_ERROR_MEMORY;
  free(path);
  return status;
}

static mixent_status write_file(const char *directory, const char *name, const char *text) {
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
                             FORMAT);
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
  mixent_status status = write_file(directory, "study.json", text);
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

static mixent_status refuse(const mixent_study *there, const char *what) {
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s holds a study with %s; give this one another name, or put that back",
                     there->directory, what);
}

/* Options that may differ: where things are, and what the lists of the study say. */
static bool is_free(const mixent_study *study, const char *key) {
  static const char *const keys[] = {"name",    "data", "data_alternative", "data_dir",
                                     "threads", "seed", "save_minutes",     NULL};
  size_t i = 0;
  while (keys[i] && strcmp(keys[i], key) != 0) i++;
  return keys[i] || mixent_study_varies_option(study, key);
}

static mixent_status compare_recipes(const mixent_study *there, const char *variant, const mixent_recipe *old,
                                     const mixent_recipe *now) {
  mixent_status status = MIXENT_OK;
  for (const mixent_option *option = mixent_options; option->key && status == MIXENT_OK; option++) {
    mixent_text before = {0}, after = {0}, what = {0};
    bool used = mixent_option_use_in(option, old, NULL) == MIXENT_OPTION_USED ||
                mixent_option_use_in(option, now, NULL) == MIXENT_OPTION_USED;
    if (is_free(there, option->key) || !used) continue;
    mixent_option_write(option, old, &before);
    mixent_option_write(option, now, &after);
    if (before.failed || after.failed)
      status = mixent_text_status(before.failed ? &before : &after);
    else if (strcmp(before.data, after.data) != 0) {
      mixent_text_append(&what, "%s %s for %s, not %s", option->key, before.data, variant, after.data);
      status = what.failed ? mixent_text_status(&what) : refuse(there, what.data);
    }
    mixent_text_free(&before);
    mixent_text_free(&after);
    mixent_text_free(&what);
  }
  return status;
}

static size_t find_variant(const mixent_study *study, const char *name) {
  size_t i = 0;
  while (i < study->variant_count && strcmp(study->variant_names[i], name) != 0) i++;
  return i;
}

/* Each variant against the one there; a new one against itself by the recipe that is there. */
static mixent_status compare_variants(const mixent_study *there, const mixent_study *study) {
  for (size_t i = 0; i < there->variant_count; i++)
    if (find_variant(study, there->variant_names[i]) == study->variant_count) {
      char what[160];
      snprintf(what, sizeof what, "a variant %s that is missing here", there->variant_names[i]);
      return refuse(there, what);
    }
  mixent_study by_old = *study;
  by_old.recipe_text = there->recipe_text, by_old.state = there->state;
  for (size_t i = 0; i < study->variant_count; i++) {
    mixent_recipe old, now;
    size_t at = find_variant(there, study->variant_names[i]);
    bool known = at < there->variant_count;
    MIXENT_TRY(mixent_study_recipe(study, (mixent_study_cell){.variant = i}, &now));
    MIXENT_TRY(
        mixent_study_recipe(known ? there : &by_old, (mixent_study_cell){.variant = known ? at : i}, &old));
    MIXENT_TRY(compare_recipes(there, study->variant_names[i], &old, &now));
  }
  return MIXENT_OK;
}

static mixent_status compare_data(const mixent_study *there, const mixent_study *study) {
  bool same = there->data_count == study->data_count;
  for (size_t i = 0; same && i < study->data_count; i++)
    same = strcmp(there->data_names[i], study->data_names[i]) == 0;
  if (!same && !study->data_listed) { /* it may have begun with the recipe's other choice */
    mixent_recipe recipe;
    MIXENT_TRY(mixent_study_recipe(study, (mixent_study_cell){0}, &recipe));
    same = there->data_count == 1 && strcmp(there->data[0], recipe.data_alternative) == 0;
  }
  return same ? MIXENT_OK : refuse(there, "other data sets");
}

static mixent_status compare_vary(const mixent_study *there, const mixent_study *study) {
  if (mixent_study_varies_as(there, study)) return MIXENT_OK;
  mixent_text text = {0};
  mixent_text_append(&text, "%s", "'vary' of ");
  mixent_study_vary_append(there, &text);
  mixent_text_append(&text, "%s", ", not ");
  mixent_study_vary_append(study, &text);
  mixent_status status = mixent_text_status(&text);
  if (status == MIXENT_OK) status = refuse(there, text.data);
  mixent_text_free(&text);
  return status;
}

static mixent_status join(mixent_study *study, mixent_study *there) {
  if (!study->state) study->state = json_incref(there->state); /* a study from a file takes its format */
  MIXENT_TRY(compare_data(there, study));
  MIXENT_TRY(compare_variants(there, study));
  MIXENT_TRY(compare_vary(there, study));
  for (size_t i = 0; i < study->seed_count; i++) MIXENT_TRY(mixent_study_add_seed(there, study->seeds[i]));
  MIXENT_TRY(mixent_study_take_data(study, (const char *const *)there->data, there->data_count));
  long *seeds = study->seeds;
  char *recipe = study->recipe_text, *directory = study->directory;
  json_t *state = study->state;
  study->seeds = there->seeds, study->seed_count = there->seed_count, there->seeds = seeds;
  study->recipe_text = there->recipe_text, there->recipe_text = recipe;
  study->directory = there->directory, there->directory = directory;
  study->state = there->state, there->state = state;
  return MIXENT_OK;
}

mixent_status mixent_study_join(mixent_study *study, const char *directory) {
  mixent_study *there;
  MIXENT_TRY(mixent_study_open(directory, &there));
  mixent_status status = join(study, there);
  mixent_study_free(there);
  return status;
}

/* Making. */

mixent_status mixent_study_write(mixent_study *study, const mixent_study_planner *planner,
                                 const char *directory) {
  MIXENT_TRY(mixent_study_make_plans(study, planner, directory));
  MIXENT_TRY(mixent_study_write_state(study, directory));
  mixent_path_kind base;
  MIXENT_TRY(mixent_path_look_in(directory, "base.yaml", &base));
  if (base == MIXENT_PATH_NOTHING) MIXENT_TRY(write_file(directory, "base.yaml", study->recipe_text));
  return write_file(directory, "study.yaml", study->text);
}

static mixent_status make(mixent_study *study, const mixent_study_planner *planner, const char *place,
                          long threads, int *lock) {
  mixent_run_directory directory;
  study->state = json_pack("{s:i, s:s, s:i, s:{}, s:{}}", "format", FORMAT, "mixent", mixent_version(),
                           "threads", (int)(threads ? threads : 1), "plans", "failed");
  if (!study->state) return mixent_no_memory("a study");
  MIXENT_TRY(mixent_run_directory_begin(place, &directory));
  mixent_status status = mixent_study_write(study, planner, directory.path);
  if (status == MIXENT_OK) status = mixent_run_directory_publish(&directory, false);
  if (status == MIXENT_OK) status = mixent_copy_text(place, &study->directory);
  if (status == MIXENT_OK) *lock = directory.lock, directory.lock = -1;
  mixent_run_directory_close(&directory);
  return status;
}

/* A process that was killed a moment ago has children that are dying: a busy lock is tried again for a while. */
mixent_status mixent_study_lock(const char *directory, int *lock) {
  enum { TRIES = 8 };
  const struct timespec pause = {.tv_nsec = 100000000};
  bool found;
  MIXENT_TRY(mixent_study_look(directory, &found));
  if (!found)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s exists and holds no study; name another parent by --runs",
                       directory);
  for (int i = 0; i < TRIES; i++) {
    mixent_status status = mixent_run_directory_lock(directory, lock);
    if (status != MIXENT_ERROR_ARGUMENT) return status;
    nanosleep(&pause, NULL);
  }
  return mixent_fail(
      MIXENT_ERROR_ARGUMENT,
      "%s: another process is at work on this study; wait for it or stop it (--no-train shows what there is)",
      directory);
}

mixent_status mixent_study_begin(mixent_study *study, const mixent_study_planner *planner,
                                 const char *directory, long threads, int *lock) {
  mixent_status status;
  mixent_path_kind kind;
  *lock = -1;
  MIXENT_TRY(mixent_path_look(directory, &kind));
  if (kind != MIXENT_PATH_DIRECTORY) {
    status = make(study, planner, directory, threads, lock);
    /* another process may have made it meanwhile: that one is joined */
    if (status != MIXENT_ERROR_ARGUMENT || !mixent_is_directory(directory)) return status;
  }
  MIXENT_TRY(mixent_study_lock(directory, lock));
  status = mixent_study_join(study, directory);
  if (status == MIXENT_OK && threads && threads != mixent_study_threads(study))
    status = mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s was begun with %ld thread%s for each run; bits depend on them, so leave --threads away",
        directory, mixent_study_threads(study), mixent_study_threads(study) == 1 ? "" : "s");
  if (status == MIXENT_OK) status = mixent_study_write(study, planner, directory);
  if (status != MIXENT_OK) close(*lock), *lock = -1;
  return status;
}
