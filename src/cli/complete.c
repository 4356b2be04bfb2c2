/* The completion of shells: the command line is followed as far as it goes, and the tables say what can stand at its end. */
#include "cli/complete.h"
#include "cli/help.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <string.h>

/* The word to complete, and what of it stands before the part that is offered: "", "--set=", "loss.name=". */
typedef struct word_context {
  const mixent_command *command;
  const char *word;
  char before[256];
} word_context;

static void offer(const word_context *context, const char *word, const char *end, const char *help) {
  int length = help ? (int)strcspn(help, "\n\t") : 0;
  printf("%s%s%s\t%.*s\n", context->before, word, end, length, help ? help : "");
}

static void offer_files(void) {
  puts(":files");
}

static void offer_names(const word_context *context, const char *const *names) {
  for (; names && *names; names++) offer(context, *names, "", NULL);
}

/* Whether "NAME|DIR|FILE" and the like stand for something on disk. */
static bool is_file(const char *argument) {
  static const char *const files[] = {"FILE", "DIR", "RUN", "CHECKPOINT", "IMAGE", "NET", "STUDY", NULL};
  for (const char *const *name = files; *name; name++)
    if (strstr(argument, *name)) return true;
  return false;
}

/* Of "FILE|table|auto|NAME" those that are typed as they stand: table and auto. */
static void offer_literals(const word_context *context, const char *argument) {
  while (*argument) {
    char literal[64];
    size_t length = strcspn(argument, "|");
    bool capital = false;
    for (size_t i = 0; i < length; i++) capital |= argument[i] >= 'A' && argument[i] <= 'Z';
    snprintf(literal, sizeof literal, "%.*s", (int)length, argument);
    if (!capital) offer(context, literal, "", NULL);
    argument += length + (argument[length] == '|');
  }
}

static void offer_argument(const word_context *context, const char *argument, mixent_known_names *names) {
  if (names) offer_names(context, names());
  offer_literals(context, argument);
  if (is_file(argument)) offer_files();
}

/* The values of a recipe's option. The command's own option for it, if it has one, knows more names. */
static void offer_recipe_values(const word_context *context, const mixent_option *option) {
  static const char *const yes_no[] = {"true", "false", NULL};
  const mixent_command_option *own = mixent_command_setting_find(context->command, option->key);
  if (option->choices)
    offer_names(context, option->choices);
  else if (option->type == MIXENT_OPTION_YES_NO)
    offer_names(context, yes_no);
  else if (own && own->argument)
    offer_argument(context, own->argument, own->names);
  else if (option->type == MIXENT_OPTION_TEXT && option->place)
    offer_files();
}

/* "loss.name=min-ent": the key first, then its values. `word` is what of it is typed. */
static void offer_setting(word_context *context, const char *word) {
  const char *equals = strchr(word, '=');
  char key[128];
  const mixent_command_option *set = mixent_command_option_find(context->command, "set", strlen("set"));
  if (!equals) {
    for (const mixent_option *option = mixent_options; option->key; option++)
      if (!set || !set->takes || set->takes(option)) offer(context, option->key, "=", option->help);
    return;
  }
  snprintf(key, sizeof key, "%.*s", (int)(equals - word), word);
  const mixent_option *option = mixent_option_find(key);
  if (!option) return;
  size_t length = strlen(context->before);
  snprintf(context->before + length, sizeof context->before - length, "%s=", key);
  offer_recipe_values(context, option);
}

/* The value of an option, of which `word` is typed. */
static void offer_value(word_context *context, const mixent_command_option *option, const char *word) {
  const mixent_option *setting = option->key ? mixent_option_find(option->key) : NULL;
  if (option->kind == MIXENT_VALUE_SETTING && !setting)
    offer_setting(context, word);
  else if (setting)
    offer_recipe_values(context, setting);
  else if (option->choices)
    offer_names(context, option->choices);
  else if (option->argument)
    offer_argument(context, option->argument, option->names);
}

static void offer_option_names(const word_context *context) {
  for (const mixent_command_option *option = context->command->options; option && option->name; option++) {
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

static void offer_commands(const word_context *context, const mixent_command *const *commands,
                           const char *group) {
  for (; *commands; commands++)
    if (!(*commands)->hidden) offer(context, (*commands)->name + strlen(group), "", (*commands)->summary);
}

/* What `mixent help` takes. */
static void offer_topics(const word_context *context, const mixent_command *const *commands, int count,
                         char **words) {
  if (count == 1) {
    offer_commands(context, commands, "");
    offer(context, "recipe", "", "the built-in recipes, and every option of one");
  } else if (count == 2 && strcmp(words[0], "recipe") == 0) {
    for (int i = 0; i < MIXENT_GROUPS; i++) offer(context, mixent_group_names[i], "", mixent_group_titles[i]);
    for (const mixent_option *option = mixent_options; option->key; option++)
      offer(context, option->key, "", option->help);
  } else if (count == 2) {
    const mixent_command *group = mixent_command_find(commands, "", words[0]);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s ", words[0]);
    if (group && group->members) offer_commands(context, group->members, prefix);
  }
}

/* The words of a command: those before the last are followed to see what the last belongs to. */
static void offer_word(word_context *context, const mixent_command *const *commands, int count,
                       char **words) {
  const mixent_command_option *valued = NULL; /* the word before waits for its value */
  bool only_operands = false;
  int operands = 0;
  for (int i = 0; i < count - 1; i++) {
    const char *word = words[i], *name = word + 2;
    bool is_option = !only_operands && !valued && strncmp(word, "--", 2) == 0;
    const mixent_command_option *option =
        is_option ? mixent_command_option_find(context->command, name, strlen(name)) : NULL;
    if (is_option && !*name)
      only_operands = true;
    else if (!is_option && !valued)
      operands++;
    valued = option && option->argument ? option : NULL;
  }
  const char *word = context->word, *equals = strchr(word, '=');
  if (valued) {
    offer_value(context, valued, word);
  } else if (!only_operands && strncmp(word, "--", 2) == 0 && equals) {
    const mixent_command_option *option =
        mixent_command_option_find(context->command, word + 2, (size_t)(equals - word - 2));
    snprintf(context->before, sizeof context->before, "%.*s", (int)(equals - word + 1), word);
    if (option && option->argument) offer_value(context, option, equals + 1);
  } else if (!only_operands && *word == '-') {
    offer_option_names(context);
  } else if (strcmp(context->command->name, "help") == 0) {
    offer_topics(context, commands, count, words);
  } else if (context->command->operands && strstr(context->command->operands, "KEY=VALUE") &&
             (operands > 0 || !context->command->names)) {
    offer_setting(context, word); /* to change a recipe, or to filter runs by theirs */
  } else if (context->command->operands) {
    offer_argument(context, context->command->operands, operands == 0 ? context->command->names : NULL);
  } else {
    offer_option_names(context);
  }
}

int mixent_completions_print(const mixent_command *const *commands, int count, char **words) {
  word_context context = {.word = count ? words[count - 1] : ""};
  const char *group = "";
  char prefix[64];
  int first = 0;
  for (; first < count - 1; first++) { /* the command, and in a group its member */
    context.command = mixent_command_find(commands, group, words[first]);
    if (!context.command) return MIXENT_EXIT_DONE;
    if (!context.command->members) break;
    snprintf(prefix, sizeof prefix, "%s ", context.command->name);
    group = prefix;
    commands = context.command->members;
  }
  if (first < count - 1) {
    offer_word(&context, commands, count - first - 1, words + first + 1);
  } else {
    offer_commands(&context, commands, group);
    if (!*group) puts("--help\twhat the program does\n--version\twhich version this is");
  }
  return MIXENT_EXIT_DONE;
}
