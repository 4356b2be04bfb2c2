/* Rows of named fields, between the readers of formats and the table. */
#ifndef MIXENT_LAB_RESULTS_ROWS_H
#define MIXENT_LAB_RESULTS_ROWS_H

#include "lab/results/results.h"
#include <stdio.h>

typedef enum mixent_field_kind {
  MIXENT_FIELD_MISSING,
  MIXENT_FIELD_NUMBER,
  MIXENT_FIELD_WORD,
  MIXENT_FIELD_NESTED /* a list or an object of JSON: no name, no number */
} mixent_field_kind;

typedef struct mixent_results_field {
  mixent_field_kind kind;
  double number;
  const char *text; /* as it is written; "": blank */
  size_t line, column;
} mixent_results_field;

/* The columns of a row; in CSV of all rows. */
typedef struct mixent_results_header {
  const char *origin; /* of results->sources */
  size_t line;        /* where they are named */
  const char *const *names;
  size_t count;
  const char *const *
      usual; /* [MIXENT_ROLES] what this tracker calls its columns, NULL where nothing; NULL: nothing at all */
  size_t roles[MIXENT_ROLES]; /* indices; `count`: there is no such column */
  const mixent_results_layout *layout;
  const char *variant, *seed, *data; /* of all rows, where no column has them; NULL: unknown */
  const char
      *identity; /* of rows without a seed: rows with the same one are one run; NULL: each row is a run */
  bool is_log;   /* one run's: of two rows with one epoch the later counts, and a row without an epoch
                                      * belongs to the one before */
  double epoch;  /* of the row before, in a log */
  bool is_unfinished; /* the next row's run: its values do not count */
} mixent_results_header;

/* Sets header->roles; refuses columns that are no table of results. */
mixent_status mixent_results_find_roles(const mixent_results_layout *layout, mixent_results_header *header);
/* The column that is called so, or that is the setting of that name ("params.seed"); `count`: none. */
mixent_status mixent_results_find_column(const mixent_results_header *header, const char *name, size_t *out);
/* Whether a column is a setting of a run, by its name: config.lr, params.lr, hparams.lr, tags.user. */
bool mixent_results_is_setting(const char *name);
/* Adds a row: fields [header->count]. */
mixent_status mixent_results_take(mixent_results_header *header, const mixent_results_field *fields,
                                  mixent_results *out);
/* Notes that `path` is read as what `reader` names (a literal); *out is the path in memory of the results. */
mixent_status mixent_results_add_source(const char *path, const char *reader, mixent_results *results,
                                        const char **out);
/* Variant and seed from the name of a run, or from the path of its directory or file below `root`. free() both; *seed NULL: it has none.
 *
 *   seed3 as a word anywhere, also seed_3, seed-3, seed=3   the seed
 *   else -3, _3, _s3 at the end, or a last part 3           the seed
 *   what is left, without version_3, log.csv and the like   the variant; where nothing is left, the name of `root` */
mixent_status mixent_results_name_run(const char *root, const char *name, char **variant, char **seed);
/* The same by the word seed alone, where names end in numbers of their own. */
mixent_status mixent_results_name_seeded(const char *root, const char *name, char **variant, char **seed);

/* What `right` of a run holds while rows are read; in the end 0 or 1. */
enum { MIXENT_ITEM_MISSING, MIXENT_ITEM_WRONG, MIXENT_ITEM_RIGHT };
/* Adds a test item of a run, and whether the run has it right. */
mixent_status mixent_results_take_item(const mixent_results_header *header,
                                       const mixent_results_field *fields, size_t run, mixent_results *out);
/* What a row, or its header, says of a role. */
typedef struct mixent_results_told {
  mixent_results_role role;
  const char *column; /* where it stands; "": `field` is a name that the header gives */
  mixent_results_field field;
} mixent_results_told;

/* `fixed`: what the header says where it has no such column, or NULL. */
mixent_results_told mixent_results_told_of(const mixent_results_header *header,
                                           const mixent_results_field *fields, mixent_results_role role,
                                           const char *fixed);
bool mixent_results_is_blank(const char *text);
/* Adds a name, in its composed spelling, to a set that holds at most `most` `what`. */
mixent_status mixent_results_add_name(mixent_name_set *set, const char *text, size_t most, const char *what,
                                      const char *origin, size_t *out);
/* Adds what is told as a name. */
mixent_status mixent_results_add_told(const char *origin, const mixent_results_told *told,
                                      mixent_name_set *set, size_t most, const char *what, size_t *out);
/* "variant 'ce', seed 3"; free(*out). */
mixent_status mixent_results_name_of(const mixent_results *results, const mixent_results_run *run,
                                     char **out);
/* The field of a role as a name: whole numbers have one spelling. The name is added to `set`, which holds at most `most` `what`. */
mixent_status mixent_results_add_role(const mixent_results_header *header, const mixent_results_field *fields,
                                      mixent_results_role role, mixent_name_set *set, size_t most,
                                      const char *what, size_t *out);
/* What the runs on a data set were scored on. */
mixent_status mixent_results_find_set(const char *origin, size_t data, mixent_results *out,
                                      mixent_results_set **set);
/* A number of a run in column `name`; a second one is an error. */
mixent_status mixent_results_put(const char *origin, const char *name, const mixent_results_field *field,
                                 mixent_results_run *run, mixent_results *out);

/* A number; what is not finite, or larger than a result can be, is missing. */
mixent_results_field mixent_results_number(double number, const char *text);

/* A cell of a table of texts: a number, no value, or a word. */
mixent_results_field mixent_results_cell_read(const char *text, size_t line, size_t column);

/* Whether a text stands for no value: blank, NA, NaN and the like (core/cell.h), or an infinity. */
bool mixent_results_is_missing(const char *text);

/* A file that is read: where it stands below what the command line names. */
typedef struct mixent_results_file {
  const char *path, *root, *name; /* `name`: the path below `root`; "" for a file that was named itself */
  bool is_named;                  /* by the caller: not found in a directory */
} mixent_results_file;

/* Readers of texts. *found is false, and nothing is read, where a file that is_named is not holds no results. */
mixent_status mixent_results_read_csv(const mixent_results_file *file, char *text, size_t size,
                                      const mixent_results_layout *layout, mixent_results *out, bool *found);
mixent_status mixent_results_read_json_lines(const mixent_results_file *file, char *text, size_t size,
                                             const mixent_results_layout *layout, mixent_results *out,
                                             bool *found);

/* Whether a file is one of TensorBoard's, by its name. */
bool mixent_results_is_event_file(const char *path);
/* The scalars of an event file: its directory is the run. */
mixent_status mixent_results_read_events(const mixent_results_file *file, const mixent_results_layout *layout,
                                         mixent_results *out);
/* The same of the `size` bytes of a stream, `path` in messages; `run` is its directory. */
mixent_status mixent_results_parse_events(const mixent_results_file *run, const char *path, FILE *stream,
                                          size_t size, const mixent_results_layout *layout,
                                          mixent_results *out);
/* The active runs of MLflow's store; *found false as above. */
mixent_status mixent_results_read_mlflow(const mixent_results_file *file, const mixent_results_layout *layout,
                                         mixent_results *out, bool *found);

/* A .npz file of one run. */
mixent_status mixent_results_read_npz(const char *path, const mixent_results_layout *layout,
                                      mixent_results *out);
mixent_status mixent_results_parse_npz(const char *origin, const uint8_t *bytes, size_t size,
                                       const mixent_results_layout *layout, mixent_results *out);

#endif
