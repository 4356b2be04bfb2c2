/* Somebody's results as one table: what runs measured, whoever trained them and whatever wrote the file.
 *
 * Design. A reader (csv.c, json_lines.c, and one per tracker: tensorboard.c, mlflow.c) turns a file into rows of named fields. table.c turns a
 * row into values, in the same way for all, so that another format is one more reader. read.c tells the files apart and walks directories.
 * compare.c hands it to the engine (lab/compare).
 *
 * A column has a role or is a metric. Roles are found by name, in capital letters or not, or mapped (`--columns variant=group`):
 *
 *   variant   what is compared; needed
 *   seed      any text; whole numbers are one seed however they are written (1, 1.0). Runs of two variants with one seed are a pair
 *   data      the data set; compared each for itself
 *   item, correct   both: a row per test item of a run, and whether the run has it right (0 or 1, true or false); its accuracy is their mean
 *   run       a run's name that holds variant and seed (run_name.c); counts where no column is the variant
 *   epoch     a run has a row for each epoch: one of them counts (epoch.c)
 *   metric, value   both: a long table, with a row for each metric of a run; it needs seeds. Else a wide one: a column per metric
 *
 * A mapped name also finds a column that has it behind `config.`, `params.`, `hparams.` or `tags.`, as trackers write. Such columns are settings,
 * not metrics. Every other column of a wide table whose cells are numbers is a metric. A column of words is passed over, and so is one without
 * a name (what data frames write for the number of a row).
 *
 *   in the file                                outcome
 *   a blank cell, NA, NaN, null, an infinity   the run has no such value; the comparison leaves it out and says so
 *   no seed column                             every row is a run of its own; compared unpaired
 *   a row without its variant, seed or data    an error
 *   two values of one metric of one run        an error that names both lines; of a log, the one of the epoch that counts
 *   a word in a column of numbers              an error
 *   an item that a run on the data set lacks   an error; so is one that a run has twice
 *   numbers in a column that begins with words passed over; an error where that metric is asked for
 *   a run that its tracker has as not finished a run without values
 *
 * lab/compare/compare.h says what becomes of few, unequal and equal numbers. Files are regular ones, plain or in gzip, of bounded size. */
#ifndef MIXENT_LAB_RESULTS_RESULTS_H
#define MIXENT_LAB_RESULTS_RESULTS_H

#include "core/file.h"
#include "lab/compare/compare.h" /* MIXENT_NO_SEED */
#include "lab/record/record.h"
#include "lab/results/name_set.h"
#include <stdbool.h>

enum {
  MIXENT_RESULTS_BYTES = 64 << 20, /* of a file, unpacked */
  MIXENT_RESULTS_COLUMNS = 4096,   /* of all files together; metrics of a long table count as well */
  MIXENT_RESULTS_VARIANTS = 1000,  /* and data sets */
  MIXENT_RESULTS_RUNS = 100000,    /* of all files together */
  MIXENT_RESULTS_CELLS = 2000000,  /* runs times metrics */
  MIXENT_RESULTS_ROWS = 100000000  /* logs have one for each step and metric */
};
#define MIXENT_RESULTS_LARGEST                                                                               \
  1e150 /* a larger value counts as infinite: its square has no place in a double */

typedef enum mixent_results_role {
  MIXENT_ROLE_VARIANT,
  MIXENT_ROLE_SEED,
  MIXENT_ROLE_DATA,
  MIXENT_ROLE_METRIC,
  MIXENT_ROLE_VALUE,
  MIXENT_ROLE_ITEM,
  MIXENT_ROLE_CORRECT,
  MIXENT_ROLE_RUN,
  MIXENT_ROLE_EPOCH,
  MIXENT_ROLES
} mixent_results_role;

extern const char *const mixent_results_roles[MIXENT_ROLES + 1]; /* their names; NULL after the last */

/* How files are read: which column has which role (NULL: that of the role's name), and which epoch of a log counts. */
typedef struct mixent_results_layout {
  char *columns[MIXENT_ROLES];
  char *best; /* the epoch where this metric is best; NULL: the last one */
  int better; /* of `best`: 1: higher, -1: lower */
} mixent_results_layout;

/* From "variant=group,seed=rng"; NULL: an empty layout. */
mixent_status mixent_results_layout_parse(const char *text, mixent_results_layout *out);
void mixent_results_layout_free(mixent_results_layout *layout);

typedef struct mixent_results_cell {
  double value; /* NaN: the run has none */
  const char *file;
  size_t line;     /* where it was read; 0: the file has no lines */
  double epoch;    /* of a log: where `value` was measured; NaN: at several epochs, none of which counts */
  bool is_settled; /* by the epoch that counts */
} mixent_results_cell;

typedef struct mixent_results_point {
  double epoch, value; /* NaN: measured, and no number */
} mixent_results_point;

typedef struct mixent_results_run {
  size_t variant, data;
  long seed;                  /* an index into `seeds`, or MIXENT_NO_SEED */
  mixent_results_cell *cells; /* [cell_count] by column; those beyond are missing */
  size_t cell_count;
  mixent_result *result; /* of its predictions; NULL: none are known */
  uint8_t *right;        /* [items of the data set] of rows with an item: 0 or 1; NULL: there are none */
  size_t right_count;    /* while rows are read */
  mixent_results_point *points; /* [point_count] of layout->best, by epoch, until its best epoch is chosen */
  size_t point_count;
  double best_epoch; /* once it is chosen (has_best) */
  bool has_best;
} mixent_results_run;

/* What the runs on a data set were scored on; {0}: not known. */
typedef struct mixent_results_set {
  mixent_name_set items; /* of rows with an item */
  size_t count;          /* test items, of `items` or of results */
  size_t scored;         /* the first run that has a result, and 1; 0: none */
} mixent_results_set;

typedef struct mixent_results_column {
  bool numbers;     /* a metric; else a column of words */
  bool predicted;   /* a measure of predictions (lab/compare/runs.h), in its units */
  const char *file; /* where its first cell stands that is not missing */
  size_t line, column;
  char word[41]; /* that cell, where it is a word */
} mixent_results_column;

/* Start from {0}. */
typedef struct mixent_results {
  mixent_name_set variants, seeds, columns; /* in the order of their coming */
  mixent_name_set data;                     /* data sets; "" where a file has no such column */
  mixent_name_set keys;                     /* of the runs: data, variant and seed */
  mixent_results_column *kinds;             /* [columns.count] */
  mixent_results_run *runs;                 /* [keys.count] */
  size_t rows, cells, rights;               /* rows that were read; cells, and `right`, of all runs */
  const char *file;                         /* that was read last */
  size_t last_run;                          /* that the last row was of */
  mixent_results_set *sets;                 /* [data.count], grown as they come: set_count */
  size_t set_count;
  mixent_names origins;        /* of recorded runs: their directories */
  mixent_name_set sources;     /* paths that were read: the files, and of TensorBoard directories */
  const char **readers;        /* [sources.count]: what each is, "TensorBoard" */
  mixent_name_set passed_over; /* files in directories that hold no results */
  size_t unfinished;           /* runs that their tracker has as not finished */
  size_t cut_off;              /* event files that end within a record */
  bool has_epochs, has_names;  /* a log was read; variant and seed were taken from a path or a name */
  bool choosing;               /* the first of two readings: it finds the best epoch of each run */
} mixent_results;

/* Adds the results of files and of directories, there of every file of results below. */
mixent_status mixent_results_read(char *const *paths, size_t count, const mixent_results_layout *layout,
                                  mixent_results *out);
/* The same of one file's text of `size` bytes that ends in a zero beyond them; it is changed by reading. */
mixent_status mixent_results_parse(const char *origin, char *text, size_t size,
                                   const mixent_results_layout *layout, mixent_results *out);
/* Adds a recorded run, and takes over its result: the measures of its predictions become columns, then its metrics that have no
 * measure's name. Runs on one data set must have been scored on the same test labels. */
mixent_status mixent_results_add(mixent_record *record, mixent_results *out);
/* Adds the recorded runs of a directory (lab/record); its variants come by name. */
mixent_status mixent_results_read_records(const char *directory, mixent_results *out);
/* After the last file: every run on a data set must have each of its items. */
mixent_status mixent_results_finish(mixent_results *out);
void mixent_results_free(mixent_results *results);

/* NaN where the run has no such value. */
double mixent_results_value(const mixent_results_run *run, size_t column);
/* Which test items a run has right, [items of its data set]; NULL: not known. */
const uint8_t *mixent_results_right(const mixent_results_run *run);

#endif
