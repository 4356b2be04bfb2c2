/* What help and man page say of recipes: the built-in ones, and the options by groups, or those that a word names. */
#include "core/layout.h"
#include "optimize/optimizer.h"
#include "optimize/schedule.h"
#include "recipe/aliases.h"
#include "recipe/use.h"

#include <string.h>

const char *const mixent_group_names[MIXENT_GROUPS + 1] = {
    [MIXENT_GROUP_RUN] = "run",           [MIXENT_GROUP_DATA] = "data",
    [MIXENT_GROUP_PICTURES] = "pictures", [MIXENT_GROUP_TABLES] = "tables",
    [MIXENT_GROUP_NETWORK] = "network",   [MIXENT_GROUP_VALIDATION] = "validation",
    [MIXENT_GROUP_LOSS] = "loss",         [MIXENT_GROUP_OPTIMIZER] = "optimizer",
    [MIXENT_GROUP_SCHEDULE] = "schedule", [MIXENT_GROUP_EMA] = "ema",
    [MIXENT_GROUP_AUGMENT] = "augment"};

const char *const mixent_group_titles[MIXENT_GROUPS] = {
    [MIXENT_GROUP_RUN] = "The run",
    [MIXENT_GROUP_DATA] = "Data and labels",
    [MIXENT_GROUP_PICTURES] = "Data that are picture files",
    [MIXENT_GROUP_TABLES] = "Data that are a table",
    [MIXENT_GROUP_NETWORK] = "The network and how it is computed",
    [MIXENT_GROUP_VALIDATION] = "Validation, and the choice of the epoch",
    [MIXENT_GROUP_LOSS] = "The loss",
    [MIXENT_GROUP_OPTIMIZER] = "The optimiser",
    [MIXENT_GROUP_SCHEDULE] = "The schedule of the learning rate",
    [MIXENT_GROUP_EMA] = "The moving average of the weights",
    [MIXENT_GROUP_AUGMENT] = "Augmentation of the training images"};

const char mixent_recipe_explanation[] =
    "A recipe of your own is a YAML file of options; what it leaves out has its default. Sections nest:\n"
    "  optimizer: {name: adam, learning_rate: 0.005}\n"
    "The section 'losses' changes options of 'loss' when that loss is chosen:\n"
    "  losses: {label-smoothing: {smoothing: 0.2}}\n"
    "On the command line:\n"
    "  mixent train --recipe FILE optimizer.learning_rate=0.005\n";

static void describe_values(const mixent_option *option, mixent_text *out) {
  switch (option->type) {
  case MIXENT_OPTION_TEXT: mixent_text_append(out, "text"); break;
  case MIXENT_OPTION_YES_NO: mixent_text_append(out, "true or false"); break;
  case MIXENT_OPTION_NAMES: mixent_text_append(out, "none, or some of "); /* fall through */
  case MIXENT_OPTION_CHOICE:
    for (size_t i = 0; option->choices[i]; i++)
      mixent_text_append(out, "%s%s",
                         !i                                    ? ""
                         : option->type == MIXENT_OPTION_NAMES ? " "
                                                               : " | ",
                         option->choices[i]);
    break;
  default: mixent_text_append(out, "%.10g to %.10g", option->low, option->high);
  }
}

/* "; default 1; min-ent: 0.1; mix-ent: 0.1": the option's default, and which losses have another of their own. */
static void describe_default(const mixent_option *option, mixent_text *out) {
  if (!*option->fallback) return;
  mixent_text_append(out, "; default %s", option->fallback);
  if (option->type != MIXENT_OPTION_NUMBER) return;
  for (int kind = 0; kind < MIXENT_LOSSES; kind++) {
    mixent_recipe own = {.loss_kind = kind};
    mixent_text usual = {0}, value = {0};
    if (mixent_option_set(option, option->fallback, &own) != MIXENT_OK) break;
    mixent_option_write(option, &own, &usual);
    mixent_recipe_take_loss(&own);
    mixent_option_write(option, &own, &value);
    if (mixent_text_status(&usual) == MIXENT_OK && mixent_text_status(&value) == MIXENT_OK &&
        mixent_option_use_in(option, &own, NULL) == MIXENT_OPTION_USED && strcmp(usual.data, value.data) != 0)
      mixent_text_append(out, "; %s: %s", mixent_loss_names[kind], value.data);
    mixent_text_free(&usual);
    mixent_text_free(&value);
  }
}

/* What each choice does, a line for each, of options whose registry says so. */
static void describe_choices(const mixent_option *option, mixent_text *out) {
  for (size_t i = 0; option->choices && option->choices[i]; i++) {
    const char *summary = option->choices == mixent_schedule_names    ? mixent_schedule_types[i]->summary
                          : option->choices == mixent_optimizer_names ? mixent_optimizer_types[i]->summary
                                                                      : NULL;
    if (summary) mixent_text_append(out, "\n%s: %s", option->choices[i], summary);
  }
}

void mixent_option_values_append(const mixent_option *option, mixent_text *out) {
  describe_values(option, out);
  describe_default(option, out);
  describe_choices(option, out);
}

/* The options of which `is_named` is true, under the titles of their groups; returns how many. */
static int append_options(bool is_named(const mixent_option *option, const char *word), const char *word,
                          mixent_text *out) {
  int count = 0;
  for (int group = 0; group < MIXENT_GROUPS; group++) {
    bool titled = false;
    for (const mixent_option *option = mixent_options; option->key; option++) {
      if ((int)option->group != group || (is_named && !is_named(option, word))) continue;
      if (!titled)
        mixent_text_append(out, "%s%s (%s)\n", out->length ? "\n" : "", mixent_group_titles[group],
                           mixent_group_names[group]);
      titled = true;
      count++;
      mixent_text values = {0};
      mixent_option_values_append(option, &values);
      out->failed |= values.failed;
      mixent_text_append(out, "  %s\n      ", option->key);
      mixent_wrapped_append(out, 6, 6, option->help);
      mixent_text_append(out, "      ");
      mixent_wrapped_append(out, 6, 6, values.failed ? "" : values.data);
      mixent_text_free(&values);
    }
  }
  return count;
}

int mixent_recipe_summary(const char *name, const char **out) {
  const char *text = mixent_recipe_text(name);
  *out = text + strspn(text, "# ");
  return (int)strcspn(*out, "\n");
}

static void append_all(mixent_text *out) {
  mixent_text_append(out, "Built-in recipes (mixent train --recipe NAME):\n");
  for (const char *const *name = mixent_recipe_names(); *name; name++) {
    mixent_text summary = {0};
    const char *line;
    int length = mixent_recipe_summary(*name, &line);
    mixent_text_append(&summary, "%.*s", length, line);
    mixent_text_append(out, "  %-21s ", *name);
    mixent_wrapped_append(out, 24, 24, summary.data ? summary.data : "");
    out->failed |= summary.failed;
    mixent_text_free(&summary);
  }
  mixent_text_append(out, "\n%s", mixent_recipe_explanation);
  append_options(NULL, NULL, out);
}

static bool is_of_group(const mixent_option *option, const char *word) {
  return strcmp(mixent_group_names[option->group], word) == 0;
}

static bool is_key(const mixent_option *option, const char *word) {
  return strcmp(option->key, word) == 0;
}

static bool is_choice(const mixent_option *option, const char *word) {
  for (size_t i = 0; option->choices && option->choices[i]; i++)
    if (strcmp(option->choices[i], word) == 0) return true;
  return false;
}

static bool is_within(const mixent_option *option, const char *word) {
  return strstr(option->key, word) != NULL;
}

static mixent_status fail_unknown(const char *word) {
  enum { MOST = 256 };
  const char *names[MOST + 1];
  size_t count = 0;
  for (int group = 0; group < MIXENT_GROUPS; group++) names[count++] = mixent_group_names[group];
  for (const mixent_option *option = mixent_options; option->key && count < MOST; option++)
    names[count++] = option->key;
  names[count] = NULL;
  const char *nearest = mixent_nearest_key(word, names);
  if (nearest)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "help recipe: nothing is called '%s'; did you mean '%s'?", word,
                       nearest);
  mixent_text groups = {0};
  mixent_text_append_names(&groups, mixent_group_names);
  mixent_status status = mixent_text_status(&groups);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "help recipe: nothing is called '%s'; the groups are %s",
                         word, groups.data);
  mixent_text_free(&groups);
  return status;
}

mixent_status mixent_recipe_help(const char *word, mixent_text *out) {
  if (!word) {
    append_all(out);
    return mixent_text_status(out);
  }
  if (!*word) return fail_unknown(word);
  int count = append_options(is_of_group, word, out);
  if (!count) count = append_options(mixent_option_find(word) ? is_key : is_within, word, out);
  const mixent_typed_word *typed = count ? NULL : mixent_typed_word_find(word);
  if (typed && typed->note) mixent_text_append(out, "'%s': %s\n", word, typed->note);
  if (typed && typed->key) append_options(is_key, typed->key, out);
  if (!count && !typed) count = append_options(is_choice, word, out);
  if (!count && !typed) return fail_unknown(word);
  return mixent_text_status(out);
}
