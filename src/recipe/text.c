/* A recipe as text: recipe.yaml, the help page, the name of its run. */
#include "recipe/recipe.h"
#include "recipe/use.h"

#include "data/find.h"
#include "data/formats/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a built-in recipe's comment. */
static int first_comment(const char *text, const char **out) {
  *out = text + strspn(text, "# ");
  return (int)strcspn(*out, "\n");
}

void mixent_recipe_write(const mixent_recipe *recipe, bool places, mixent_text *out) {
  const char *section = "";
  size_t section_length = 0;
  for (const mixent_option *option = mixent_options; option->key; option++) {
    if (option->place && !places) continue;
    const char *dot = strchr(option->key, '.');
    size_t length = dot ? (size_t)(dot - option->key) : 0;
    if (dot && (length != section_length || strncmp(option->key, section, length) != 0))
      mixent_text_append(out, "%.*s:\n", (int)length, option->key);
    section = option->key, section_length = length;
    mixent_text_append(out, "%s%s: ", dot ? "  " : "", dot ? dot + 1 : option->key);
    mixent_option_write(option, recipe, out);
    mixent_text_append(out, "\n");
  }
}

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

char *mixent_recipe_help(void) {
  mixent_text text = {0};
  mixent_text_append(&text, "Built-in recipes (mixent train --recipe NAME):\n");
  for (const char *const *name = mixent_recipe_names(); *name; name++) {
    const char *comment;
    int length = first_comment(mixent_recipe_text(*name), &comment);
    mixent_text_append(&text, "  %-21s %.*s\n", *name, length, comment);
  }
  mixent_text_append(
      &text,
      "\nA recipe of your own is a YAML file of options; what it leaves out has its default. Sections nest:\n"
      "  optimizer: {name: adam, learning_rate: 0.005}\n"
      "The section `losses` changes options of `loss` when that loss is chosen:\n"
      "  losses: {label-smoothing: {smoothing: 0.2}}\n"
      "On the command line: --set optimizer.learning_rate=0.005\n\nOptions:\n");
  for (const mixent_option *option = mixent_options; option->key; option++) {
    mixent_text_append(&text, "  %s\n      %s\n      ", option->key, option->help);
    describe_values(option, &text);
    describe_default(option, &text);
    mixent_text_append(&text, "\n");
  }
  if (mixent_text_status(&text) == MIXENT_OK) return text.data;
  mixent_text_free(&text);
  return NULL;
}

/* The last part of a path, without the ending of a network's or a data set's file. */
static void append_name(mixent_text *text, const char *path) {
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') end--;
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/') begin--;
  end -=
      mixent_has_ending(path + begin, ".yaml") ? strlen(".yaml") : mixent_format_ending_length(path + begin);
  mixent_text_append(text, "-%.*s", (int)(end - begin), path + begin);
}

char *mixent_recipe_run_name(const mixent_recipe *recipe) {
  mixent_text text = {0};
  mixent_text_append(&text, "%s", recipe->name);
  if (recipe->other_data) append_name(&text, recipe->data);
  if (recipe->other_net) append_name(&text, recipe->net);
  mixent_text_append(&text, "-%s-%ld%s", mixent_loss_names[recipe->loss_kind], recipe->seed,
                     recipe->select == MIXENT_SELECT_TEST ? "-test-selected" : "");
  if (mixent_text_status(&text) == MIXENT_OK) return text.data;
  mixent_text_free(&text);
  return NULL;
}
