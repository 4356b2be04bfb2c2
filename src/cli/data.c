/* `mixent data`: the group of commands about data sets. */
#include "cli/commands.h"

static const mixent_command *const members[] = {&mixent_command_data_list, &mixent_command_data_show,
                                                &mixent_command_data_get, NULL};

const mixent_command mixent_command_data = {
    .name = "data",
    .summary = "List data sets, show their images, fetch them",
    .description =
        "A data set is a known name or a directory with the four IDX files of images and labels: names that "
        "end in train-images-idx3-ubyte, train-labels-idx1-ubyte, test-images-idx3-ubyte and "
        "test-labels-idx1-ubyte (or t10k-...), each plain or with .gz.",
    .members = members};
