/* Directories of runs and studies, by path or by name. */
#include "cli/places.h"
#include "cli/facts.h"
#include "core/file.h"
#include "lab/store/store.h"
#include "lab/study/directory.h"

#include <stdlib.h>
#include <string.h>

static const char *const nouns[] = {"run", "study", "run or study"};
static const char *const marks[] = {"recipe.yaml", "study.yaml and study.json", "recipe.yaml or study.yaml"};
static const char *const advice[] = {"'mixent runs' lists them", "'mixent compare STUDY.yaml' makes one",
                                     "'mixent runs' lists them"};

/* The name of a run in the store that is most like `word`; free(), NULL: none. */
static mixent_status find_nearest(const char *runs, const char *word, char **out) {
  mixent_store *store;
  mixent_facts *found = NULL;
  size_t count = 0;
  static const char *const columns[] = {"run", NULL};
  const mixent_store_query query = {.columns = columns};
  MIXENT_TRY(mixent_store_open(runs, false, &store));
  mixent_status status = mixent_store_find(store, &query, &found, &count);
  mixent_store_warning_print(store);
  mixent_store_close(store);
  const char **names = NULL, *near = NULL;
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(count + 1, &names);
  for (size_t i = 0; names && i < count; i++) {
    names[i] = mixent_facts_text(&found[i], "run");
    const char *slash = strrchr(names[i], '/');
    if (slash && strcmp(slash + 1, word) == 0) near = names[i]; /* in a study */
  }
  if (names && !near) near = mixent_nearest_name(word, names);
  if (near) status = mixent_copy_text(near, out);
  free(names);
  mixent_store_runs_free(found, count);
  return status;
}

static mixent_status fail_unknown(const char *runs, const char *word, const char *below,
                                  mixent_place_kind kind) {
  bool direct = mixent_is_directory(word);
  char *near = NULL;
  if (direct || mixent_is_directory(below))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s is no %s, for it has no %s; 'mixent runs --runs %s' lists the runs in it",
                       direct ? word : below, nouns[kind], marks[kind], direct ? word : below);
  if (kind != MIXENT_PLACE_STUDY && mixent_is_directory(runs) && !mixent_has_file(runs, "recipe.yaml"))
    MIXENT_TRY(find_nearest(runs, word, &near));
  if (near)
    mixent_fail(MIXENT_ERROR_ARGUMENT, "no %s '%s' in %s; did you mean '%s'?", nouns[kind], word, runs, near);
  else
    mixent_fail(MIXENT_ERROR_ARGUMENT, "no %s '%s', neither here nor in %s; %s", nouns[kind], word, runs,
                advice[kind]);
  free(near);
  return MIXENT_ERROR_ARGUMENT;
}

static mixent_status look(const char *path, mixent_place_kind kind, bool *found) {
  *found = false;
  if (kind != MIXENT_PLACE_RUN) MIXENT_TRY(mixent_study_look(path, found));
  return kind != MIXENT_PLACE_STUDY && !*found ? mixent_store_look(path, found) : MIXENT_OK;
}

mixent_status mixent_place_look(const char *runs, const char *word, mixent_place_kind kind, char **out) {
  bool here, there = false;
  *out = NULL;
  char *below = mixent_path_join(runs, word);
  if (!below) return MIXENT_ERROR_MEMORY;
  mixent_status status = look(word, kind, &here);
  if (status == MIXENT_OK && !here) status = look(below, kind, &there);
  if (status == MIXENT_OK && (here || there)) status = mixent_copy_text(here ? word : below, out);
  free(below);
  for (size_t length = *out ? strlen(*out) : 0; length > 1 && (*out)[length - 1] == '/'; length--)
    (*out)[length - 1] = '\0';
  return status;
}

mixent_status mixent_place_find(const char *runs, const char *word, mixent_place_kind kind, char **out) {
  MIXENT_TRY(mixent_place_look(runs, word, kind, out));
  if (*out) return MIXENT_OK;
  char *below = mixent_path_join(runs, word);
  mixent_status status = below ? fail_unknown(runs, word, below, kind) : MIXENT_ERROR_MEMORY;
  free(below);
  return status;
}
