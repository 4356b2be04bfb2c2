/* Reading STUDY.yaml: the file's own keys, options of the recipe by the recipe's rules, and then every run's recipe,
 * so that nothing runs before all that can be said is right. */
#include "core/content.h"
#include "core/embedded.h"
#include "core/file.h"
#include "lab/study/study_parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last failure as that of a place in the text, unless memory ran out. */
static mixent_status fail_at(const mixent_yaml *node, mixent_status status) {
  return status == MIXENT_ERROR_MEMORY ? status : mixent_yaml_fail(node, "%s", mixent_last_error());
}

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
enum { MOST_STUDIES = 64, LARGEST = 1 << 20 };

const char *const *mixent_study_names(void) {
  static const char *names[MOST_STUDIES + 1]; /* whoever fills it writes the same */
  for (size_t i = 0; i < MOST_STUDIES && mixent_embedded_studies[i].name; i++)
    names[i] = mixent_embedded_studies[i].name;
  return names;
}

static const mixent_embedded *find_builtin(const char *name) {
  const mixent_embedded *study = mixent_embedded_studies;
  while (study->name && strcmp(study->name, name) != 0) study++;
  return study->name ? study : NULL;
}

bool mixent_study_is_builtin(const char *name) {
  return find_builtin(name);
}

static mixent_status copy(const char *text, char **out) {
  free(*out);
  return mixent_copy_text(text, out);
}

/* A scalar's text; empty only where that is allowed. */
static mixent_status read_text(const mixent_yaml *node, char **out) {
  if (node->kind != MIXENT_YAML_SCALAR || !*node->text)
    return mixent_yaml_fail(node, "%s: expected a text", node->key);
  return copy(node->text, out);
}

/* What names files and directories. */
static mixent_status check_name(const mixent_yaml *node, const char *what, const char *name) {
  enum { LONGEST = 100 };
  if (*name && *name != '.' && *name != '-' && strlen(name) <= LONGEST && !name[strspn(name, PLAIN)])
    return MIXENT_OK;
  return mixent_yaml_fail(
      node,
      "'%s' cannot name %s: it takes letters, digits, '.', '_' and '-', begins with a letter, "
      "digit or '_', and has at most %d bytes",
      name, what, LONGEST);
}

static mixent_status check_count(const mixent_yaml *node, const char *what) {
  if (node->count <= MIXENT_STUDY_MOST) return MIXENT_OK;
  return mixent_yaml_fail(node, "%s: expected at most %d, got %zu", what, MIXENT_STUDY_MOST, node->count);
}

static mixent_status read_seeds(const mixent_yaml *node, mixent_study *study) {
  long count = (long)node->count;
  if (node->kind != MIXENT_YAML_SEQUENCE) MIXENT_TRY(mixent_yaml_integer(node, 0, MIXENT_STUDY_MOST, &count));
  if (count < 2)
    return mixent_yaml_fail(
        node, "seeds: at least 2 are needed to tell a difference from chance (10: 0 to 9, or a list)");
  MIXENT_TRY(check_count(node, "seeds"));
  for (long i = 0; i < count; i++) {
    long seed = i;
    if (node->kind == MIXENT_YAML_SEQUENCE) {
      MIXENT_TRY(mixent_yaml_integer(&node->children[i], 0, INT32_MAX, &seed));
      for (long j = 0; j < i; j++)
        if (study->seeds[j] == seed)
          return mixent_yaml_fail(&node->children[i], "seeds: %ld is given twice", seed);
    }
    MIXENT_TRY(mixent_study_add_seed(study, seed));
  }
  return MIXENT_OK;
}

/* Options that the study itself decides. */
static const char *reserved(const char *key, bool variant, bool data_listed) {
  if (strcmp(key, "seed") == 0) return "'seeds' of the study gives every run its seed";
  if (strcmp(key, "threads") == 0) return "all runs share them: 'mixent compare --threads N'";
  if (strcmp(key, "name") == 0 || strcmp(key, "plan_hash") == 0) return "it cannot be set in a study";
  if (strcmp(key, "losses") == 0) return "a study sets 'loss' itself";
  const mixent_option *option = mixent_option_find(key);
  bool data = option && mixent_option_is_of_data(option);
  if (data && variant)
    return "all variants share their images, or they could not be compared; 'data' of the study lists data "
           "sets";
  if (data && data_listed && strcmp(key, "data_dir") != 0)
    return "'data' of the study lists the data sets, which have no options; for one data set with options, write "
           "'set: {data: NAME}' in its place";
  return NULL;
}

static mixent_status add_setting(const char *key, const char *value, mixent_setting **settings,
                                 size_t *count) {
  char *copy;
  MIXENT_TRY(MIXENT_GROW(settings, *count, "a study"));
  mixent_setting *setting = &(*settings)[*count];
  *setting = (mixent_setting){0};
  ++*count;
  MIXENT_TRY(mixent_copy_text(key, &copy));
  setting->key = copy;
  MIXENT_TRY(mixent_copy_text(value, &copy));
  setting->value = copy;
  return MIXENT_OK;
}

/* A list of names becomes "w1 w2". */
static mixent_status add_list(const mixent_yaml *node, const char *key, mixent_setting **settings,
                              size_t *count) {
  mixent_text words = {0};
  mixent_text_append(&words, "%s", "");
  for (size_t i = 0; i < node->count; i++)
    mixent_text_append(&words, "%s%s", i ? " " : "", node->children[i].text);
  mixent_status status = mixent_text_status(&words);
  if (status == MIXENT_OK) status = add_setting(key, words.data, settings, count);
  mixent_text_free(&words);
  return status;
}

/* {loss: {name: ce}} becomes loss.name=ce. The recipe has taken the mapping, so that its form is right. */
static mixent_status flatten(const mixent_yaml *mapping, const char *prefix, mixent_setting **settings,
                             size_t *count) {
  for (size_t i = 0; i < mapping->count; i++) {
    const mixent_yaml *child = &mapping->children[i];
    char key[256];
    snprintf(key, sizeof key, "%s%s%s", prefix, child->key, child->kind == MIXENT_YAML_MAPPING ? "." : "");
    mixent_status status = child->kind == MIXENT_YAML_MAPPING ? flatten(child, key, settings, count)
                           : child->kind == MIXENT_YAML_SEQUENCE
                               ? add_list(child, key, settings, count)
                               : add_setting(key, child->text, settings, count);
    MIXENT_TRY(status);
  }
  return MIXENT_OK;
}

/* Section `set` or a variant. */
static mixent_status read_settings(const mixent_yaml *node, bool variant, bool data_listed,
                                   mixent_setting **settings, size_t *count) {
  mixent_recipe scratch = {0};
  if (node->kind == MIXENT_YAML_SCALAR && !*node->text) return MIXENT_OK; /* "ce:" changes nothing */
  if (node->kind != MIXENT_YAML_MAPPING)
    return mixent_yaml_fail(node, "%s: expected options of a recipe, as {loss: {name: ce}}", node->key);
  for (size_t i = 0; i < node->count; i++) {
    const char *why = reserved(node->children[i].key, variant, data_listed);
    if (why) return mixent_yaml_fail(&node->children[i], "%s: %s", node->children[i].key, why);
  }
  MIXENT_TRY(mixent_recipe_apply(node, "", &scratch));
  return flatten(node, "", settings, count);
}

static mixent_status read_variants(const mixent_yaml *node, bool data_listed, mixent_study *study) {
  if (node->kind != MIXENT_YAML_MAPPING || !node->count)
    return mixent_yaml_fail(node,
                            "variants: expected names with options of a recipe, as 'ce: {loss: {name: ce}}'");
  MIXENT_TRY(check_count(node, "variants"));
  MIXENT_TRY(MIXENT_ALLOCATE(node->count + 1, &study->variant_names)); /* NULL-terminated */
  MIXENT_TRY(MIXENT_ALLOCATE(node->count, &study->variants));
  for (size_t i = 0; i < node->count; i++) {
    const mixent_yaml *child = &node->children[i];
    MIXENT_TRY(check_name(child, "a variant", child->key));
    MIXENT_TRY(copy(child->key, &study->variant_names[i]));
    study->variant_count++;
    mixent_study_variant *variant = &study->variants[i];
    MIXENT_TRY(read_settings(child, true, data_listed, &variant->settings, &variant->setting_count));
  }
  return MIXENT_OK;
}

static mixent_status read_baseline(const mixent_yaml *node, mixent_study *study) {
  if (!node) return MIXENT_OK; /* the first */
  char **names = study->variant_names;
  for (study->baseline = 0; study->baseline < study->variant_count; study->baseline++)
    if (node->kind == MIXENT_YAML_SCALAR && strcmp(names[study->baseline], node->text) == 0) return MIXENT_OK;
  if (node->kind != MIXENT_YAML_SCALAR) return mixent_yaml_fail(node, "baseline: expected a variant's name");
  const char *near = mixent_nearest_name(node->text, (const char *const *)names);
  if (near) return mixent_yaml_fail(node, "baseline: no variant '%s'; did you mean '%s'?", node->text, near);
  mixent_text all = {0};
  mixent_text_append_names(&all, (const char *const *)names);
  mixent_status status = mixent_text_status(&all);
  if (status == MIXENT_OK)
    status = mixent_yaml_fail(node, "baseline: no variant '%s'; there is %s", node->text, all.data);
  mixent_text_free(&all);
  return status;
}

static mixent_status read_data(const mixent_yaml *node, mixent_study *study) {
  const mixent_yaml *items = node->kind == MIXENT_YAML_SEQUENCE ? node->children : node;
  size_t count = node->kind == MIXENT_YAML_SEQUENCE ? node->count : 1;
  if (!count) return mixent_yaml_fail(node, "data: expected names or directories of data sets");
  const char **texts;
  MIXENT_TRY(check_count(node, "data"));
  MIXENT_TRY(MIXENT_ALLOCATE(count, &texts));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < count && status == MIXENT_OK; i++) {
    texts[i] = items[i].text;
    if (items[i].kind != MIXENT_YAML_SCALAR || !*items[i].text || strlen(items[i].text) >= MIXENT_RECIPE_TEXT)
      status = mixent_yaml_fail(&items[i], "data: expected a data set's name or directory");
  }
  if (status == MIXENT_OK && (status = mixent_study_take_data(study, texts, count)) != MIXENT_OK)
    status = fail_at(&items[study->data_count ? study->data_count - 1 : 0],
                     status); /* the last one taken is wrong */
  free(texts);
  return status;
}

static mixent_status check_size(const mixent_yaml *root, const mixent_study *study) {
  mixent_status status = mixent_study_check_size(study);
  const mixent_yaml *seeds = mixent_yaml_find(root, "seeds");
  return status == MIXENT_OK ? status : fail_at(seeds ? seeds : mixent_yaml_find(root, "vary"), status);
}

/* The file's own keys. */
static mixent_status read_tree(const mixent_yaml *root, mixent_study *study) {
  static const char *const keys[] = {"name", "about", "recipe",   "seeds",      "vary",     "tuned",
                                     "set",  "data",  "baseline", "difference", "variants", NULL};
  if (root->kind != MIXENT_YAML_MAPPING) return mixent_yaml_fail(root, "no study: it begins with no 'name:'");
  MIXENT_TRY(mixent_yaml_check_keys(root, keys));
  const mixent_yaml *about = mixent_yaml_find(root, "about"), *set = mixent_yaml_find(root, "set"),
                    *data = mixent_yaml_find(root, "data"), *vary = mixent_yaml_find(root, "vary"),
                    *tuned = mixent_yaml_find(root, "tuned"),
                    *difference = mixent_yaml_find(root, "difference");
  static const char *const needed[] = {"name", "recipe", "seeds", "variants"};
  const mixent_yaml *node[4];
  if (vary) MIXENT_TRY(mixent_study_vary_read(vary, &study->vary));
  if (tuned) MIXENT_TRY(mixent_study_tuned_read(tuned, study));
  for (size_t i = 0; i < 4; i++)
    if (!(node[i] = mixent_yaml_find(root, needed[i])) && !(i == 2 && study->vary.crossed))
      return mixent_yaml_fail(root, "'%s' is missing", needed[i]);
  if (node[2] && study->vary.crossed)
    return mixent_yaml_fail(node[2],
                            "seeds: 'vary' gives levels, which name the runs; leave one of the two out");
  MIXENT_TRY(read_text(node[0], &study->name));
  MIXENT_TRY(check_name(node[0], "a study", study->name));
  MIXENT_TRY(about ? read_text(about, &study->about) : copy("", &study->about));
  MIXENT_TRY(read_text(node[1], &study->recipe));
  MIXENT_TRY(node[2] ? read_seeds(node[2], study) : mixent_study_vary_seeds(study));
  if (set) MIXENT_TRY(read_settings(set, false, data != NULL, &study->settings, &study->setting_count));
  if (data) MIXENT_TRY(read_data(data, study));
  MIXENT_TRY(read_variants(node[3], data != NULL, study));
  MIXENT_TRY(read_baseline(mixent_yaml_find(root, "baseline"), study));
  MIXENT_TRY(check_size(root, study));
  study->difference = 0.1;
  if (difference) MIXENT_TRY(mixent_yaml_number(difference, 1e-9, 100, &study->difference));
  return MIXENT_OK;
}

static mixent_status read_recipe(const mixent_yaml *node, const char *recipe_text, mixent_study *study) {
  mixent_recipe recipe;
  mixent_recipe_source source;
  if (recipe_text) return copy(recipe_text, &study->recipe_text);
  mixent_status status = mixent_recipe_find(study->recipe, &source);
  if (status != MIXENT_OK) return fail_at(node, status);
  study->recipe_text = source.text;
  status = mixent_recipe_parse(source.text, source.origin, source.name, NULL, 0, &recipe);
  return status == MIXENT_OK ? status : fail_at(node, status);
}

/* A study that is new must not set what has no effect: a variant's own options count for its loss, shared ones for one
 * variant at least. */
static mixent_status check_uses(const mixent_yaml *root, const mixent_study *study) {
  const mixent_yaml *variants = mixent_yaml_find(root, "variants"), *set = mixent_yaml_find(root, "set"),
                    *vary = mixent_yaml_find(root, "vary");
  mixent_recipe recipe;
  if (vary) MIXENT_TRY(mixent_study_vary_check(vary, study));
  for (size_t v = 0; v < study->variant_count; v++) {
    const mixent_study_variant *variant = &study->variants[v];
    mixent_status status = mixent_study_check_run(study, (mixent_study_cell){.variant = v}, &recipe);
    if (status == MIXENT_OK)
      status = mixent_settings_check_use(variant->settings, variant->setting_count, &recipe);
    if (status != MIXENT_OK)
      return mixent_yaml_fail(&variants->children[v], "%s: %s", study->variant_names[v], mixent_last_error());
  }
  for (size_t i = 0; i < study->setting_count; i++) {
    bool used = false;
    for (size_t v = 0; v < study->variant_count && !used; v++) {
      MIXENT_TRY(mixent_study_check_run(study, (mixent_study_cell){.variant = v}, &recipe));
      used = mixent_settings_check_use(&study->settings[i], 1, &recipe) == MIXENT_OK;
    }
    if (!used) return mixent_yaml_fail(set, "set: no variant uses it: %s", mixent_last_error());
  }
  return MIXENT_OK;
}

/* The recipe of every run but for its seed. */
static mixent_status check_runs(const mixent_yaml *root, mixent_study *study) {
  const mixent_yaml *variants = mixent_yaml_find(root, "variants");
  mixent_recipe recipe;
  for (size_t d = 0; d < study->data_count || d < 1; d++)
    for (size_t v = 0; v < study->variant_count; v++) {
      mixent_status status = mixent_study_recipe(study, (mixent_study_cell){d, v, 0}, &recipe);
      if (status != MIXENT_OK)
        return fail_at(&variants->children[v], mixent_fail_within(status, "%s", study->variant_names[v]));
    }
  if (study->data_count) return MIXENT_OK;
  const char *data = recipe.data;
  MIXENT_TRY(mixent_study_take_data(study, &data, 1));
  study->data_listed = false;
  return check_size(root, study); /* the set counts only now */
}

mixent_status mixent_study_parse(const char *text, const char *origin, const char *recipe_text,
                                 mixent_study **out) {
  mixent_yaml *root;
  mixent_study *study;
  *out = NULL;
  MIXENT_TRY(mixent_yaml_parse(text, strlen(text), origin, &root));
  mixent_status status = MIXENT_ALLOCATE(1, &study);
  if (status == MIXENT_OK) {
    status = copy(text, &study->text);
    if (status == MIXENT_OK) status = read_tree(root, study);
    if (status == MIXENT_OK) status = read_recipe(mixent_yaml_find(root, "recipe"), recipe_text, study);
    if (status == MIXENT_OK) status = check_runs(root, study);
    if (status == MIXENT_OK && !recipe_text) status = check_uses(root, study);
  }
  mixent_yaml_free(root);
  if (status == MIXENT_OK)
    *out = study;
  else
    mixent_study_free(study);
  return status;
}

static mixent_status unknown_study(const char *name) {
  const char *near = mixent_nearest_name(name, mixent_study_names());
  if (near) return mixent_fail(MIXENT_ERROR_ARGUMENT, "unknown study '%s'; did you mean '%s'?", name, near);
  mixent_text all = {0};
  mixent_text_append_names(&all, mixent_study_names());
  mixent_status status = mixent_text_status(&all);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "unknown study '%s'; built in: %s (a file ends in .yaml)",
                         name, all.data ? all.data : "none");
  mixent_text_free(&all);
  return status;
}

mixent_status mixent_study_read(const char *name_or_file, mixent_study **out) {
  const char *end = strrchr(name_or_file, '.');
  *out = NULL;
  const mixent_embedded *study = find_builtin(name_or_file);
  if (study) {
    char origin[MIXENT_RECIPE_TEXT];
    snprintf(origin, sizeof origin, "study %s", name_or_file);
    return mixent_study_parse(study->text, origin, NULL, out);
  }
  if (!strchr(name_or_file, '/') && !(end && strcmp(end, ".yaml") == 0)) return unknown_study(name_or_file);
  char *text;
  size_t size;
  MIXENT_TRY(mixent_content_check_file(name_or_file, "a study (YAML)"));
  MIXENT_TRY(mixent_file_read(name_or_file, LARGEST, &text, &size));
  mixent_status status =
      strlen(text) == size
          ? mixent_study_parse(text, name_or_file, NULL, out)
          : mixent_fail(MIXENT_ERROR_FORMAT, "%s: holds zero bytes; it is no text", name_or_file);
  free(text);
  return status;
}
