/* The log of one run: a file or a directory whose rows belong to one run. Its variant and seed are settings (Lightning's hparams.yaml), or
 * are read from its path (run_name.c). */
#ifndef MIXENT_LAB_RESULTS_LOG_H
#define MIXENT_LAB_RESULTS_LOG_H

#include "core/yaml.h"
#include "lab/results/rows.h"

/* Start from {0}. */
typedef struct mixent_results_log {
  const char *identity;         /* of the run, where it has no seed: its path */
  char *variant, *seed;         /* by the path; seed NULL: it has none */
  size_t count;                 /* settings */
  char **names;                 /* [count] "hparams.lr" */
  mixent_results_field *fields; /* [count] */
  mixent_yaml *settings;        /* owns the fields' texts */
} mixent_results_log;

/* Names the run by the path, and reads hparams.yaml beside it. */
mixent_status mixent_results_log_begin(const mixent_results_file *file, const char *origin,
                                       mixent_results_log *out);
/* The roles of a header whose names are complete; the path gives what no column and no setting has. */
mixent_status mixent_results_log_find(const mixent_results_layout *layout, const mixent_results_log *log,
                                      mixent_results_header *header, mixent_results *out);
void mixent_results_log_end(mixent_results_log *log);

#endif
