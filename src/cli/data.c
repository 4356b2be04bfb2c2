/* `mixent data`: the group of commands about data sets. */
#include "cli/commands.h"

static const mixent_command *const members[] = {&mixent_command_data_list, &mixent_command_data_show,
                                                &mixent_command_data_check, &mixent_command_data_get, NULL};

const mixent_command mixent_command_data = {
    .name = "data",
    .summary = "List data sets, show what is in them, check them, fetch them",
    .description =
        "A data set is a known name; a directory with images as IDX files, CIFAR's binary files or pictures in "
        "folders, CLASS or train/CLASS, test/CLASS and perhaps val/CLASS; an archive of such folders (.zip, "
        ".tar, .tar.gz, .tgz); images or rows of a table in one .npz; or a table in CSV. docs/DATA.md shows "
        "each, docs/FORMATS.md has the rules.",
    .members = members};
