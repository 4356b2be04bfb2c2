/* `mixent data list`: the known data sets, where they are, or how to get them. */
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/terminal.h"

#include <stdlib.h>

typedef struct arguments {
  const char *data_directory;
  bool json;
} arguments;

/* One data set: a line of JSON, or a line of the table. */
static int add_dataset(const arguments *arguments, const char *name, mixent_table *table) {
  char *directory;
  mixent_status status = mixent_dataset_find(name, arguments->data_directory, &directory);
  if (status != MIXENT_OK) return mixent_failed(status);
  int code = MIXENT_EXIT_DONE;
  if (arguments->json)
    code = mixent_json_print(json_pack("{s:s, s:s?}", "name", name, "directory", directory));
  mixent_table_add(table, "%s", name);
  if (directory)
    mixent_table_add(table, "%s", directory);
  else
    mixent_table_add(table, "not here: get it with 'mixent data get %s'", name);
  free(directory);
  return code;
}

static int run(const void *given, int count, char **words) {
  (void)count, (void)words;
  const arguments *arguments = given;
  mixent_table table = {.columns = 2, .titles = {"name", "where"}, .left = {true, true}};
  int code = MIXENT_EXIT_DONE;
  for (const char *const *name = mixent_dataset_names(); *name && code == MIXENT_EXIT_DONE; name++)
    code = add_dataset(arguments, *name, &table);
  if (code == MIXENT_EXIT_DONE && !arguments->json) {
    mixent_table_print(&table, stdout);
    puts("\nLooked for in --data-dir, $MIXENT_DATA, ./data, the cache (~/.cache/mixent) and "
         "/usr/share/datasets. Any\n"
         "other data set ('mixent help data' says of what kinds) can be named by its path.");
  }
  mixent_table_free(&table);
  return code;
}

static const mixent_command_option options[] = {
    {.name = "data-dir",
     .argument = "DIR",
     .help = "look there first",
     .kind = MIXENT_VALUE_TEXT,
     .offset = offsetof(arguments, data_directory)},
    {.name = "json",
     .help = "print a line of JSON per data set; directory is null if it is nowhere",
     .kind = MIXENT_VALUE_FLAG,
     .offset = offsetof(arguments, json)},
    {.name = NULL}};

const mixent_command mixent_command_data_list = {.name = "data list",
                                                 .summary = "List the known data sets and where they are",
                                                 .options = options,
                                                 .arguments_size = sizeof(arguments),
                                                 .run = run};
