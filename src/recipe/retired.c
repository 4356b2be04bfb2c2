/* The table of retired options. */
#include "recipe/retired.h"

#include <string.h>

static const struct retired {
  const char *key, *off; /* off NULL: without effect by itself */
} retired[] = {{"init.identity", "false"},    {"init.whitening", "false"},       {"distill.self", "0"},
               {"lookahead.every", "0"},      {"lookahead.rate", NULL},          {"lookahead.power", NULL},
               {"optimizer.muon_rate", NULL}, {"optimizer.norm_bias_rate", "1"}, {NULL, NULL}};

bool mixent_retired_take(const char *key, const char *value, mixent_recipe *recipe) {
  if (strcmp(key, "optimizer.name") == 0 && strcmp(value, "muon") == 0) {
    recipe->retired = "optimizer.name=muon";
    return true;
  }
  const struct retired *option = retired;
  while (option->key && strcmp(option->key, key) != 0) option++;
  if (option->off && strcmp(option->off, value) != 0) recipe->retired = option->key;
  return option->key != NULL;
}

bool mixent_retired_is_section(const char *name) {
  size_t length = strlen(name);
  for (const struct retired *option = retired; option->key; option++)
    if (strncmp(option->key, name, length) == 0 && option->key[length] == '.') return true;
  return false;
}

mixent_status mixent_retired_refuse(const mixent_recipe *recipe) {
  if (!recipe->retired) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "%s: mixent has it no longer, because it did not help; leave it out", recipe->retired);
}
