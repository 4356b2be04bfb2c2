/* Words KEY=VALUE of commands that read data without a recipe. */
#ifndef MIXENT_CLI_READING_H
#define MIXENT_CLI_READING_H

#include "cli/command.h"
#include "recipe/recipe.h"

/* How the settings say that data are read: those of a recipe's options that do so, and no others. The texts in *out are those
 * of *recipe. */
mixent_status mixent_reading_choose(const mixent_setting_list *settings, mixent_recipe *recipe,
                                    mixent_dataset_options *out);
/* A row of a command's table of options: KEY=VALUE into a member `settings`. */
#define MIXENT_READING_OPTION(arguments)                                                                     \
  {                                                                                                          \
    .name = "set", .argument = "KEY=VALUE",                                                                  \
    .help = "an option of a recipe that says how data are read, also without --set ('mixent help recipe "    \
            "pictures' and 'mixent help recipe tables' explain them)",                                       \
    .kind = MIXENT_VALUE_SETTING, .offset = offsetof(arguments, settings), .takes = mixent_option_reads      \
  }

#endif
