/* Whether a run is one of its study: its recipe.yaml against what the study says of that run. Both a study's directory and its
 * file hold runs that another revision may have trained, by other defaults. */
#include "core/file.h"
#include "lab/study/directory.h"
#include "lab/study/study_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Whether the last parts of two paths are one: "./mine/letters/" and "/data/letters". */
static bool same_last_part(const char *a, const char *b) {
  size_t i = strlen(a), j = strlen(b);
  while (i && a[i - 1] == '/') i--;
  while (j && b[j - 1] == '/') j--;
  while (i && j && a[i - 1] != '/' && a[i - 1] == b[j - 1]) i--, j--;
  return (!i || a[i - 1] == '/') && (!j || b[j - 1] == '/');
}

/* A run has whole paths, without links (mixent_recipe_resolve); an exported one their last parts. Where the study's path leads
 * nowhere from here, or has no name (".."), a whole path has nothing to be compared with. */
static bool same_place(const char *said, const char *was) {
  if (same_last_part(said, was)) return true;
  char whole[PATH_MAX];
  return said[strspn(said, "./")] && realpath(said, whole) ? same_last_part(whole, was) : *was == '/';
}

static bool is_among(const char *key, const char *const *keys) {
  while (*keys && strcmp(*keys, key) != 0) keys++;
  return *keys;
}

bool mixent_study_agrees(const mixent_option *option, const mixent_recipe *said, const mixent_recipe *was,
                         const char *said_text, const char *was_text) {
  static const char *const places[] = {"data_alternative", "data_dir", "plan", "plan_hash",
                                       "save_minutes",     "threads",  NULL},
                           *const paths[] = {"data", "net", "baseline", NULL};
  if (is_among(option->key, places)) return true;
  if (is_among(option->key, paths))
    return same_place((const char *)said + option->offset, (const char *)was + option->offset);
  if (strcmp(option->key, "precision") == 0 && said->precision == MIXENT_CHOICE_AUTO) return true;
  return strcmp(said_text, was_text) == 0;
}

static mixent_status check_option(const mixent_study *study, mixent_study_cell cell, const char *origin,
                                  const mixent_option *option, const mixent_recipe *said,
                                  const mixent_recipe *was) {
  mixent_text a = {0}, b = {0};
  mixent_option_write(option, said, &a);
  mixent_option_write(option, was, &b);
  mixent_status status = mixent_text_status(a.failed ? &a : &b);
  if (status == MIXENT_OK && !mixent_study_agrees(option, said, was, a.data, b.data))
    status = mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s: the run has %s %s, but the study says %s; if all runs of the variant %s have %s, write that "
        "into the variant in study.yaml, else remove the run",
        origin, option->key, b.data, a.data, study->variant_names[cell.variant], b.data);
  mixent_text_free(&a);
  mixent_text_free(&b);
  return status;
}

mixent_status mixent_study_check_recipe(const mixent_study *study, mixent_study_cell cell, const char *text,
                                        const char *origin) {
  mixent_recipe said, was;
  MIXENT_TRY(mixent_study_recipe(study, cell, &said));
  mixent_status status = mixent_recipe_parse(text, "recipe.yaml", "run", NULL, 0, &was);
  if (status != MIXENT_OK)
    return mixent_fail(status == MIXENT_ERROR_MEMORY ? status : MIXENT_ERROR_FORMAT, "%s: %s", origin,
                       mixent_last_error());
  if (was.threads != mixent_study_threads(study))
    return mixent_fail(MIXENT_ERROR_FORMAT, "%s: the run had another number of threads than the study",
                       origin);
  for (const mixent_option *option = mixent_options; option->key; option++)
    if (mixent_option_use_in(option, &said, NULL) == MIXENT_OPTION_USED)
      MIXENT_TRY(check_option(study, cell, origin, option, &said, &was));
  return MIXENT_OK;
}

static mixent_status check_run(const mixent_study *study, mixent_study_cell cell) {
  enum { LARGEST = 1 << 20 };
  char *path = mixent_study_run_path(study, cell),
       *file = path ? mixent_path_join(path, "recipe.yaml") : NULL, *text = NULL;
  mixent_path_kind kind = MIXENT_PATH_NOTHING;
  mixent_status status = file ? mixent_path_look(file, &kind) : MIXENT_ERROR_MEMORY;
  if (kind != MIXENT_PATH_NOTHING) {
    status = mixent_file_read(file, LARGEST, &text, NULL);
    if (status == MIXENT_OK) status = mixent_study_check_recipe(study, cell, text, path);
  }
  free(text);
  free(file);
  free(path);
  return status;
}

mixent_status mixent_study_check_runs(const mixent_study *study) {
  for (size_t i = 0; i < mixent_study_run_count(study); i++)
    MIXENT_TRY(check_run(study, mixent_study_cell_at(study, i)));
  return MIXENT_OK;
}
