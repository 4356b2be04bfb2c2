/* The words of a command line become a struct of arguments, as the command's option table says. */
#include "cli/parse.h"
#include "cli/help.h"
#include "recipe/aliases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parse {
  const mixent_command *command;
  mixent_command_call *call;
  size_t setting_room; /* the number of words, which no list of settings can exceed */
} parse;

/* The parser goes on; any other code ends the program. */
enum { GO_ON = MIXENT_EXIT_NOT_YET };

/* Names of one thing in other programs; the command's own among them is meant. */
static const char *const same_things[][12] = {
    {"run", "output", "out", "onnx", "csv", "output_dir", "save_dir", "log_dir", "logdir", "file", "o"},
    {"recipe", "config", "cfg", "conf", "yaml"},
    {"data-dir", "data_dir", "data_root", "root"},
    {"jobs", "workers", "num_workers", "n_jobs", "parallel"},
    {"resume", "continue", "restart", "checkpoint", "ckpt", "resume_from"},
    {"overwrite", "force", "f", "replace"},
    {"temperature", "temp"}};

static const mixent_command_option *find_same(const mixent_command *command, const char *word) {
  for (size_t i = 0; i < sizeof same_things / sizeof *same_things; i++) {
    bool among = mixent_is_name(word, same_things[i]);
    for (const char *const *name = same_things[i]; *name && among; name++) {
      const mixent_command_option *option = mixent_command_option_find(command, *name, strlen(*name));
      if (option) return option;
    }
  }
  return NULL;
}

static int list_options(const mixent_command *command, const char *word) {
  return mixent_wrong_use("%s: unknown option --%s; 'mixent help %s' lists the options", command->name, word,
                          command->name);
}

/* What people type who come from other programs; GO_ON if nothing is known of the word. */
static int explain_typed(const mixent_command *command, const char *word) {
  static const char *const models[] = {"model", "checkpoint", "ckpt", "weights", "run", NULL};
  const mixent_command_option *same = find_same(command, word);
  if (same)
    return mixent_wrong_use("%s: unknown option --%s; here it is --%s", command->name, word, same->name);
  if (mixent_is_name(word, models) && command->operands && strncmp(command->operands, "CHECKPOINT", 10) == 0)
    return mixent_wrong_use(
        "%s: unknown option --%s; the checkpoint or run is given without one: mixent %s %s", command->name,
        word, command->name, command->operands);
  const mixent_typed_word *typed = mixent_typed_word_find(word);
  if (typed && typed->note)
    return mixent_wrong_use("%s: unknown option --%s; %s", command->name, word, typed->note);
  if (!typed) return GO_ON;
  const mixent_command_option *direct = mixent_command_setting_find(command, typed->key);
  if (!direct) direct = mixent_command_option_find(command, typed->key, strlen(typed->key));
  if (direct)
    return mixent_wrong_use("%s: unknown option --%s; here it is --%s", command->name, word, direct->name);
  if (mixent_command_setting_find(command, NULL))
    return mixent_wrong_use("%s: unknown option --%s; here it is '%s': mixent %s %s=…", command->name, word,
                            typed->key, command->name, typed->key);
  return list_options(command, word);
}

static int unknown_option(const mixent_command *command, const char *name, size_t length) {
  enum { MOST = 32 };
  const char *names[MOST + 2];
  int count = 0;
  for (const mixent_command_option *option = command->options; option && option->name && count < MOST;
       option++)
    names[count++] = option->name;
  names[count++] = "help";
  names[count] = NULL;
  char word[64];
  snprintf(word, sizeof word, "%.*s", (int)length, name);
  int code = explain_typed(command, word);
  if (code != GO_ON) return code;
  const char *nearest = mixent_nearest_name(word, names);
  if (nearest)
    return mixent_wrong_use("%s: unknown option --%s; did you mean --%s?", command->name, word, nearest);
  return list_options(command, word);
}

static int add_setting(parse *parse, const mixent_command_option *option, char *value) {
  mixent_setting_list *list = (mixent_setting_list *)((char *)parse->call->arguments + option->offset);
  mixent_setting setting = {option->key, option->argument ? value : "true"};
  if (!option->key) {
    char *equals = strchr(value, '=');
    if (!equals || equals == value)
      return mixent_wrong_use("%s: --%s: expected key=value, as optimizer.learning_rate=0.1, got '%s'",
                              parse->command->name, option->name, value);
    *equals = '\0';
    setting = (mixent_setting){value, equals + 1};
  }
  if (!list->items) {
    mixent_status status = MIXENT_ALLOCATE(parse->setting_room, &list->items);
    if (status != MIXENT_OK) return mixent_failed(status);
  }
  list->items[list->count++] = setting;
  return GO_ON;
}

static int store_whole(const parse *parse, const mixent_command_option *option, const char *value,
                       long *out) {
  char *end;
  errno = 0;
  *out = strtol(value, &end, 10);
  if (errno || end == value || *end || *out < option->low || *out > option->high)
    return mixent_wrong_use("%s: --%s %s: a whole number from %ld to %ld is needed", parse->command->name,
                            option->name, value, option->low, option->high);
  return GO_ON;
}

static int store_choice(const parse *parse, const mixent_command_option *option, const char *value,
                        int *out) {
  for (*out = 0; option->choices[*out]; ++*out)
    if (strcmp(option->choices[*out], value) == 0) return GO_ON;
  const char *nearest = mixent_nearest_name(value, option->choices);
  if (nearest)
    return mixent_wrong_use("%s: --%s %s is unknown; did you mean %s?", parse->command->name, option->name,
                            value, nearest);
  return mixent_wrong_use("%s: --%s %s is unknown; it is one of %s", parse->command->name, option->name,
                          value, option->argument);
}

static int store_value(parse *parse, const mixent_command_option *option, char *value) {
  void *target = (char *)parse->call->arguments + option->offset;
  switch (option->kind) {
  case MIXENT_VALUE_FLAG: *(bool *)target = true; return GO_ON;
  case MIXENT_VALUE_TEXT: *(const char **)target = value; return GO_ON;
  case MIXENT_VALUE_WHOLE: return store_whole(parse, option, value, target);
  case MIXENT_VALUE_CHOICE: return store_choice(parse, option, value, target);
  case MIXENT_VALUE_SETTING: return add_setting(parse, option, value);
  }
  return GO_ON;
}

/* One "--name", "--name=value" or "--name value"; *used: how many words that was. */
static int parse_option(parse *parse, char **words, int left, int *used) {
  char *name = words[0] + 2, *equals = strchr(name, '=');
  size_t length = equals ? (size_t)(equals - name) : strlen(name);
  *used = 1;
  const mixent_command_option *option = mixent_command_option_find(parse->command, name, length);
  if (!option) return unknown_option(parse->command, name, length);
  if (!option->argument) {
    if (equals) return mixent_wrong_use("%s: --%s takes no value", parse->command->name, option->name);
    return store_value(parse, option, NULL);
  }
  if (equals) return store_value(parse, option, equals + 1);
  if (left < 2)
    return mixent_wrong_use("%s: --%s needs a value: --%s %s", parse->command->name, option->name,
                            option->name, option->argument);
  *used = 2;
  return store_value(parse, option, words[1]);
}

/* A word that is no option: key=value where the command changes a recipe, else an operand. */
static int parse_operand(parse *parse, char *word) {
  const mixent_command_option *set = mixent_command_setting_find(parse->command, NULL);
  if (set && strchr(word, '=')) return add_setting(parse, set, word);
  parse->call->operands[parse->call->operand_count++] = word;
  return GO_ON;
}

static bool asks_for_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int parse_words(parse *parse, int argc, char **argv) {
  bool only_operands = false;
  for (int i = 0; i < argc;) {
    char *word = argv[i];
    if (only_operands || word[0] != '-' || !word[1]) {
      int code = parse_operand(parse, word);
      if (code != GO_ON) return code;
      i++;
    } else if (strcmp(word, "--") == 0) {
      only_operands = true;
      i++;
    } else if (asks_for_help(word)) {
      mixent_command_help_print(parse->command);
      return MIXENT_EXIT_DONE;
    } else if (word[1] != '-') {
      return mixent_wrong_use(
          "%s: unknown option %s; options are written --name, 'mixent help %s' lists them",
          parse->command->name, word, parse->command->name);
    } else {
      int used, code = parse_option(parse, argv + i, argc - i, &used);
      if (code != GO_ON) return code;
      i += used;
    }
  }
  return GO_ON;
}

static int check_operands(const parse *parse) {
  const mixent_command *command = parse->command;
  if (parse->call->operand_count < command->least_operands)
    return mixent_wrong_use("%s: more words are needed: mixent %s %s", command->name, command->name,
                            command->operands);
  if (command->most_operands >= 0 && parse->call->operand_count > command->most_operands)
    return mixent_wrong_use(
        "%s: '%s' is one word too many; %s'mixent help %s' says what belongs there", command->name,
        parse->call->operands[command->most_operands],
        mixent_command_setting_find(command, NULL) ? "options of a recipe are written key=value; " : "",
        command->name);
  return GO_ON;
}

static int parse_all(parse *parse, int argc, char **argv) {
  for (const mixent_command_option *option = parse->command->options; option && option->name; option++)
    if (option->fallback) {
      int code = store_value(parse, option, (char *)option->fallback);
      if (code != GO_ON) return code;
    }
  int code = parse_words(parse, argc, argv);
  return code == GO_ON ? check_operands(parse) : code;
}

/* "data show …": the second word names the member. GO_ON: *command is it. */
static int find_member(int argc, char **argv, const mixent_command **command) {
  const mixent_command *group = *command;
  if (argc && asks_for_help(argv[0])) {
    mixent_command_help_print(group);
    return MIXENT_EXIT_DONE;
  }
  if (!argc)
    return mixent_wrong_use("%s: say what to do; 'mixent help %s' lists it", group->name, group->name);
  char prefix[64];
  snprintf(prefix, sizeof prefix, "%s ", group->name);
  *command = mixent_command_demand(group->members, prefix, argv[0]);
  return *command ? GO_ON : MIXENT_EXIT_WRONG_USE;
}

/* Whether a flag is among the words, whatever is wrong with the others. */
static bool has_flag(const mixent_command *command, const char *flag, int argc, char **argv) {
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (strncmp(argv[i], "--", 2) != 0) continue;
    const mixent_command_option *option =
        mixent_command_option_find(command, argv[i] + 2, strlen(argv[i] + 2));
    if (option && strcmp(option->name, flag) == 0) return true;
    if (option && option->argument) i++; /* its value */
  }
  return false;
}

int mixent_command_parse(const mixent_command *const *commands, int argc, char **argv,
                         mixent_command_call *out) {
  *out = (mixent_command_call){0};
  if (argc < 1) return mixent_wrong_use("say what to do; 'mixent help' lists the commands");
  if (asks_for_help(argv[0])) {
    mixent_program_help_print(commands);
    return MIXENT_EXIT_DONE;
  }
  const char *name = strcmp(argv[0], "--version") == 0 ? "version" : argv[0];
  const mixent_command *command = mixent_command_demand(commands, "", name);
  if (!command) return MIXENT_EXIT_WRONG_USE;
  size_t most = (size_t)argc; /* words that may be operands or settings */
  argc--, argv++;
  if (command->members) {
    int code = find_member(argc, argv, &command);
    if (code != GO_ON) return code;
    argc--, argv++;
  }
  parse parse = {.command = command, .call = out, .setting_room = most};
  out->command = command;
  out->events =
      command->events && has_flag(command, "json", argc, argv) && !has_flag(command, "dry-run", argc, argv);
  mixent_status status = mixent_allocate(command->arguments_size + 1, &out->arguments);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(most, &out->operands);
  return status == MIXENT_OK ? parse_all(&parse, argc, argv) : mixent_failed(status);
}

void mixent_command_call_free(mixent_command_call *call) {
  const mixent_command_option *option = call->arguments ? call->command->options : NULL;
  for (; option && option->name; option++)
    if (option->kind == MIXENT_VALUE_SETTING) {
      mixent_setting_list *list = (mixent_setting_list *)((char *)call->arguments + option->offset);
      free(list->items);
      *list = (mixent_setting_list){0}; /* several options fill the same list */
    }
  free(call->arguments);
  free(call->operands);
  *call = (mixent_command_call){0};
}
