/* Options that say how data are read, for commands without a recipe. */
#include "cli/reading.h"

#include <string.h>

const char *const mixent_reading_keys[] = {"side",       "fit",       "memory_limit", "label",   "missing",
                                           "categories", "leave_out", "separator",    "decimal", "header",
                                           NULL};

mixent_status mixent_reading_choose(const mixent_setting_list *settings, mixent_recipe *recipe,
                                    mixent_dataset_options *out) {
  for (size_t i = 0; i < settings->count; i++) {
    size_t k = 0;
    while (mixent_reading_keys[k] && strcmp(mixent_reading_keys[k], settings->items[i].key) != 0) k++;
    if (!mixent_reading_keys[k])
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "%s does not say how data are read; expected one of " MIXENT_READING_KEYS,
                         settings->items[i].key);
  }
  MIXENT_TRY(mixent_recipe_compose("tabular", settings->items, settings->count, recipe));
  mixent_recipe_reading(recipe, out);
  return MIXENT_OK;
}
