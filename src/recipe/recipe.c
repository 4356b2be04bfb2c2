/* Resolving a recipe: defaults, the recipe's text, its section for the chosen loss, settings; and writing the
 * result. */
#include "recipe/recipe.h"
#include "core/content.h"
#include "core/embedded.h"
#include "core/file.h"
#include "core/unicode.h"
#include "core/yaml.h"
#include "optimize/optimizer.h"
#include "optimize/schedule.h"
#include "recipe/aliases.h"
#include "recipe/retired.h"
#include "recipe/use.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_recipe[] = "emnist-letters-short";

enum { MAX_RECIPES = 32, MAX_KEYS = 128 };
static const char *recipe_names[MAX_RECIPES + 1], *keys[MAX_KEYS + 1];
static pthread_once_t lists_once = PTHREAD_ONCE_INIT;

static void make_lists(void) {
  for (size_t i = 0; i < MAX_RECIPES && mixent_embedded_recipes[i].name; i++)
    recipe_names[i] = mixent_embedded_recipes[i].name;
  for (size_t i = 0; i < MAX_KEYS && mixent_options[i].key; i++) keys[i] = mixent_options[i].key;
}

const char *const *mixent_recipe_names(void) {
  pthread_once(&lists_once, make_lists);
  return recipe_names;
}

const char *mixent_recipe_text(const char *name) {
  for (const mixent_embedded *recipe = mixent_embedded_recipes; recipe->name; recipe++)
    if (strcmp(recipe->name, name) == 0) return recipe->text;
  return NULL;
}

/* "unknown option 'lr'; here it is 'optimizer.learning_rate'": what people type is looked up, else the nearest key named. */
static void say_unknown(const char *key, mixent_text *out) {
  pthread_once(&lists_once, make_lists);
  const mixent_typed_word *typed = mixent_typed_word_find(key);
  const char *nearest = typed ? NULL : mixent_nearest_key(key, keys);
  mixent_text_append(out, "unknown option '%s'; ", key);
  if (typed && typed->note)
    mixent_text_append(out, "%s", typed->note);
  else if (typed)
    mixent_text_append(out, "here it is '%s'", typed->key);
  else if (nearest)
    mixent_text_append(out, "did you mean '%s'?", nearest);
  else
    mixent_text_append(out, "'mixent help recipe' lists them");
}

/* Whether options stand in a section of that name. */
static bool is_section(const char *path) {
  size_t length = strlen(path);
  for (const mixent_option *option = mixent_options; option->key; option++)
    if (strncmp(option->key, path, length) == 0 && option->key[length] == '.') return true;
  return mixent_retired_is_section(path);
}

/* An option's value: a scalar; of an option that takes several names also a list of them. */
static mixent_status apply_value(const mixent_yaml *node, const mixent_option *option, const char *path,
                                 mixent_recipe *recipe) {
  bool list = option->type == MIXENT_OPTION_NAMES && node->kind == MIXENT_YAML_SEQUENCE;
  if (!list && node->kind != MIXENT_YAML_SCALAR)
    return mixent_yaml_fail(node, "%s: expected a single value", path);
  mixent_text names = {0};
  mixent_text_append(&names, "%s", list ? "" : node->text);
  for (size_t i = 0; i < node->count; i++) {
    if (node->children[i].kind != MIXENT_YAML_SCALAR) {
      mixent_text_free(&names);
      return mixent_yaml_fail(&node->children[i], "%s: expected a list of names", path);
    }
    mixent_text_append(&names, "%s ", node->children[i].text);
  }
  mixent_status status = mixent_text_status(&names);
  if (status == MIXENT_OK && mixent_option_set(option, names.data, recipe) != MIXENT_OK)
    status = mixent_yaml_fail(node, "%s", mixent_last_error());
  mixent_text_free(&names);
  return status;
}

mixent_status mixent_recipe_apply(const mixent_yaml *mapping, const char *prefix, mixent_recipe *recipe) {
  for (size_t i = 0; i < mapping->count; i++) {
    const mixent_yaml *child = &mapping->children[i];
    char path[128];
    if (snprintf(path, sizeof path, "%s%s", prefix, child->key) >= (int)sizeof path)
      return mixent_yaml_fail(child, "unknown option, and longer than any");
    if (!*prefix && strcmp(path, "losses") == 0) continue; /* read once the loss is known */
    if (child->kind == MIXENT_YAML_SCALAR && mixent_retired_take(path, child->text, recipe)) continue;
    const mixent_option *option = mixent_option_find(path);
    bool value = child->kind != MIXENT_YAML_MAPPING;
    if (!option && (!is_section(path) || (value && mixent_typed_word_find(path)))) { /* `optimizer: adam` */
      mixent_text message = {0};
      say_unknown(path, &message);
      mixent_status status = mixent_text_status(&message);
      if (status == MIXENT_OK) status = mixent_yaml_fail(child, "%s", message.data);
      mixent_text_free(&message);
      return status;
    }
    if (!option && value)
      return mixent_yaml_fail(child, "%s: expected a section of options, as '%s: {name: value}'", path, path);
    if (option) {
      MIXENT_TRY(apply_value(child, option, path, recipe));
    } else {
      strcat(path, "."); /* shorter than any key, for is_section found one */
      MIXENT_TRY(mixent_recipe_apply(child, path, recipe));
    }
  }
  return MIXENT_OK;
}

static long find_loss(const char *name) {
  long kind = 0;
  while (strcmp(mixent_loss_names[kind], name) != 0) kind++; /* it is among them: mixent_yaml_check_keys */
  return kind;
}

/* Section `losses`: a mapping per loss of options of the section `loss`. All are read, so that a typo in any
 * is found; those of the chosen loss stay. */
static mixent_status apply_losses(const mixent_yaml *losses, bool strict, mixent_recipe *recipe) {
  if (!losses) return MIXENT_OK;
  if (losses->kind != MIXENT_YAML_MAPPING)
    return mixent_yaml_fail(losses, "losses: expected a section per loss");
  MIXENT_TRY(mixent_yaml_check_keys(losses, mixent_loss_names));
  for (size_t i = 0; i < losses->count; i++) {
    const mixent_yaml *loss = &losses->children[i];
    if (loss->kind != MIXENT_YAML_MAPPING)
      return mixent_yaml_fail(loss, "%s: expected options of the section 'loss'", loss->key);
    if (mixent_yaml_find(loss, "name"))
      return mixent_yaml_fail(loss, "%s: its name cannot be changed here", loss->key);
    mixent_recipe other = *recipe;
    other.loss_kind = find_loss(loss->key);
    MIXENT_TRY(mixent_recipe_apply(loss, "loss.", &other));
    if (strict) MIXENT_TRY(mixent_recipe_check_use(loss, "loss.", &other, &other));
    if (other.loss_kind == recipe->loss_kind) *recipe = other;
  }
  return MIXENT_OK;
}

static mixent_status apply_setting(const mixent_setting *setting, mixent_recipe *recipe) {
  if (mixent_retired_take(setting->key, setting->value, recipe)) return MIXENT_OK;
  const mixent_option *option = mixent_option_find(setting->key);
  if (option) return mixent_option_set(option, setting->value, recipe);
  mixent_text message = {0};
  say_unknown(setting->key, &message);
  mixent_status status = mixent_text_status(&message);
  if (status == MIXENT_OK) status = mixent_fail(MIXENT_ERROR_ARGUMENT, "%s", message.data);
  mixent_text_free(&message);
  return status;
}

static mixent_status apply_settings(const mixent_setting *settings, size_t count, mixent_recipe *recipe) {
  mixent_recipe own = *recipe;
  for (size_t i = 0; i < count; i++) {
    MIXENT_TRY(apply_setting(&settings[i], recipe));
    /* who names a data set wants that one and no other */
    if (strcmp(settings[i].key, "data") == 0) recipe->data_alternative[0] = 0;
  }
  recipe->other_data = strcmp(own.data, recipe->data) != 0;
  recipe->other_net = strcmp(own.net, recipe->net) != 0;
  return MIXENT_OK;
}

/* Which loss it will be, and its own weights and options for all that the recipe does not say. */
static mixent_status choose_loss(const mixent_yaml *root, const mixent_setting *settings, size_t count,
                                 mixent_recipe *recipe) {
  mixent_recipe said = *recipe;
  MIXENT_TRY(mixent_recipe_apply(root, "", &said));
  recipe->loss_kind = said.loss_kind;
  for (size_t i = 0; i < count; i++)
    if (strcmp(settings[i].key, "loss.name") == 0) MIXENT_TRY(apply_setting(&settings[i], recipe));
  mixent_recipe_take_loss(recipe);
  for (int k = 0; k < MIXENT_LOSS_PARTS; k++) recipe->w[k] = NAN; /* until fill_weights */
  return MIXENT_OK;
}

/* The loss's own weights where nothing has set one. */
static void fill_weights(mixent_recipe *recipe) {
  const mixent_loss_options loss = mixent_loss_defaults((mixent_loss_kind)recipe->loss_kind);
  for (int k = 0; k < MIXENT_LOSS_PARTS; k++) {
    recipe->unsaid_w[k] = isnan(recipe->w[k]);
    if (recipe->unsaid_w[k]) recipe->w[k] = loss.w[k];
  }
}

/* Without a look at what several options say together. */
static mixent_status apply_tree(const mixent_yaml *root, const mixent_setting *settings, size_t count,
                                bool strict, mixent_recipe *recipe) {
  if (root->kind != MIXENT_YAML_MAPPING) return mixent_yaml_fail(root, "expected options, as 'epochs: 4'");
  MIXENT_TRY(choose_loss(root, settings, count, recipe));
  long chosen = recipe->loss_kind;
  MIXENT_TRY(mixent_recipe_apply(root, "", recipe));
  recipe->loss_kind = chosen; /* a setting has the last word, and decides which section of `losses` counts */
  MIXENT_TRY(apply_losses(mixent_yaml_find(root, "losses"), strict, recipe));
  MIXENT_TRY(apply_settings(settings, count, recipe));
  fill_weights(recipe);
  return MIXENT_OK;
}

/* The options of file and settings must have an effect; those of a loss that the file names and a setting replaces go. */
static mixent_status check_uses(const mixent_yaml *root, const mixent_recipe *start,
                                const mixent_setting *settings, size_t count, mixent_recipe *recipe) {
  mixent_recipe alone = *start;
  MIXENT_TRY(apply_tree(root, NULL, 0, false, &alone));
  MIXENT_TRY(mixent_recipe_check_use(root, "", &alone, recipe));
  MIXENT_TRY(mixent_settings_check_use(settings, count, recipe));
  return mixent_recipe_drop_foreign(recipe);
}

static mixent_status parse(const char *text, const char *origin, const char *name,
                           const mixent_setting *settings, size_t count, bool strict, mixent_recipe *out) {
  mixent_recipe start = {0};
  for (const mixent_option *option = mixent_options; option->key; option++)
    MIXENT_TRY(mixent_option_set(option, option->fallback, &start));
  snprintf(start.name, sizeof start.name, "%s", name);
  *out = start;
  mixent_yaml *root;
  MIXENT_TRY(mixent_yaml_parse(text, strlen(text), origin, &root));
  mixent_status status = apply_tree(root, settings, count, strict, out);
  if (status == MIXENT_OK && strict) status = mixent_retired_refuse(out);
  if (status == MIXENT_OK && strict) status = check_uses(root, &start, settings, count, out);
  if (status == MIXENT_OK) status = mixent_recipe_check(out);
  mixent_yaml_free(root);
  return status;
}

mixent_status mixent_recipe_parse(const char *text, const char *origin, const char *name,
                                  const mixent_setting *settings, size_t setting_count, mixent_recipe *out) {
  return parse(text, origin, name, settings, setting_count, false, out);
}

mixent_status mixent_recipe_parse_new(const char *text, const char *origin, const char *name,
                                      const mixent_setting *settings, size_t setting_count,
                                      mixent_recipe *out) {
  return parse(text, origin, name, settings, setting_count, true, out);
}

void mixent_recipe_name_file(const char *path, char name[MIXENT_RECIPE_TEXT]) {
  const char *slash = strrchr(path, '/');
  snprintf(name, MIXENT_RECIPE_TEXT, "%s", slash ? slash + 1 : path);
  char *dot = strrchr(name, '.');
  if (dot && dot != name) *dot = 0;
}

static mixent_status unknown_recipe(const char *name) {
  const char *nearest = mixent_nearest_name(name, mixent_recipe_names());
  if (nearest)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "unknown recipe '%s'; did you mean '%s'?", name, nearest);
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "unknown recipe '%s'; 'mixent help recipe' lists them (a file ends in .yaml)", name);
}

mixent_status mixent_recipe_find(const char *name_or_file, mixent_recipe_source *out) {
  enum { LARGEST = 1 << 20 };
  const char *text = mixent_recipe_text(name_or_file), *end = strrchr(name_or_file, '.');
  size_t size;
  *out = (mixent_recipe_source){0};
  if (text) {
    snprintf(out->origin, sizeof out->origin, "recipe %s", name_or_file);
    snprintf(out->name, sizeof out->name, "%s", name_or_file);
    return mixent_copy_text(text, &out->text);
  }
  if (!strchr(name_or_file, '/') && !(end && strcmp(end, ".yaml") == 0)) return unknown_recipe(name_or_file);
  snprintf(out->origin, sizeof out->origin, "%s", name_or_file);
  mixent_recipe_name_file(name_or_file, out->name);
  MIXENT_TRY(mixent_content_check_file(name_or_file, "a recipe (YAML)"));
  MIXENT_TRY(mixent_file_read(name_or_file, LARGEST, &out->text, &size));
  if (strlen(out->text) == size) return MIXENT_OK;
  free(out->text);
  out->text = NULL;
  return mixent_fail(MIXENT_ERROR_FORMAT, "%s: holds zero bytes; it is no text", name_or_file);
}

mixent_status mixent_recipe_compose(const char *name_or_file, const mixent_setting *settings,
                                    size_t setting_count, mixent_recipe *out) {
  mixent_recipe_source source;
  MIXENT_TRY(mixent_recipe_find(name_or_file ? name_or_file : default_recipe, &source));
  mixent_status status =
      mixent_recipe_parse_new(source.text, source.origin, source.name, settings, setting_count, out);
  free(source.text);
  return status;
}

mixent_status mixent_recipe_load(const char *path, mixent_recipe *out) {
  mixent_recipe_source source;
  MIXENT_TRY(mixent_recipe_find(path, &source));
  mixent_status status = mixent_recipe_parse(source.text, source.origin, source.name, NULL, 0, out);
  free(source.text);
  if (status != MIXENT_ERROR_FORMAT) return status;
  return mixent_fail(
      status, "%s; put the file back as it was, or update mixent if a later version wrote it (this is %s)",
      mixent_last_error(), mixent_version());
}

/* recipe.yaml is UTF-8: a path in another encoding would make it unreadable, and the run with it. */
static mixent_status check_texts(const mixent_recipe *recipe) {
  for (const mixent_option *option = mixent_options; option->key; option++) {
    const char *text = (const char *)recipe + option->offset;
    if (option->type == MIXENT_OPTION_TEXT && !mixent_is_utf8(text))
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s: expected UTF-8, got '%s'; rename the file or directory, or go by another path",
                         option->key, text);
  }
  return MIXENT_OK;
}

mixent_status mixent_recipe_check(const mixent_recipe *recipe) {
  MIXENT_TRY(check_texts(recipe));
  if (!*recipe->data)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "data: empty; give a data set's name or directory");
  if (!*recipe->net) return mixent_fail(MIXENT_ERROR_ARGUMENT, "net: empty; give a network's name or file");
  if (!*recipe->name || strchr(recipe->name, '/'))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "name: '%s' cannot name a directory", recipe->name);
  if (recipe->side > 0 && recipe->side < MIXENT_LEAST_SIDE)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "side: expected 0 or %d to %d, got %ld", MIXENT_LEAST_SIDE,
                       MIXENT_MOST_SIDE, recipe->side);
  if (recipe->dropout < 0 && recipe->dropout != -1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "dropout: %g is below 0 (only -1 has a meaning there)",
                       recipe->dropout);
  if (recipe->warmup < 0 && recipe->warmup != -1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "schedule.warmup: %g is below 0 (only -1 has a meaning there)",
                       recipe->warmup);
  bool sgd = strcmp(mixent_optimizer_names[recipe->optimizer], "sgd") == 0;
  if (sgd && recipe->nesterov && recipe->momentum == 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "optimizer.nesterov: needs a momentum above 0; set optimizer.momentum or turn it off");
  if (mixent_schedule_types[recipe->schedule]->epoch_end && !mixent_recipe_holds_out(recipe) &&
      recipe->select != MIXENT_SELECT_TEST)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "schedule.name: %s looks at the validation part, and validation.fraction is 0",
                       mixent_schedule_names[recipe->schedule]);
  if (recipe->epochs % recipe->members != 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "members: expected a number that divides the %ld epochs, got %ld", recipe->epochs,
                       recipe->members);
  if (recipe->batch % recipe->replicas != 0)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "replicas: expected a number that divides the batch of %ld, got %ld; batch=%ld would do",
        recipe->batch, recipe->replicas, (recipe->batch / recipe->replicas + 1) * recipe->replicas);
  if (recipe->batch / recipe->replicas < 2)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "replicas: a batch of %ld leaves each of %ld one row, and batch statistics need 2",
                       recipe->batch, recipe->replicas);
  if (recipe->members > 1 && *recipe->init_from)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "members: all would begin with the weights that init_from names; leave it out");
  if (recipe->validation_folds == 1 ||
      (recipe->validation_folds && recipe->validation_fold >= recipe->validation_folds))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "validation.fold: expected one of 2 folds or more, from 0, got fold %ld of %ld",
                       recipe->validation_fold, recipe->validation_folds);
  if (recipe->validation_folds && mixent_recipe_looks_ahead(recipe))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "validation.folds: style hypergradient holds images out of its own; leave it out, or choose "
        "another loss.style");
  if (recipe->sampling == MIXENT_SAMPLING_BALANCED && recipe->prune_fraction > 0)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "sampling: balanced draws each class equally often, prune.fraction hard images more often; "
        "leave one of them out");
  if (recipe->distill_members >= recipe->members && recipe->distill_members > 0)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "distill.members: expected fewer than the run's members (members=%ld), got %ld",
                       recipe->members, recipe->distill_members);
  if (recipe->distill_members > 0 && *recipe->teacher)
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "distill.members: distill.teacher names the teachers already; leave one of them out");
  if (recipe->progressive_side > 0 && (*recipe->teacher || recipe->distill_members > 0) &&
      recipe->distill_augmented)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "progressive.side: teachers read images of their own size; leave out distill.augmented");
  const char *aside = recipe->clip_norm > 0          ? "optimizer.clip_norm"
                      : recipe->progressive_side > 0 ? "progressive.side"
                                                     : NULL;
  if (aside && mixent_recipe_looks_ahead(recipe))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "%s: style hypergradient differentiates a step without it; leave it out, or choose "
                       "another loss.style",
                       aside);
  mixent_loss_options loss = mixent_recipe_loss(recipe);
  return mixent_loss_check(&loss);
}
