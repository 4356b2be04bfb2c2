/* Rows of named fields, between the readers of formats and the table. */
#ifndef MIXENT_LAB_RESULTS_ROWS_H
#define MIXENT_LAB_RESULTS_ROWS_H

#include "lab/results/results.h"

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
  const char *origin;
  size_t line; /* where they are named */
  const char *const *names;
  size_t count;
  size_t roles[MIXENT_ROLES]; /* indices; `count`: there is no such column */
} mixent_results_header;

/* Sets header->roles; refuses columns that are no table of results. */
mixent_status mixent_results_find_roles(const mixent_results_layout *layout, mixent_results_header *header);
/* Adds a row: fields [header->count]. */
mixent_status mixent_results_take(const mixent_results_header *header, const mixent_results_field *fields,
                                  mixent_results *out);

/* Adds a test item of a run, and whether the run has it right. */
mixent_status mixent_results_take_item(const mixent_results_header *header,
                                       const mixent_results_field *fields, size_t run, mixent_results *out);
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

mixent_status mixent_results_read_csv(const char *origin, char *text, size_t size,
                                      const mixent_results_layout *layout, mixent_results *out);
mixent_status mixent_results_read_json_lines(const char *origin, char *text, size_t size,
                                             const mixent_results_layout *layout, mixent_results *out);

/* A .npz file of one run. */
mixent_status mixent_results_read_npz(const char *path, const mixent_results_layout *layout,
                                      mixent_results *out);
mixent_status mixent_results_parse_npz(const char *origin, const uint8_t *bytes, size_t size,
                                       const mixent_results_layout *layout, mixent_results *out);

#endif
