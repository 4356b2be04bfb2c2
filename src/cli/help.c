/* `mixent help`: the help of the program, of each command, and of recipes; all from the tables. */
#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/status.h"
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

/* "  name        summary" for each command; groups show what is in them. */
static void print_commands(const mixent_command *const *commands) {
  int width = 0;
  for (int i = 0; commands[i]; i++) {
    int length = (int)strlen(commands[i]->name);
    if (length > width) width = length;
  }
  for (int i = 0; commands[i]; i++) {
    int column = printf("  %-*s  ", width, commands[i]->name);
    mixent_wrapped_print(stdout, column, column, commands[i]->summary);
  }
}

void mixent_program_help_print(void) {
  puts("mixent trains small convolutional networks that classify images, with losses that\n"
       "regularise cross entropy by making predictions sharp (MIN-ENT and MIX-ENT), and says\n"
       "how good they are.\n\n"
       "Usage: mixent COMMAND [WORD]... [--OPTION VALUE]...\n\n"
       "Commands");
  print_commands(mixent_commands);
  puts("\n"
       "'mixent help COMMAND' tells more of each, 'mixent help recipe' what can be set when\n"
       "training. To begin: 'mixent demo', or 'mixent train --loss min-ent'.\n\n"
       "Exit codes: 0 done, 1 failed, 2 wrong use, 128 + N stopped by signal N and saved (130\n"
       "Ctrl-C, 143 SIGTERM). Messages go to standard error, one line that says what is wrong,\n"
       "where, and what to do.");
}

static int option_column(const mixent_command_option *option, char *out, size_t size) {
  return snprintf(out, size, "--%s%s%s", option->name, option->argument ? " " : "",
                  option->argument ? option->argument : "");
}

static void print_options(const mixent_command_option *options) {
  enum { WIDEST = 30 }; /* a longer one has a line of its own */
  char text[128];
  int width = 6;
  for (const mixent_command_option *option = options; option && option->name; option++) {
    int length = option_column(option, text, sizeof text);
    if (length > width && length <= WIDEST) width = length;
  }
  puts("\nOptions");
  for (const mixent_command_option *option = options; option && option->name; option++) {
    option_column(option, text, sizeof text);
    int column = printf("  %-*s  ", width, text);
    if (column > width + 4) {
      putchar('\n');
      column = 0;
    }
    const char *words = option->help ? option->help : mixent_option_find(option->key)->help;
    char help[512];
    snprintf(help, sizeof help, option->fallback ? "%s (default: %s)" : "%s", words, option->fallback);
    mixent_wrapped_print(stdout, column, width + 4, help);
  }
  printf("  %-*s  show this text\n", width, "--help");
}

void mixent_command_help_print(const mixent_command *command) {
  printf("mixent %s: ", command->name);
  mixent_wrapped_print(stdout, (int)strlen(command->name) + 9, 2, command->summary);
  printf("\nUsage: mixent %s%s%s%s\n", command->name, command->operands ? " " : "",
         command->operands ? command->operands : "",
         command->members   ? " COMMAND"
         : command->options ? " [--OPTION VALUE]..."
                            : "");
  if (command->description) {
    putchar('\n');
    mixent_wrapped_print(stdout, 0, 0, command->description);
  }
  if (command->members) {
    puts("\nCommands");
    print_commands(command->members);
    printf("\n'mixent help %s COMMAND' tells more of each.\n", command->name);
  } else {
    print_options(command->options);
  }
}

static int print_recipe_help(void) {
  char *text = mixent_recipe_help();
  if (!text) return mixent_failed(mixent_fail(MIXENT_ERROR_MEMORY, "no memory for the list of options"));
  fputs(text, stdout);
  free(text);
  return MIXENT_EXIT_DONE;
}

static int run(const void *arguments, int count, char **words) {
  (void)arguments;
  if (count == 0) {
    mixent_program_help_print();
    return MIXENT_EXIT_DONE;
  }
  if (count == 1 && strncmp(words[0], "recipe", 6) == 0) return print_recipe_help();
  const mixent_command *command = mixent_command_find(mixent_commands, "", words[0]);
  if (command && count == 2) {
    if (!command->members)
      return mixent_wrong_use("help: '%s' has no command '%s'; 'mixent help %s' tells all of it", words[0],
                              words[1], words[0]);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s ", command->name);
    command = mixent_command_find(command->members, prefix, words[1]);
  }
  if (!command) return MIXENT_EXIT_WRONG_USE;
  mixent_command_help_print(command);
  return MIXENT_EXIT_DONE;
}

const mixent_command mixent_command_help = {
    .name = "help",
    .summary = "Tell what a command does and which options it has",
    .operands = "[COMMAND | recipe]",
    .most_operands = 2,
    .description =
        "'mixent help recipe' lists the built-in recipes and everything a recipe or --set can say.",
    .run = run};
