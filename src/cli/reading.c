/* Options that say how data are read, for commands without a recipe. */
#include "cli/reading.h"

static mixent_status fail_other(const char *key) {
  mixent_text names = {0};
  mixent_option_keys_append(mixent_option_reads, &names);
  mixent_status status = mixent_text_status(&names);
  if (status == MIXENT_OK)
    status = mixent_fail(MIXENT_ERROR_ARGUMENT, "%s does not say how data are read; expected one of %s", key,
                         names.data);
  mixent_text_free(&names);
  return status;
}

mixent_status mixent_reading_choose(const mixent_setting_list *settings, mixent_recipe *recipe,
                                    mixent_dataset_options *out) {
  for (size_t i = 0; i < settings->count; i++) {
    const mixent_option *option = mixent_option_find(settings->items[i].key);
    if (!option || !mixent_option_reads(option)) return fail_other(settings->items[i].key);
  }
  MIXENT_TRY(mixent_recipe_compose("tabular", settings->items, settings->count, recipe));
  mixent_recipe_reading(recipe, out);
  return MIXENT_OK;
}
