/* The key `tuned`: what each variant's searches are, and what they found, as study.json keeps it under "tuned": for each variant an array
 * of as many replicates, each null or the options with their values. searches.c writes and reads the searches. */
#include "core/json.h"
#include "lab/study/study_parts.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Words that mixent-sweep takes as they are. */
static const char *const passed_on[] = {"objective", "sampler", "pruner", NULL};

/* Why an option cannot be searched in a study, or NULL. */
static const char *reserved(const char *key) {
  static const char *const keys[][2] = {{"net", "all runs of a variant share their plan"},
                                        {"batch", "all runs of a variant share their plan"},
                                        {"precision", "all runs of a variant share their plan"},
                                        {"plan", "all runs of a variant share their plan"},
                                        {"plan_hash", "all runs of a variant share their plan"},
                                        {"threads", "all runs share them"},
                                        {"select", "it decides which images judge"},
                                        {"name", "it names runs"},
                                        {"save_minutes", "it changes no result"},
                                        {NULL, NULL}};
  size_t i = 0;
  while (keys[i][0] && strcmp(keys[i][0], key) != 0) i++;
  if (keys[i][0]) return keys[i][1];
  const mixent_option *option = mixent_option_find(key);
  if (option && mixent_option_is_of_data(option)) return "all runs share their data";
  if (strncmp(key, "validation.", 11) == 0) return "all trials are scored on the same images";
  return strncmp(key, "noise.", 6) == 0 || strcmp(key, "seed") == 0 || strcmp(key, "init.seed") == 0
             ? "the study decides it"
             : NULL;
}

/* As mixent-sweep reads it: a mistake is told before the study begins, because `tuned` cannot change afterwards. */
static mixent_status check_range(const mixent_yaml *range, bool is_logarithmic) {
  double low, high;
  if (range->kind != MIXENT_YAML_SEQUENCE || range->count != 2)
    return mixent_yaml_fail(range, "tuned: %s: expected two numbers, as [1, 10]", range->key);
  MIXENT_TRY(mixent_yaml_number(&range->children[0], -HUGE_VAL, HUGE_VAL, &low));
  MIXENT_TRY(mixent_yaml_number(&range->children[1], -HUGE_VAL, HUGE_VAL, &high));
  if (low < high && (low > 0 || !is_logarithmic)) return MIXENT_OK;
  return mixent_yaml_fail(range, "tuned: %s: expected a first number %sbelow the second", range->key,
                          is_logarithmic ? "above 0 and " : "");
}

static mixent_status check_entry(const char *key, const mixent_yaml *entry) {
  static const char *const ranges[] = {"uniform", "integer", "log_uniform", "log_integer"};
  const mixent_yaml *found = entry->kind == MIXENT_YAML_MAPPING ? mixent_yaml_find(entry, "choice") : NULL;
  size_t count = found != NULL;
  if (found && (found->kind != MIXENT_YAML_SEQUENCE || !found->count))
    return mixent_yaml_fail(found, "tuned: choice: expected a list of values, as [free, square]");
  for (int i = 0; i < 4 && entry->kind == MIXENT_YAML_MAPPING; i++) {
    const mixent_yaml *range = mixent_yaml_find(entry, ranges[i]);
    if (range) MIXENT_TRY(check_range(range, i >= 2));
    count += range != NULL;
  }
  if (count == 1) return MIXENT_OK;
  return mixent_yaml_fail(
      entry,
      "tuned: %s: expected one of uniform, log_uniform, integer, log_integer, choice, as {uniform: [0, 0.5]}",
      key);
}

static mixent_status check_space(const mixent_yaml *space) {
  if (space->kind != MIXENT_YAML_MAPPING || !space->count || space->count > MIXENT_STUDY_OPTIONS)
    return mixent_yaml_fail(space, "tuned: space: expected 1 to %d options to search", MIXENT_STUDY_OPTIONS);
  for (size_t i = 0; i < space->count; i++) {
    const mixent_yaml *entry = &space->children[i];
    const mixent_option *option = mixent_option_find(entry->key);
    if (!option) return mixent_yaml_fail(entry, "tuned: unknown option '%s'", entry->key);
    const char *why = reserved(entry->key);
    if (why) return mixent_yaml_fail(entry, "tuned: %s cannot be searched in a study: %s", entry->key, why);
    bool list =
        entry->kind == MIXENT_YAML_SEQUENCE && entry->count; /* of entries, of which `when` takes one */
    for (size_t k = 0; k < (list ? entry->count : 1); k++)
      MIXENT_TRY(check_entry(entry->key, list ? &entry->children[k] : entry));
  }
  return MIXENT_OK;
}

mixent_status mixent_study_tuned_read(const mixent_yaml *node, mixent_study *study) {
  static const char *const keys[] = {"trials",    "per",     "replicates", "space",
                                     "objective", "sampler", "pruner",     NULL};
  if (node->kind != MIXENT_YAML_MAPPING)
    return mixent_yaml_fail(node, "tuned: expected trials, per, replicates and space (docs/STUDIES.md)");
  MIXENT_TRY(mixent_yaml_check_keys(node, keys));
  for (size_t i = 0; i < 4; i++)
    if (!mixent_yaml_find(node, keys[i])) return mixent_yaml_fail(node, "tuned: '%s' is missing", keys[i]);
  const mixent_yaml *per = mixent_yaml_find(node, "per");
  long trials, replicates;
  MIXENT_TRY(mixent_yaml_integer(mixent_yaml_find(node, "trials"), 1, MIXENT_STUDY_MOST, &trials));
  MIXENT_TRY(mixent_yaml_integer(mixent_yaml_find(node, "replicates"), 2, MIXENT_STUDY_MOST, &replicates));
  study->tuned.per_dimension = per->kind == MIXENT_YAML_SCALAR && strcmp(per->text, "dimension") == 0;
  if (!study->tuned.per_dimension && (per->kind != MIXENT_YAML_SCALAR || strcmp(per->text, "variant") != 0))
    return mixent_yaml_fail(per, "tuned: per: expected dimension (each variant has so many trials for each "
                                 "option that it searches) or variant (each has so many)");
  study->tuned.trials = (size_t)trials, study->tuned.replicates = (size_t)replicates;
  return check_space(mixent_yaml_find(node, "space"));
}

/* ---- What a variant searches ---- */

static bool holds_text(const mixent_yaml *words, const char *text) {
  if (words->kind != MIXENT_YAML_SEQUENCE)
    return words->kind == MIXENT_YAML_SCALAR && !strcmp(words->text, text);
  for (size_t i = 0; i < words->count; i++)
    if (holds_text(&words->children[i], text)) return true;
  return false;
}

/* Whether the entry's conditions on options that are not searched hold; those on others leave it a dimension. As mixent-sweep. */
static mixent_status entry_holds(const mixent_yaml *space, const mixent_yaml *entry,
                                 const mixent_recipe *recipe, bool *out) {
  const mixent_yaml *when = entry->kind == MIXENT_YAML_MAPPING ? mixent_yaml_find(entry, "when") : NULL;
  *out = true;
  for (size_t i = 0; when && i < when->count; i++) {
    const mixent_yaml *condition = &when->children[i];
    const mixent_option *option = condition->key ? mixent_option_find(condition->key) : NULL;
    if (!option) return mixent_yaml_fail(entry, "tuned: 'when' expects options, as {loss.name: min-ent}");
    if (mixent_yaml_find(space, option->key)) continue;
    mixent_text text = {0};
    mixent_option_write(option, recipe, &text);
    mixent_status status = mixent_text_status(&text);
    if (status == MIXENT_OK) *out &= holds_text(condition, text.data);
    mixent_text_free(&text);
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

mixent_status mixent_study_tuned_options(const mixent_yaml *tuned, const mixent_recipe *recipe,
                                         const char *keys[], size_t *count) {
  const mixent_yaml *space = mixent_yaml_find(tuned, "space");
  *count = 0;
  for (size_t i = 0; i < space->count; i++) {
    const mixent_yaml *node = &space->children[i];
    bool list = node->kind == MIXENT_YAML_SEQUENCE, any = false;
    for (size_t k = 0; k < (list ? node->count : 1); k++) {
      bool holds;
      MIXENT_TRY(entry_holds(space, list ? &node->children[k] : node, recipe, &holds));
      any |= holds;
    }
    if (any && *count < MIXENT_STUDY_OPTIONS) keys[(*count)++] = mixent_option_find(node->key)->key;
  }
  return MIXENT_OK;
}

void mixent_study_tuned_scalar(const char *text, mixent_text *out) {
  if (*text && !text[strspn(text, "0123456789.eE+-")])
    mixent_text_append(out, "%s", text);
  else
    mixent_yaml_word_write(text, out);
}

static void write_flow(const mixent_yaml *node, mixent_text *out) {
  bool mapping = node->kind == MIXENT_YAML_MAPPING;
  if (node->kind == MIXENT_YAML_SCALAR) {
    mixent_study_tuned_scalar(node->text, out);
    return;
  }
  mixent_text_append(out, "%s", mapping ? "{" : "[");
  for (size_t i = 0; i < node->count; i++) {
    mixent_text_append(out, "%s", i ? ", " : "");
    if (mapping) mixent_text_append(out, "%s: ", node->children[i].key);
    write_flow(&node->children[i], out);
  }
  mixent_text_append(out, "%s", mapping ? "}" : "]");
}

void mixent_study_tuned_write(const mixent_yaml *tuned, mixent_text *out) {
  const mixent_yaml *space = mixent_yaml_find(tuned, "space");
  if (!mixent_yaml_find(tuned, "pruner")) mixent_text_append(out, "pruner: none\n");
  for (const char *const *key = passed_on; *key; key++) {
    const mixent_yaml *node = mixent_yaml_find(tuned, *key);
    if (!node) continue;
    mixent_text_append(out, "%s: ", *key);
    write_flow(node, out);
    mixent_text_append(out, "\n");
  }
  mixent_text_append(out, "space:\n");
  for (size_t i = 0; i < space->count; i++) {
    mixent_text_append(out, "  %s: ", space->children[i].key);
    write_flow(&space->children[i], out);
    mixent_text_append(out, "\n");
  }
}

/* The words of `tuned`; nothing: there is none. */
static mixent_status tuned_text(const mixent_study *study, mixent_text *out) {
  mixent_yaml *root;
  MIXENT_TRY(mixent_yaml_parse(study->text, strlen(study->text), "study.yaml", &root));
  const mixent_yaml *tuned = mixent_yaml_find(root, "tuned");
  mixent_text_append(out, "%zu %zu %d ", study->tuned.trials, study->tuned.replicates,
                     study->tuned.per_dimension);
  if (tuned) mixent_study_tuned_write(tuned, out);
  mixent_yaml_free(root);
  return mixent_text_status(out);
}

mixent_status mixent_study_tuned_same(const mixent_study *a, const mixent_study *b, bool *same) {
  mixent_text texts[2] = {0};
  mixent_status status = tuned_text(a, &texts[0]);
  if (status == MIXENT_OK) status = tuned_text(b, &texts[1]);
  *same = status == MIXENT_OK && strcmp(texts[0].data, texts[1].data) == 0;
  mixent_text_free(&texts[0]);
  mixent_text_free(&texts[1]);
  return status;
}

/* ---- What was found ---- */

json_t *mixent_study_found(const mixent_study *study, mixent_study_cell cell) {
  char *name = study->tuned.replicates ? mixent_study_variant_name(study, cell) : NULL;
  json_t *found = name ? json_object_get(json_object_get(study->state, "tuned"), name) : NULL;
  free(name);
  return study->tuned.replicates ? json_array_get(found, cell.seed % study->tuned.replicates) : NULL;
}

mixent_status mixent_study_found_check(const mixent_study *study, const json_t *state, const char *origin) {
  const char *variant, *key;
  json_t *list, *found, *value, *all = json_object_get(state, "tuned");
  size_t i;
  bool right = !all || json_is_object(all);
  json_object_foreach(all, variant, list) {
    right &= json_array_size(list) == study->tuned.replicates;
    json_array_foreach(list, i, found) {
      right &= json_is_object(found) || json_is_null(found);
      json_object_foreach(found, key, value) right &=
          json_is_string(value) && mixent_option_find(key) && !reserved(key);
    }
  }
  return right ? MIXENT_OK
               : mixent_fail(MIXENT_ERROR_FORMAT,
                             "%s: 'tuned' is not what searches find; it was changed by hand or is damaged",
                             origin);
}

mixent_status mixent_study_found_join(const mixent_study *there, const mixent_study *study) {
  const char *variant;
  json_t *list, *found, *kept;
  size_t i;
  json_t *tuned = json_object_get(study->state, "tuned");
  if (there->state == study->state || !there->tuned.replicates) return MIXENT_OK;
  json_object_foreach(tuned, variant, list) {
    MIXENT_TRY(mixent_study_found_room(there, variant, &kept));
    json_array_foreach(list, i, found) {
      const json_t *old = json_array_get(kept, i);
      if (json_is_object(old) && json_is_object(found) && !json_equal(old, found))
        return mixent_fail(MIXENT_ERROR_ARGUMENT, "%s holds what other searches of %s found",
                           there->directory, variant);
      if (!json_is_object(old) && json_array_set(kept, i, found) != 0)
        return mixent_no_memory("what searches found");
    }
  }
  tuned = json_object_get(there->state, "tuned");
  return tuned && json_object_set(study->state, "tuned", tuned) != 0 ? mixent_no_memory("what searches found")
                                                                     : MIXENT_OK;
}

mixent_status mixent_study_found_room(const mixent_study *study, const char *variant, json_t **out) {
  json_t *all = json_object_get(study->state, "tuned");
  if (!all) {
    all = json_object();
    if (json_object_set_new(study->state, "tuned", all) != 0) return mixent_no_memory("what searches found");
  }
  if ((*out = json_object_get(all, variant))) return MIXENT_OK;
  json_t *list = json_array();
  for (size_t r = 0; r < study->tuned.replicates; r++) mixent_json_append(&list, json_null());
  if (!list || json_object_set_new(all, variant, list) != 0) return mixent_no_memory("what searches found");
  *out = list;
  return MIXENT_OK;
}

size_t mixent_study_found_add(const mixent_study *study, mixent_study_cell cell, mixent_setting *settings) {
  const char *key;
  json_t *value;
  size_t count = 0;
  json_object_foreach(mixent_study_found(study, cell), key, value) {
    if (count < MIXENT_STUDY_OPTIONS) settings[count++] = (mixent_setting){key, json_string_value(value)};
  }
  return count;
}
