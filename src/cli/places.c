/* Directories of runs, studies and models, by path or by name. */
#include "cli/places.h"
#include "cli/facts.h"
#include "cli/message.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/shipped.h"
#include "lab/store/store.h"
#include "lab/study/directory.h"

#include <stdlib.h>
#include <string.h>

static const char *const nouns[] = {"run", "study", "run or study", "run or model"};
static const char *const marks[] = {"recipe.yaml", "study.yaml and study.json", "recipe.yaml or study.yaml",
                                    "best.safetensors"};
static const char *const advice[] = {"'mixent runs' lists them", "'mixent compare STUDY.yaml' makes one",
                                     "'mixent runs' lists them", "'mixent runs' lists runs"};

const char *const *mixent_shipped_names(void) {
  static const char *const none[] = {NULL};
  static const char **list;
  mixent_names names;
  if (list) return list;
  mixent_status status = mixent_shipped_models(&names);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(names.count + 1, &list);
  if (status != MIXENT_OK) {
    if (status != MIXENT_ERROR_MEMORY) mixent_warning_print("%s", mixent_last_error());
    mixent_output_lacks();
    return none;
  }
  for (size_t i = 0; i < names.count; i++) list[i] = names.items[i];
  free(names.items);
  return list;
}

/* The name of a run in the store that is most like `word`; free(), NULL: none. */
static mixent_status find_nearest_run(const char *runs, const char *word, char **out) {
  mixent_store *store;
  mixent_facts *found = NULL;
  size_t count = 0;
  static const char *const columns[] = {"run", NULL};
  const mixent_store_query query = {.columns = columns};
  if (!mixent_is_directory(runs) || mixent_has_file(runs, "recipe.yaml")) return MIXENT_OK;
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

/* What `word` may have meant; free(), NULL: nothing. */
static mixent_status find_nearest(const char *runs, const char *word, mixent_place_kind kind, char **out) {
  *out = NULL;
  if (kind != MIXENT_PLACE_STUDY) MIXENT_TRY(find_nearest_run(runs, word, out));
  const char *model = kind == MIXENT_PLACE_MODEL ? mixent_nearest_name(word, mixent_shipped_names()) : NULL;
  return model && !*out ? mixent_copy_text(model, out) : MIXENT_OK;
}

static mixent_status fail_unknown(const char *runs, const char *word, const char *below,
                                  mixent_place_kind kind) {
  bool direct = mixent_is_directory(word), model = kind == MIXENT_PLACE_MODEL;
  const char *directory = direct ? word : below;
  char *near;
  if (kind == MIXENT_PLACE_STUDY && mixent_has_file(directory, "recipe.yaml"))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s is a run, no study; 'mixent show %s' shows it, 'mixent report RUN RUN' puts runs side by side",
        directory, word);
  if (direct || mixent_is_directory(below))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s is no %s, for it has no %s; 'mixent runs --runs %s' lists the runs in it",
                       directory, nouns[kind], marks[kind], directory);
  MIXENT_TRY(find_nearest(runs, word, kind, &near));
  mixent_text where = {0};
  mixent_text_append(&where, "neither here nor in %s", runs);
  if (model && *mixent_shipped_names())
    mixent_text_append(&where, " nor among the models that come with mixent (");
  for (const char *const *name = mixent_shipped_names(); model && *name; name++)
    mixent_text_append(&where, "%s%s", *name, name[1] ? ", " : ")");
  mixent_status status = mixent_text_status(&where);
  if (status == MIXENT_OK)
    status = near ? mixent_fail(MIXENT_ERROR_ARGUMENT, "no %s '%s', %s; did you mean '%s'?", nouns[kind],
                                word, where.data, near)
                  : mixent_fail(MIXENT_ERROR_ARGUMENT, "no %s '%s', %s; %s", nouns[kind], word, where.data,
                                advice[kind]);
  mixent_text_free(&where);
  free(near);
  return status;
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
  if (status == MIXENT_OK && !*out && kind == MIXENT_PLACE_MODEL)
    status = mixent_shipped_model_find(word, out);
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
