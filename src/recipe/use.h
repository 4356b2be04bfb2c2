/* Which options of a recipe have an effect, given the others: an option that the chosen loss or optimiser does not have
 * must not be taken without a word. */
#ifndef MIXENT_RECIPE_USE_H
#define MIXENT_RECIPE_USE_H

#include "recipe/recipe.h"

typedef enum mixent_option_use {
  MIXENT_OPTION_USED,
  MIXENT_OPTION_IDLE,   /* another option switches it off: a learning rate of weights where none is learned */
  MIXENT_OPTION_FOREIGN /* it belongs to another loss or optimiser */
} mixent_option_use;

/* `why` (or NULL) gains the reason, if the option is not used. */
mixent_option_use mixent_option_use_in(const mixent_option *option, const mixent_recipe *recipe,
                                       mixent_text *why);

/* Refuses settings that are foreign to the recipe they came to, whatever their value. */
mixent_status mixent_settings_check_use(const mixent_setting *settings, size_t count,
                                        const mixent_recipe *recipe);
/* Calls warn with "unused-option: …" for each setting that is idle. */
void mixent_settings_warn_idle(const mixent_setting *settings, size_t count, const mixent_recipe *recipe,
                               void (*warn)(void *context, const char *message), void *context);
/* Keeps of the settings those that the recipe uses; returns how many. For settings that several recipes share. */
size_t mixent_settings_keep_used(mixent_setting *settings, size_t count, const mixent_recipe *recipe);

/* Refuses options of a mapping that are foreign both to `alone`, what the file says without settings, and to `final`, unless
 * their value is the default. Errors name file, line and column. `prefix` as for mixent_recipe_apply. */
mixent_status mixent_recipe_check_use(const mixent_yaml *mapping, const char *prefix,
                                      const mixent_recipe *alone, const mixent_recipe *final);

/* Gives foreign options their default: those of the loss that a file names, where a setting chose another. */
mixent_status mixent_recipe_drop_foreign(mixent_recipe *recipe);

#endif
