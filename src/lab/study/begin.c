/* A study begun in a directory: made there whole, or joined with the one that stands there (what may differ, and what must not). */
#include "core/file.h"
#include "core/json.h"
#include "lab/study/directory.h"
#include "lab/study/study_parts.h"
#include "run/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static mixent_status refuse(const mixent_study *there, const char *what) {
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s holds a study with %s; give this one another name, or put that back",
                     there->directory, what);
}

/* Options that may differ: where things are, and what the lists of the study say. */
static bool is_free(const mixent_study *study, const char *key) {
  static const char *const keys[] = {"name",    "data", "data_alternative", "data_dir",
                                     "threads", "seed", "save_minutes",     NULL};
  return mixent_is_name(key, keys) || mixent_study_varies_option(study, key);
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

/* What was found stays; another budget or space makes another study. */
static mixent_status join_tuned(mixent_study *there, const mixent_study *study) {
  bool same;
  MIXENT_TRY(mixent_study_tuned_same(there, study, &same));
  return same ? mixent_study_found_join(there, study) : refuse(there, "another 'tuned'");
}

static mixent_status join(mixent_study *study, mixent_study *there) {
  if (!study->state) study->state = json_incref(there->state); /* a study from a file takes its format */
  MIXENT_TRY(compare_data(there, study));
  MIXENT_TRY(join_tuned(there, study));
  MIXENT_TRY(compare_variants(there, study));
  MIXENT_TRY(compare_vary(there, study));
  for (size_t i = 0; i < study->seed_count; i++) MIXENT_TRY(mixent_study_add_seed(there, study->seeds[i]));
  MIXENT_TRY(mixent_study_check_size(there));
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
  if (base == MIXENT_PATH_NOTHING)
    MIXENT_TRY(mixent_study_write_file(directory, "base.yaml", study->recipe_text));
  return mixent_study_write_file(directory, "study.yaml", study->text);
}

static mixent_status make(mixent_study *study, const mixent_study_planner *planner, const char *place,
                          long threads, int *lock) {
  mixent_run_directory directory;
  study->state = json_pack("{s:i, s:s, s:i, s:{}, s:{}}", "format", MIXENT_STUDY_FORMAT, "mixent",
                           mixent_version(), "threads", (int)(threads ? threads : 1), "plans", "failed");
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
      "%s: another process is at work on this study; wait for it or stop it (--no-train shows what is finished)",
      directory);
}

mixent_status mixent_study_begin(mixent_study *study, const mixent_study_planner *planner,
                                 const char *directory, long threads, int *lock) {
  mixent_status status;
  mixent_path_kind kind;
  *lock = -1;
  MIXENT_TRY(mixent_study_check_size(study)); /* more seeds than its file has may have been asked for */
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
