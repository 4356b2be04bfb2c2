/* A search is a sweep of one variant: its file is searches/VARIANT-REPLICATE.yaml, and it leaves a directory beside that
 * (docs/SWEEPS.md), of which best.yaml and trials.csv are read. */
#include "lab/study/searches.h"
#include "core/file.h"
#include "core/json.h"
#include "lab/study/study_parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replicates train and hold out with seeds that runs hardly have. */
enum { FIRST_SEED = 1000000000, LARGEST = 1 << 26 };

typedef struct search {
  const mixent_study *study;
  const mixent_yaml *tuned;
  mixent_study_cell cell; /* seed: the replicate */
  mixent_study alone;     /* the study with the replicate's one seed, untuned */
  long seed;
  mixent_recipe recipe; /* of a trial, but for what is searched */
  const char *keys[MIXENT_STUDY_OPTIONS];
  size_t count, trials;
  char *variant, *place; /* "ce", "mnist/ce"; the directory of the sweep */
} search;

static void free_search(search *search) {
  free(search->variant);
  free(search->place);
}

static mixent_study_cell alone_of(const search *search) {
  return (mixent_study_cell){.data = search->cell.data, .variant = search->cell.variant};
}

static mixent_status make_search(search *search) {
  const mixent_study *study = search->study;
  search->seed = FIRST_SEED + (long)search->cell.seed;
  search->alone = *study;
  search->alone.seeds = &search->seed, search->alone.seed_count = 1;
  search->alone.vary.crossed = false;
  search->alone.tuned.replicates = 0;
  search->variant = mixent_study_variant_name(study, search->cell);
  mixent_status status = search->variant
                             ? mixent_study_recipe(&search->alone, alone_of(search), &search->recipe)
                             : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK)
    status = mixent_study_tuned_options(search->tuned, &search->recipe, search->keys, &search->count);
  search->trials = study->tuned.trials * (study->tuned.per_dimension ? search->count : 1);
  return status == MIXENT_OK ? mixent_print_text(&search->place, "%s/searches/%s-%zu", study->directory,
                                                 search->variant, search->cell.seed)
                             : status;
}

/* ---- What is missing ---- */

/* The directory whole: mixent-sweep takes paths from where it is called. */
static mixent_status append_file(const search *search, mixent_text *out) {
  const mixent_study *study = search->study;
  char whole[PATH_MAX], *base;
  mixent_run_settings settings;
  if (!realpath(study->directory, whole)) return mixent_fail_errno("look at", study->directory);
  if (!(base = mixent_path_join(whole, "base.yaml"))) return MIXENT_ERROR_MEMORY;
  const char *name = strrchr(search->place, '/') + 1;
  mixent_text_append(out,
                     "# Replicate %zu of %s in the study %s. Written by mixent compare.\nname: %s\nrecipe: ",
                     search->cell.seed, search->variant, study->name, name);
  mixent_yaml_word_write(base, out);
  free(base);
  MIXENT_TRY(mixent_study_settings(&search->alone, alone_of(search), &settings));
  mixent_text_append(out, "\nset:\n");
  for (size_t i = 0; i < settings.count; i++) {
    bool last = true; /* the later of two wins */
    for (size_t k = i + 1; k < settings.count; k++)
      last &= strcmp(settings.items[i].key, settings.items[k].key) != 0;
    if (!last) continue;
    mixent_text_append(out, "  %s: ", settings.items[i].key);
    mixent_study_tuned_scalar(settings.items[i].value, out);
    mixent_text_append(out, "\n");
  }
  free(settings.items);
  mixent_text_append(out, "trials: %zu\nseed: %zu\n", search->trials, search->cell.seed);
  mixent_study_tuned_write(search->tuned, out);
  return mixent_text_status(out);
}

static mixent_status write_file(const search *search, const char *path) {
  mixent_text text = {0};
  char *parent;
  MIXENT_TRY(mixent_copy_text(path, &parent));
  *strrchr(parent, '/') = 0;
  mixent_status status = append_file(search, &text);
  if (status == MIXENT_OK) status = mixent_directory_make(parent);
  if (status == MIXENT_OK) status = mixent_file_replace(path, text.data, text.length);
  mixent_text_free(&text);
  free(parent);
  return status;
}

static mixent_status name_command(const search *search, mixent_text *out) {
  char *path, *words[2] = {NULL};
  MIXENT_TRY(mixent_print_text(&path, "%s.yaml", search->place));
  mixent_status status = write_file(search, path);
  if (status == MIXENT_OK &&
      (!(words[0] = mixent_path_quote(path)) || !(words[1] = mixent_path_quote(search->place))))
    status = MIXENT_ERROR_MEMORY;
  long threads = mixent_study_threads(search->study);
  if (status == MIXENT_OK) mixent_text_append(out, "mixent-sweep %s --directory %s", words[0], words[1]);
  if (status == MIXENT_OK && threads > 1) mixent_text_append(out, " --threads %ld", threads);
  if (status == MIXENT_OK) mixent_text_append(out, "\n");
  free(words[0]);
  free(words[1]);
  free(path);
  return status == MIXENT_OK ? mixent_text_status(out) : status;
}

/* ---- What was found ---- */

/* The text of a file of the sweep; NULL where it is not there. */
static mixent_status read_left(const search *search, const char *name, char **out) {
  mixent_path_kind kind;
  char *path = mixent_path_join(search->place, name);
  *out = NULL;
  mixent_status status = path ? mixent_path_look(path, &kind) : MIXENT_ERROR_MEMORY;
  if (status == MIXENT_OK && kind != MIXENT_PATH_NOTHING) status = mixent_file_read(path, LARGEST, out, NULL);
  free(path);
  return status;
}

/* How many trials trials.csv lists, and whether they searched these options: its columns after the seconds, without the message. */
static mixent_status check_trials(const search *search, const char *table, size_t *trials) {
  mixent_text head = {0};
  mixent_text_append(&head, "number,end,value,best_epoch,epochs,planned,seconds");
  for (size_t i = 0; i < search->count; i++) mixent_text_append(&head, ",%s", search->keys[i]);
  mixent_text_append(&head, ",message\n");
  mixent_status status = mixent_text_status(&head);
  if (status == MIXENT_OK && strncmp(table, head.data, head.length) != 0)
    status = mixent_fail(
        MIXENT_ERROR_FORMAT,
        "%s/trials.csv: expected the columns %.*s; the search was not of this study, so remove it",
        search->place, (int)head.length - 1, head.data);
  *trials = 0;
  for (const char *line = table; (line = strchr(line, '\n')) != NULL; line++) ++*trials;
  --*trials;
  mixent_text_free(&head);
  return status;
}

static bool is_searched(const search *search, const char *key) {
  for (size_t i = 0; i < search->count; i++)
    if (strcmp(search->keys[i], key) == 0) return true;
  return false;
}

/* What is not searched must be what the study says. */
static mixent_status check_rest(const search *search, const mixent_recipe *best) {
  for (const mixent_option *option = mixent_options; option->key; option++) {
    bool used = mixent_option_use_in(option, &search->recipe, NULL) == MIXENT_OPTION_USED &&
                mixent_option_use_in(option, best, NULL) == MIXENT_OPTION_USED;
    if (!used || strcmp(option->key, "name") == 0 || is_searched(search, option->key)) continue;
    mixent_text said = {0}, was = {0};
    mixent_option_write(option, &search->recipe, &said);
    mixent_option_write(option, best, &was);
    mixent_status status = mixent_text_status(said.failed ? &said : &was);
    if (status == MIXENT_OK && !mixent_study_agrees(option, &search->recipe, best, said.data, was.data))
      status =
          mixent_fail(MIXENT_ERROR_FORMAT,
                      "%s/best.yaml: its trials had %s %s, but the study says %s; remove the directory and "
                      "search again",
                      search->place, option->key, was.data, said.data);
    mixent_text_free(&said);
    mixent_text_free(&was);
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

static mixent_status take_best(const search *search, const char *text, json_t *list) {
  mixent_recipe best;
  mixent_status status = mixent_recipe_parse(text, search->place, "best", NULL, 0, &best);
  if (status == MIXENT_OK) status = check_rest(search, &best);
  json_t *found = json_object();
  for (size_t i = 0; i < search->count && status == MIXENT_OK; i++) {
    const mixent_option *option = mixent_option_find(search->keys[i]);
    mixent_text value = {0};
    if (mixent_option_use_in(option, &best, NULL) != MIXENT_OPTION_USED) continue;
    mixent_option_write(option, &best, &value);
    status = mixent_text_status(&value);
    if (status == MIXENT_OK) mixent_json_set(&found, option->key, json_string(value.data));
    mixent_text_free(&value);
  }
  if (status == MIXENT_OK && (!found || json_array_set(list, search->cell.seed, found) != 0))
    status = mixent_no_memory("what searches found");
  json_decref(found);
  return status;
}

/* *found: the search is there, whole. */
static mixent_status read_search(const search *search, bool *found) {
  char *best = NULL, *table = NULL;
  json_t *list;
  size_t trials = 0;
  mixent_status status = read_left(search, "best.yaml", &best);
  if (status == MIXENT_OK) status = read_left(search, "trials.csv", &table);
  if (status == MIXENT_OK && best && table) status = check_trials(search, table, &trials);
  *found = best && table && trials >= search->trials;
  if (status == MIXENT_OK && *found) status = mixent_study_found_room(search->study, search->variant, &list);
  if (status == MIXENT_OK && *found) status = take_best(search, best, list);
  free(best);
  free(table);
  return status;
}

/* ---- All of them ---- */

typedef struct searches {
  size_t count, missing;
  mixent_text *commands;
} searches;

static mixent_status look_for(const mixent_study *study, const mixent_yaml *tuned, mixent_study_cell cell,
                              searches *out) {
  search search = {.study = study, .tuned = tuned, .cell = cell};
  bool found = json_is_object(mixent_study_found(study, cell));
  mixent_status status = make_search(&search);
  if (status == MIXENT_OK && search.count > 0) {
    out->count++;
    if (!found) status = read_search(&search, &found);
    if (status == MIXENT_OK && !found) {
      out->missing++;
      status = name_command(&search, out->commands);
    }
  }
  free_search(&search);
  return status;
}

mixent_status mixent_study_search(mixent_study *study, mixent_text *commands) {
  mixent_yaml *root;
  searches searches = {.commands = commands};
  if (!study->tuned.replicates) return MIXENT_OK;
  MIXENT_TRY(mixent_yaml_parse(study->text, strlen(study->text), "study.yaml", &root));
  const mixent_yaml *tuned = mixent_yaml_find(root, "tuned");
  size_t rows = study->data_count * study->variant_count;
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < rows * study->tuned.replicates && status == MIXENT_OK; i++) {
    mixent_study_cell cell = {
        .data = i % rows / study->variant_count, .variant = i % study->variant_count, .seed = i / rows};
    status = look_for(study, tuned, cell, &searches);
  }
  mixent_yaml_free(root);
  if (status == MIXENT_OK) status = mixent_study_write_state(study, study->directory);
  if (status != MIXENT_OK || !searches.missing) return status;
  return mixent_fail(
      MIXENT_ERROR_IO,
      "%s: %zu of %zu searches are missing; run the commands that this one prints (not with --json), in any "
      "order, then this one again",
      study->directory, searches.missing, searches.count);
}
