/* A sub-command: its words, its options as one table that feeds the parser, the help, the man pages and the completion of
 * shells, and what it runs. To add one: a file that defines a mixent_command, and a line in registry.c. */
#ifndef MIXENT_CLI_COMMAND_H
#define MIXENT_CLI_COMMAND_H

#include "cli/message.h"
#include "mixent/train.h"
#include "recipe/recipe.h"
#include <stdbool.h>
#include <stddef.h>

/* What an option's value becomes in the command's struct of arguments. */
typedef enum mixent_value_kind {
  MIXENT_VALUE_FLAG,   /* bool; takes no value */
  MIXENT_VALUE_TEXT,   /* const char *; NULL if neither given nor defaulted */
  MIXENT_VALUE_WHOLE,  /* long within [low, high] */
  MIXENT_VALUE_CHOICE, /* int, an index into `choices` */
  MIXENT_VALUE_SETTING /* appended to a mixent_setting_list under `key` (a flag: "true"), or as key=value if
                          that is NULL; the command then takes key=value without the option, too */
} mixent_value_kind;

/* Names that are known where others, or files, may stand as well; NULL-terminated. */
typedef const char *const *mixent_known_names(void);

typedef struct mixent_command_option {
  const char *name;     /* "epochs" is --epochs */
  const char *argument; /* "N", as the help shows it; NULL for a flag */
  const char *help;     /* a sentence without its stop; NULL: that of the recipe's option `key` */
  mixent_value_kind kind;
  size_t offset;        /* of the value in the struct of arguments */
  const char *fallback; /* the default as text, or NULL */
  long low, high;
  const char *const *choices;                 /* NULL-terminated */
  mixent_known_names *names;                  /* or NULL */
  const char *key;                            /* of a recipe's option (MIXENT_VALUE_SETTING) */
  bool (*takes)(const mixent_option *option); /* without a key: which options of a recipe; NULL: any */
} mixent_command_option;

/* Changes to a recipe in the order they were given, so that a later one wins. */
typedef struct mixent_setting_list {
  mixent_setting
      *items; /* the texts stay those of argv or of the option table; "key=value" is cut in place */
  size_t count;
} mixent_setting_list;

typedef struct mixent_command mixent_command;
struct mixent_command {
  const char *name;                  /* "train"; of a member of a group both words, "data show" */
  const char *summary;               /* one line for the list of commands */
  const char *operands;              /* "CKPT IMAGE.png…", or NULL */
  int least_operands, most_operands; /* most -1: any number; key=value that changes a recipe is not counted */
  mixent_known_names *names;         /* of the first operand, or NULL */
  const char *description;           /* paragraphs for the command's help, or NULL */
  const mixent_command_option *options; /* name NULL after the last; or NULL */
  const mixent_command *const *members; /* of a group; NULL-terminated */
  bool hidden;                          /* for other programs: no help lists it */
  bool ranks;                           /* runs on the ranks of an MPI job (peers/peers.h) */
  bool events; /* with --json, but without --dry-run, it prints events (cli/events.h) */
  size_t arguments_size;
  /* `arguments` is the struct the options filled, `operands` the words that are no options (NULL-terminated).
   * Returns the exit code. */
  int (*run)(const void *arguments, int operand_count, char **operands);
};

/* The command of that name among `commands`, or NULL. `group` ("data ", or "") stands before the name. */
const mixent_command *mixent_command_find(const mixent_command *const *commands, const char *group,
                                          const char *name);
/* The same; if there is none, says so on stderr with the nearest name. */
const mixent_command *mixent_command_demand(const mixent_command *const *commands, const char *group,
                                            const char *name);

/* The option --NAME, of which `length` letters count; or NULL. */
const mixent_command_option *mixent_command_option_find(const mixent_command *command, const char *name,
                                                        size_t length);
/* The option that changes this key of a recipe, or any (key NULL); NULL if the command has none. */
const mixent_command_option *mixent_command_setting_find(const mixent_command *command, const char *key);

#endif
