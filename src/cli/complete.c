/* The completion of shells: the command line is followed as far as it goes, and the tables say what can stand at its end. */
#include "cli/complete.h"
#include "cli/help.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <string.h>

/* The word to complete, and what of it stands before the part that is offered: "", "--set=", "loss.name=". */
typedef struct place {
  const mixent_command *command;
  const char *word;
  char before[256];
} place;

static void offer(const place *place, const char *word, const char *end, const char *help) {
  int length = help ? (int)strcspn(help, "\n\t") : 0;
  printf("%s%s%s\t%.*s\n", place->before, word, end, length, help ? help : "");
}

static void offer_files(void) {
  puts(":files");
}

static void offer_names(const place *place, const char *const *names) {
  for (; names && *names; names++) offer(place, *names, "", NULL);
}

/* Whether "NAME|DIR|FILE" and the like stand for something on disk. */
static bool is_file(const char *argument) {
  static const char *const files[] = {"FILE", "DIR", "RUN", "CHECKPOINT", "IMAGE", "NET", "STUDY", NULL};
  for (const char *const *name = files; *name; name++)
    if (strstr(argument, *name)) return true;
  return false;
}

/* Of "FILE|table|auto|NAME" those that are typed as they stand: table and auto. */
static void offer_literals(const place *place, const char *argument) {
  while (*argument) {
    char literal[64];
    size_t length = strcspn(argument, "|");
    bool capital = false;
    for (size_t i = 0; i < length; i++) capital |= argument[i] >= 'A' && argument[i] <= 'Z';
    snprintf(literal, sizeof literal, "%.*s", (int)length, argument);
    if (!capital) offer(place, literal, "", NULL);
    argument += length + (argument[length] == '|');
  }
}

static void offer_argument(const place *place, const char *argument, mixent_known_names *names) {
  if (names) offer_names(place, names());
  offer_literals(place, argument);
  if (is_file(argument)) offer_files();
}

/* The values of a recipe's option. The command's own option for it, if it has one, knows more names. */
static void offer_recipe_values(const place *place, const mixent_option *option) {
  static const char *const yes_no[] = {"true", "false", NULL};
  const mixent_command_option *own = mixent_command_setting_find(place->command, option->key);
  if (option->choices)
    offer_names(place, option->choices);
  else if (option->type == MIXENT_OPTION_YES_NO)
    offer_names(place, yes_no);
  else if (own && own->argument)
    offer_argument(place, own->argument, own->names);
  else if (option->type == MIXENT_OPTION_TEXT && option->place)
    offer_files();
}

/* "loss.name=min-ent": the key first, then its values. `word` is what of it is typed. */
static void offer_setting(place *place, const char *word) {
  const char *equals = strchr(word, '=');
  char key[128];
  if (!equals) {
    for (const mixent_option *option = mixent_options; option->key; option++)
      offer(place, option->key, "=", option->help);
    return;
  }
  snprintf(key, sizeof key, "%.*s", (int)(equals - word), word);
  const mixent_option *option = mixent_option_find(key);
  if (!option) return;
  size_t length = strlen(place->before);
  snprintf(place->before + length, sizeof place->before - length, "%s=", key);
  offer_recipe_values(place, option);
}

/* The value of an option, of which `word` is typed. */
static void offer_value(place *place, const mixent_command_option *option, const char *word) {
  const mixent_option *setting = option->key ? mixent_option_find(option->key) : NULL;
  if (option->kind == MIXENT_VALUE_SETTING && !setting)
    offer_setting(place, word);
  else if (setting)
    offer_recipe_values(place, setting);
  else if (option->choices)
    offer_names(place, option->choices);
  else if (option->argument)
    offer_argument(place, option->argument, option->names);
}

static void offer_option_names(const place *place) {
  for (const mixent_command_option *option = place->command->options; option && option->name; option++) {
    mixent_text help = {0};
    mixent_option_help_append(option, &help);
    if (help.failed)
      mixent_output_lacks();
    else
      printf("--%s\t%s\n", option->name, help.data);
    mixent_text_free(&help);
  }
  puts("--help\tshow the help");
}

static void offer_commands(const place *place, const mixent_command *const *commands, const char *group) {
  for (; *commands; commands++)
    if (!(*commands)->hidden) offer(place, (*commands)->name + strlen(group), "", (*commands)->summary);
}

/* What `mixent help` takes. */
static void offer_topics(const place *place, const mixent_command *const *commands, int count, char **words) {
  if (count == 1) {
    offer_commands(place, commands, "");
    offer(place, "recipe", "", "the built-in recipes, and every option of one");
  } else if (count == 2 && strcmp(words[0], "recipe") == 0) {
    for (int i = 0; i < MIXENT_GROUPS; i++) offer(place, mixent_group_names[i], "", mixent_group_titles[i]);
    for (const mixent_option *option = mixent_options; option->key; option++)
      offer(place, option->key, "", option->help);
  } else if (count == 2) {
    const mixent_command *group = mixent_command_find(commands, "", words[0]);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s ", words[0]);
    if (group && group->members) offer_commands(place, group->members, prefix);
  }
}

/* The words of a command: those before the last are followed to see what the last belongs to. */
static void offer_word(place *place, const mixent_command *const *commands, int count, char **words) {
  const mixent_command_option *valued = NULL; /* the word before waits for its value */
  bool only_operands = false;
  int operands = 0;
  for (int i = 0; i < count - 1; i++) {
    const char *word = words[i], *name = word + 2;
    bool is_option = !only_operands && !valued && strncmp(word, "--", 2) == 0;
    const mixent_command_option *option =
        is_option ? mixent_command_option_find(place->command, name, strlen(name)) : NULL;
    if (is_option && !*name)
      only_operands = true;
    else if (!is_option && !valued)
      operands++;
    valued = option && option->argument ? option : NULL;
  }
  const char *word = place->word, *equals = strchr(word, '=');
  if (valued) {
    offer_value(place, valued, word);
  } else if (!only_operands && strncmp(word, "--", 2) == 0 && equals) {
    const mixent_command_option *option =
        mixent_command_option_find(place->command, word + 2, (size_t)(equals - word - 2));
    snprintf(place->before, sizeof place->before, "%.*s", (int)(equals - word + 1), word);
    if (option && option->argument) offer_value(place, option, equals + 1);
  } else if (!only_operands && *word == '-') {
    offer_option_names(place);
  } else if (strcmp(place->command->name, "help") == 0) {
    offer_topics(place, commands, count, words);
  } else if (place->command->operands && strstr(place->command->operands, "KEY=VALUE")) {
    offer_setting(place, word); /* to change a recipe, or to filter runs by theirs */
  } else if (place->command->operands) {
    offer_argument(place, place->command->operands, operands == 0 ? place->command->names : NULL);
  } else {
    offer_option_names(place);
  }
}

int mixent_completions_print(const mixent_command *const *commands, int count, char **words) {
  place place = {.word = count ? words[count - 1] : ""};
  const char *group = "";
  char prefix[64];
  int first = 0;
  for (; first < count - 1; first++) { /* the command, and in a group its member */
    place.command = mixent_command_find(commands, group, words[first]);
    if (!place.command) return MIXENT_EXIT_DONE;
    if (!place.command->members) break;
    snprintf(prefix, sizeof prefix, "%s ", place.command->name);
    group = prefix;
    commands = place.command->members;
  }
  if (first < count - 1) {
    offer_word(&place, commands, count - first - 1, words + first + 1);
  } else {
    offer_commands(&place, commands, group);
    if (!*group) puts("--help\twhat the program does\n--version\twhich version this is");
  }
  return MIXENT_EXIT_DONE;
}
