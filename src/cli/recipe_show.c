/* What a recipe comes to, for people (YAML that is a recipe again) and for programs. */
#include "cli/recipe_show.h"
#include "cli/json.h"
#include "cli/message.h"
#include "core/status.h"
#include "recipe/use.h"

#include <stdio.h>

static const char *const type_names[] = {
    [MIXENT_OPTION_TEXT] = "text",     [MIXENT_OPTION_WHOLE] = "whole",   [MIXENT_OPTION_NUMBER] = "number",
    [MIXENT_OPTION_YES_NO] = "yes-no", [MIXENT_OPTION_CHOICE] = "choice", [MIXENT_OPTION_NAMES] = "names"};

static json_t *option_to_json(const mixent_option *option, const mixent_recipe *recipe) {
  mixent_text value = {0};
  if (option->type == MIXENT_OPTION_TEXT) /* without YAML's quotation marks */
    mixent_text_append(&value, "%s", (const char *)recipe + option->offset);
  else
    mixent_option_write(option, recipe, &value);
  json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "key", option->key, "type", type_names[option->type],
                           "value", value.failed ? NULL : value.data, "help", option->help);
  mixent_text_free(&value);
  if (option->type == MIXENT_OPTION_WHOLE || option->type == MIXENT_OPTION_NUMBER) {
    mixent_json_set(&json, "low", json_real(option->low));
    mixent_json_set(&json, "high", json_real(option->high));
  }
  if (option->choices) {
    json_t *choices = json_array();
    for (size_t i = 0; option->choices[i]; i++) mixent_json_append(&choices, json_string(option->choices[i]));
    mixent_json_set(&json, "choices", choices);
  }
  return json;
}

static int print_json(const mixent_recipe *recipe) {
  json_t *options = json_array();
  for (const mixent_option *option = mixent_options; option->key; option++)
    mixent_json_append(&options, option_to_json(option, recipe));
  return mixent_json_print(json_pack("{s:s, s:o}", "name", recipe->name, "options", options));
}

static void warn(void *context, const char *message) {
  (void)context;
  mixent_warning_print("%s", message);
}

int mixent_recipe_show(const mixent_train_options *options, bool json) {
  mixent_recipe recipe;
  mixent_status status =
      mixent_recipe_compose(options->recipe, options->settings, options->setting_count, &recipe);
  if (status != MIXENT_OK) return mixent_failed(status);
  mixent_settings_warn_idle(options->settings, options->setting_count, &recipe, warn, NULL);
  if (json) return print_json(&recipe);
  mixent_text text = {0};
  mixent_recipe_write(&recipe, true, &text);
  status = mixent_text_status(&text);
  if (status == MIXENT_OK) fputs(text.data, stdout);
  mixent_text_free(&text);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}
