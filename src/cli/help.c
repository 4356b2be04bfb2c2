/* The help: of the program, of each command, and of recipes; all from the tables. */
#include "cli/help.h"
#include "cli/terminal.h"
#include "recipe/recipe.h"

#include <string.h>

const char mixent_program_summary[] =
    "mixent trains small networks that classify images or rows of tables, and tells whether one loss or recipe is really "
    "better than another. Among its losses are MIN-ENT and MIX-ENT, which add an entropy term to cross entropy.";

const mixent_exit_meaning mixent_exit_meanings[] = {
    {"0", "done"},
    {"1", "failed"},
    {"2", "wrong use"},
    {"128 + N", "stopped by signal N and saved (130 Ctrl-C, 143 SIGTERM)"},
    {NULL, NULL}};

/* "  name        summary" for each command; groups show what is in them. */
static void print_commands(const mixent_command *const *commands) {
  int width = 0;
  for (int i = 0; commands[i]; i++) {
    int length = (int)strlen(commands[i]->name);
    if (length > width && !commands[i]->hidden) width = length;
  }
  for (int i = 0; commands[i]; i++) {
    if (commands[i]->hidden) continue;
    int column = printf("  %-*s  ", width, commands[i]->name);
    mixent_wrapped_print(stdout, column, column, commands[i]->summary);
  }
}

void mixent_program_help_print(const mixent_command *const *commands) {
  mixent_wrapped_print(stdout, 0, 0, mixent_program_summary);
  puts("\nUsage: mixent COMMAND [WORD]... [--OPTION VALUE]...\n\nCommands");
  print_commands(commands);
  puts("\n"
       "'mixent help COMMAND' explains a command, 'mixent help recipe' the options of training.\n"
       "To begin: 'mixent demo', or 'mixent train --loss min-ent'.\n");
  mixent_text ends = {0};
  mixent_text_append(&ends, "Exit codes:");
  for (const mixent_exit_meaning *exit = mixent_exit_meanings; exit->code; exit++)
    mixent_text_append(&ends, " %s %s%s", exit->code, exit->meaning, exit[1].code ? "," : ".");
  mixent_text_append(
      &ends, " Messages go to standard error, one line that says what is wrong, where, and what to do.");
  if (ends.failed)
    mixent_output_lacks();
  else
    mixent_wrapped_print(stdout, 0, 0, ends.data);
  mixent_text_free(&ends);
}

static int option_column(const mixent_command_option *option, char *out, size_t size) {
  return snprintf(out, size, "--%s%s%s", option->name, option->argument ? " " : "",
                  option->argument ? option->argument : "");
}

void mixent_option_help_append(const mixent_command_option *option, mixent_text *out) {
  const mixent_option *setting = option->key ? mixent_option_find(option->key) : NULL;
  const char *const *names = option->names ? option->names() : setting ? setting->choices : NULL;
  mixent_text_append(out, "%s", option->help || !setting ? option->help : setting->help);
  /* an argument that is written in small letters lists its choices itself */
  if (names && *names && option->argument && strncmp(option->argument, "NAME", strlen("NAME")) == 0) {
    mixent_text_append(out, " (");
    mixent_text_append_names(out, names);
    mixent_text_append(out, ")");
  }
  if (option->takes) {
    mixent_text_append(out, ": ");
    mixent_option_keys_append(option->takes, out);
  }
  if (option->fallback) mixent_text_append(out, " (default: %s)", option->fallback);
}

static void print_options(const mixent_command_option *options) {
  enum { WIDEST = 30 }; /* a longer one has a line of its own */
  char words[128];
  int width = 10;
  for (const mixent_command_option *option = options; option && option->name; option++) {
    int length = option_column(option, words, sizeof words);
    if (length > width && length <= WIDEST) width = length;
  }
  puts("\nOptions");
  for (const mixent_command_option *option = options; option && option->name; option++) {
    option_column(option, words, sizeof words);
    int column = printf("  %-*s  ", width, words);
    if (column > width + 4) {
      putchar('\n');
      column = 0;
    }
    mixent_text help = {0}, lines = {0};
    mixent_option_help_append(option, &help);
    if (help.failed)
      lines.failed = 1;
    else
      mixent_wrapped_append(&lines, column, width + 4, help.data);
    mixent_text_print(stdout, &lines);
    mixent_text_free(&help);
  }
  printf("  %-*s  show the help\n", width, "-h, --help");
}

void mixent_command_usage_append(const mixent_command *command, mixent_text *out) {
  mixent_text_append(out, "%s%s%s", command->operands ? " " : "", command->operands ? command->operands : "",
                     command->members   ? " COMMAND"
                     : command->options ? " [--OPTION VALUE]..."
                                        : "");
}

void mixent_command_help_print(const mixent_command *command) {
  printf("mixent %s: ", command->name);
  mixent_wrapped_print(stdout, (int)strlen(command->name) + 9, 2, command->summary);
  mixent_text usage = {0};
  mixent_text_append(&usage, "\nUsage: mixent %s", command->name);
  mixent_command_usage_append(command, &usage);
  mixent_text_append(&usage, "\n");
  mixent_text_print(stdout, &usage);
  if (command->description) {
    putchar('\n');
    mixent_wrapped_print(stdout, 0, 0, command->description);
  }
  if (command->members) {
    puts("\nCommands");
    print_commands(command->members);
    printf("\n'mixent help %s COMMAND' explains each of them.\n", command->name);
  } else {
    print_options(command->options);
  }
}

static int print_recipe_help(const char *word) {
  mixent_text text = {0};
  mixent_status status = mixent_recipe_help(word, &text);
  if (status == MIXENT_OK) fputs(text.data, stdout);
  mixent_text_free(&text);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

int mixent_help_print(const mixent_command *const *commands, int count, char **words) {
  if (count == 0) {
    mixent_program_help_print(commands);
    return MIXENT_EXIT_DONE;
  }
  if (strcmp(words[0], "recipe") == 0 || strcmp(words[0], "recipes") == 0) return print_recipe_help(words[1]);
  const mixent_command *command = mixent_command_demand(commands, "", words[0]);
  if (command && count == 2) {
    if (!command->members)
      return mixent_wrong_use("help: '%s' has no command '%s'; 'mixent help %s' tells all of it", words[0],
                              words[1], words[0]);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s ", command->name);
    command = mixent_command_demand(command->members, prefix, words[1]);
  }
  if (!command) return MIXENT_EXIT_WRONG_USE;
  mixent_command_help_print(command);
  return MIXENT_EXIT_DONE;
}
