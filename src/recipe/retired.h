/* Options that mixent had, and that its own screening rejected (docs/record.md). Recipes of old runs name them, mostly switched off,
 * and stay readable. */
#ifndef MIXENT_RECIPE_RETIRED_H
#define MIXENT_RECIPE_RETIRED_H

#include "recipe/recipe.h"

/* Whether the option, or this value of it, is a retired one. If the value switched something on, recipe->retired names it. */
bool mixent_retired_take(const char *key, const char *value, mixent_recipe *recipe);
/* Whether retired options stood in a section of that name. */
bool mixent_retired_is_section(const char *name);
/* Fails where a recipe to train by switches a retired option on. */
mixent_status mixent_retired_refuse(const mixent_recipe *recipe);

#endif
