/* What people type for an option or its value who come from other programs, and what that is called here. Consulted before the
 * nearest name, which for short words is a far one. */
#ifndef MIXENT_RECIPE_ALIASES_H
#define MIXENT_RECIPE_ALIASES_H

#include "recipe/recipe.h"

typedef struct mixent_typed_word {
  const char *word; /* in small letters, with '_' */
  const char *key;  /* of the recipe's option that is meant; NULL: none */
  const char *note; /* a sentence without its stop, where a name alone would mislead; or NULL */
} mixent_typed_word;
extern const mixent_typed_word mixent_typed_words[]; /* word NULL after the last */

/* The entry for a word, or NULL. "LR", "learning-rate" and "optimizer.lr" are found, too; so is the last part of a key
 * ("momentum"), and a key itself. The result stays valid until the thread's next call. */
const mixent_typed_word *mixent_typed_word_find(const char *word);

/* The choice of an option that a word means ("SGD", "cross_entropy"), or NULL. */
const char *mixent_typed_choice_find(const mixent_option *option, const char *word);

#endif
