/* The sub-commands, one file each, and the list of all. */
#ifndef MIXENT_CLI_COMMANDS_H
#define MIXENT_CLI_COMMANDS_H

#include "cli/command.h"

extern const mixent_command mixent_command_train, mixent_command_eval, mixent_command_predict,
    mixent_command_export, mixent_command_page, mixent_command_info, mixent_command_data,
    mixent_command_data_list, mixent_command_data_show, mixent_command_data_check, mixent_command_data_get,
    mixent_command_tune, mixent_command_demo, mixent_command_compare, mixent_command_report,
    mixent_command_study, mixent_command_study_export, mixent_command_study_import, mixent_command_runs,
    mixent_command_show, mixent_command_version;

/* Every command, NULL-terminated, in the order the help lists them (registry.c). */
extern const mixent_command *const mixent_commands[];

#endif
