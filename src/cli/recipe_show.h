/* `mixent train --dry-run`: what a recipe and settings come to, without training. */
#ifndef MIXENT_CLI_RECIPE_SHOW_H
#define MIXENT_CLI_RECIPE_SHOW_H

#include "mixent/train.h"
#include <stdbool.h>

/* Prints every option of the recipe that `options` name: as a recipe in YAML, or as a line of JSON, {"name", "options": [{"key",
 * "type", "value" (as text), "help", "low" and "high" or "choices"}]}. Returns the exit code. */
int mixent_recipe_show(const mixent_train_options *options, bool json);

#endif
