/* Finding commands and options in their tables. */
#include "cli/command.h"
#include "core/status.h"

#include <string.h>

const mixent_command *mixent_command_find(const mixent_command *const *commands, const char *group,
                                          const char *name) {
  for (; *commands; commands++)
    if (strcmp((*commands)->name + strlen(group), name) == 0) return *commands;
  return NULL;
}

const mixent_command *mixent_command_demand(const mixent_command *const *commands, const char *group,
                                            const char *name) {
  enum { MOST = 32 };
  const char *names[MOST + 1];
  int count = 0;
  const mixent_command *found = mixent_command_find(commands, group, name);
  if (found) return found;
  for (; *commands && count < MOST; commands++)
    if (!(*commands)->hidden) names[count++] = (*commands)->name + strlen(group);
  names[count] = NULL;
  const char *nearest = mixent_nearest_name(name, names);
  if (nearest)
    mixent_wrong_use("unknown command '%s%s'; did you mean '%s%s'?", group, name, group, nearest);
  else
    mixent_wrong_use("unknown command '%s%s'; 'mixent help%s%.*s' lists the commands", group, name,
                     *group ? " " : "", (int)strcspn(group, " "), group);
  return NULL;
}

const mixent_command_option *mixent_command_option_find(const mixent_command *command, const char *name,
                                                        size_t length) {
  for (const mixent_command_option *option = command->options; option && option->name; option++)
    if (strlen(option->name) == length && strncmp(option->name, name, length) == 0) return option;
  return NULL;
}

const mixent_command_option *mixent_command_setting_find(const mixent_command *command, const char *key) {
  for (const mixent_command_option *option = command->options; option && option->name; option++)
    if (option->kind == MIXENT_VALUE_SETTING &&
        (key ? option->key && strcmp(option->key, key) == 0 : !option->key))
      return option;
  return NULL;
}
