/* libFuzzer: any bytes as a recipe (YAML) up to the first zero, then settings KEY=VALUE, each up to the next zero. What is taken
 * is written as recipe.yaml and read again: to the same text. */
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_SETTINGS = 8 };

/* The words after the recipe; each is cut at its '='. */
static size_t split_settings(char *text, const char *end, mixent_setting *out) {
  size_t count = 0;
  for (char *word = text + strlen(text) + 1; word < end && count < MOST_SETTINGS; word += strlen(word) + 1) {
    char *equals = strchr(word, '=');
    if (!equals) break;
    *equals = 0;
    out[count++] = (mixent_setting){word, equals + 1};
    word = equals + 1;
  }
  return count;
}

static void check_recipe(const mixent_recipe *recipe) {
  mixent_text text = {0}, second = {0};
  mixent_recipe again;
  if (mixent_recipe_check(recipe) != MIXENT_OK) abort();
  mixent_recipe_write(recipe, true, &text);
  if (!text.data || mixent_recipe_parse(text.data, "again", "again", NULL, 0, &again) != MIXENT_OK) abort();
  mixent_recipe_write(&again, true, &second);
  if (!second.data || strcmp(text.data, second.data) != 0) abort();
  mixent_text_free(&text);
  mixent_text_free(&second);
  char *name = mixent_recipe_run_name(recipe);
  if (!name || !*name) abort();
  free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_setting settings[MOST_SETTINGS];
  mixent_recipe recipe;
  char *text = malloc(size + 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = 0;
  size_t count = split_settings(text, text + size, settings);
  bool is_new = size % 2; /* a new training's recipe, or that of a run that there is */
  mixent_status status = is_new ? mixent_recipe_parse_new(text, "input", "input", settings, count, &recipe)
                                : mixent_recipe_parse(text, "input", "input", settings, count, &recipe);
  if (status == MIXENT_OK)
    check_recipe(&recipe);
  else if (!*mixent_last_error())
    abort();
  free(text);
  return 0;
}
