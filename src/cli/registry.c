/* Every sub-command, in the order the help lists them, and the commands that tell of the others. */
#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/manual.h"

static int print_help(const void *arguments, int count, char **words) {
  (void)arguments;
  return mixent_help_print(mixent_commands, count, words);
}

static const mixent_command help = {
    .name = "help",
    .summary = "Tell what a command does and which options it has",
    .operands = "[COMMAND [COMMAND] | recipe [WORD]]",
    .most_operands = 2,
    .description = "'mixent help recipe' lists the built-in recipes and, in groups, every option of a "
                   "recipe. WORD shows a part: a "
                   "group, a section, an option, or a part of its name.\n\n"
                   "  mixent help train                what 'mixent train' does\n"
                   "  mixent help data get             a command of a group\n"
                   "  mixent help recipe schedule      the options of the learning rate's schedule\n"
                   "  mixent help recipe lr            what is called 'lr' elsewhere",
    .run = print_help};

static int print_completions(const void *arguments, int count, char **words) {
  (void)arguments;
  return mixent_completions_print(mixent_commands, count, words);
}

static const mixent_command complete = {.name = "complete",
                                        .summary = "Say what may follow on a command line, for shells",
                                        .operands = "-- [WORD]...",
                                        .most_operands = -1,
                                        .hidden = true,
                                        .run = print_completions};

static int write_manual(const void *arguments, int count, char **words) {
  (void)arguments, (void)count;
  mixent_status status = mixent_manual_write(mixent_commands, words[0]);
  return status == MIXENT_OK ? MIXENT_EXIT_DONE : mixent_failed(status);
}

static const mixent_command manual = {.name = "manual",
                                      .summary = "Write the man pages, for the build",
                                      .operands = "DIR",
                                      .least_operands = 1,
                                      .most_operands = 1,
                                      .hidden = true,
                                      .run = write_manual};

const mixent_command *const mixent_commands[] = {&mixent_command_train,
                                                 &mixent_command_tune,
                                                 &mixent_command_runs,
                                                 &mixent_command_show,
                                                 &mixent_command_eval,
                                                 &mixent_command_predict,
                                                 &mixent_command_export,
                                                 &mixent_command_page,
                                                 &mixent_command_info,
                                                 &mixent_command_compare,
                                                 &mixent_command_report,
                                                 &mixent_command_study,
                                                 &mixent_command_data,
                                                 &mixent_command_demo,
                                                 &help,
                                                 &mixent_command_version,
                                                 &complete,
                                                 &manual,
                                                 NULL};
