/* Every sub-command, in the order the help lists them. */
#include "cli/commands.h"

const mixent_command *const mixent_commands[] = {
    &mixent_command_train,   &mixent_command_tune,    &mixent_command_runs,    &mixent_command_show,
    &mixent_command_eval,    &mixent_command_predict, &mixent_command_export,  &mixent_command_info,
    &mixent_command_compare, &mixent_command_report,  &mixent_command_study,   &mixent_command_data,
    &mixent_command_demo,    &mixent_command_help,    &mixent_command_version, NULL};
