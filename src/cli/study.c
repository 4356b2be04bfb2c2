/* `mixent study`: the group of commands about studies on disk. */
#include "cli/commands.h"

static const mixent_command *const members[] = {&mixent_command_study_export, &mixent_command_study_import,
                                                NULL};

const mixent_command mixent_command_study = {
    .name = "study",
    .summary = "Carry the results of a study to another machine",
    .description =
        "'mixent compare' trains studies and shows them. 'study export' writes the results of a study as one small file; "
        "'study import' makes a study from it on another machine, which can continue it. Finished runs are never trained again.",
    .members = members};
