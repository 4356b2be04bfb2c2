/* A sub-command: its words, its options as one table that feeds the parser and the help, and what it runs. To
 * add one: a file that defines a mixent_command, and a line in registry.c. */
#ifndef MIXENT_CLI_COMMAND_H
#define MIXENT_CLI_COMMAND_H

#include "mixent/train.h"
#include <stdbool.h>
#include <stddef.h>

enum { MIXENT_EXIT_DONE = 0, MIXENT_EXIT_FAILED = 1, MIXENT_EXIT_WRONG_USE = 2 };

/* What an option's value becomes in the command's struct of arguments. */
typedef enum mixent_value_kind {
  MIXENT_VALUE_FLAG,   /* bool; takes no value */
  MIXENT_VALUE_TEXT,   /* const char *; NULL if neither given nor defaulted */
  MIXENT_VALUE_WHOLE,  /* long within [low, high] */
  MIXENT_VALUE_CHOICE, /* int, an index into `choices` */
  MIXENT_VALUE_SETTING /* appended to a mixent_setting_list under `key` (a flag: "true"), or as key=value if
                          that is NULL */
} mixent_value_kind;

typedef struct mixent_command_option {
  const char *name;     /* "epochs" is --epochs */
  const char *argument; /* "N", as the help shows it; NULL for a flag */
  const char *help;     /* a sentence without its stop; NULL: that of the recipe's option `key` */
  mixent_value_kind kind;
  size_t offset;        /* of the value in the struct of arguments */
  const char *fallback; /* the default as text, or NULL */
  long low, high;
  const char *const *choices; /* NULL-terminated */
  const char *key;            /* of a recipe's option (MIXENT_VALUE_SETTING) */
} mixent_command_option;

/* Changes to a recipe in the order they were given, so that a later one wins. */
typedef struct mixent_setting_list {
  mixent_setting
      *items; /* the texts stay those of argv or of the option table; "key=value" is cut in place */
  size_t count;
} mixent_setting_list;

typedef struct mixent_command mixent_command;
struct mixent_command {
  const char *name;                     /* "train"; of a member of a group both words, "data show" */
  const char *summary;                  /* one line for the list of commands */
  const char *operands;                 /* "CKPT IMAGE.png…", or NULL */
  int least_operands, most_operands;    /* most -1: any number */
  const char *description;              /* paragraphs for the command's help, or NULL */
  const mixent_command_option *options; /* name NULL after the last; or NULL */
  const mixent_command *const *members; /* of a group; NULL-terminated */
  size_t arguments_size;
  /* `arguments` is the struct the options filled, `operands` the words that are no options (NULL-terminated).
   * Returns the exit code. */
  int (*run)(const void *arguments, int operand_count, char **operands);
};

/* Every command, NULL-terminated, in the order the help lists them (registry.c). */
extern const mixent_command *const mixent_commands[];

/* Parses the words after the command's name and runs it; returns the exit code. --help prints the help. */
int mixent_command_run(const mixent_command *command, int argc, char **argv);

/* The help of the program, and of one command, on standard output. */
void mixent_program_help_print(void);
void mixent_command_help_print(const mixent_command *command);

/* The command of that name among `commands`; if there is none, says so on stderr with the nearest name and
 * returns NULL. `group` ("data ", or "") stands before the name in the message. */
const mixent_command *mixent_command_find(const mixent_command *const *commands, const char *group,
                                          const char *name);

/* "mixent: message" on stderr, MIXENT_EXIT_WRONG_USE. */
int mixent_wrong_use(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "mixent: warning: message" on stderr. */
void mixent_warning_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Something that was to be printed cannot be, for memory ran out: the program says so at its end and fails. */
void mixent_output_lacks(void);
/* The library's message on stderr; the exit code for that status: wrong use for MIXENT_ERROR_ARGUMENT, 128 +
 * the signal for MIXENT_ERROR_INTERRUPTED, else failed. */
int mixent_failed(mixent_status status);

#endif
