/* A recipe as text: recipe.yaml, the name of its run. */
#include "core/file.h"
#include "recipe/recipe.h"

#include "data/find.h"
#include "data/formats/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
