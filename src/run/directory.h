/* A run's directory: made beside its place and renamed there once it is complete, locked while a process
 * trains it. */
#ifndef MIXENT_RUN_DIRECTORY_H
#define MIXENT_RUN_DIRECTORY_H

#include "core/status.h"
#include "mixent/run.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct mixent_run_directory {
  char *path;                                                          /* where it stands now */
  char *place;                                                         /* where it will stand, or stands */
  char *recipe, *plan, *metrics, *last, *best, *predictions, *summary; /* its files */
  char *failure;
  int lock; /* descriptor of the locked directory; -1: none */
} mixent_run_directory;

/* Refuses a place that is taken, naming what to do; with `overwrite` one that is no run or is being trained.
 */
mixent_status mixent_run_directory_check(const char *place, bool overwrite);
/* Makes ".<name>.new" beside its place, empty and locked, in one step: of several processes one gets it, and the others
 * MIXENT_ERROR_ARGUMENT. A link at the place is followed. */
mixent_status mixent_run_directory_begin(const char *place, mixent_run_directory *out);
/* Renames it to its place, if nothing has come to stand there; with `overwrite` a run that is there goes, and until the new one stands there it
 * stays (on file systems that cannot exchange two names, but for a moment). */
mixent_status mixent_run_directory_publish(mixent_run_directory *run, bool overwrite);
/* The names alone of a run that another process writes: nothing is looked at or locked. */
mixent_status mixent_run_directory_name(const char *place, mixent_run_directory *out);
/* An existing run, locked. */
mixent_status mixent_run_directory_open(const char *place, mixent_run_directory *out);
/* The lock alone, of any directory; it ends when *lock is closed in every process that has it. MIXENT_ERROR_ARGUMENT where
 * another has it. */
mixent_status mixent_run_directory_lock(const char *path, int *lock);
/* Unlocks, frees; one that was never published is removed. Safe on {.lock = -1}. */
void mixent_run_directory_close(mixent_run_directory *run);

/* Whether a process trains the run in that directory. */
bool mixent_run_directory_is_locked(const char *path);

/* Adds a line to metrics.jsonl and syncs it. */
mixent_status mixent_run_directory_add_metrics(const mixent_run_directory *run, const char *line);
/* Leaves the first `lines` lines of metrics.jsonl. */
mixent_status mixent_run_directory_trim_metrics(const mixent_run_directory *run, size_t lines);
/* The sum of the field "seconds" over metrics.jsonl. */
mixent_status mixent_run_directory_seconds(const mixent_run_directory *run, double *seconds);

/* The whole lines of the metrics.jsonl in a run's directory, as an array of objects. MIXENT_ERROR_FORMAT if one is no
 * JSON; what was cut off at the end is left out. */
struct json_t;
mixent_status mixent_run_history_read(const char *directory, struct json_t **out);
/* The same of its bytes; `path` is for messages. */
mixent_status mixent_run_history_parse(const char *text, size_t size, const char *path, struct json_t **out);

/* The summary.json of a finished run; mixent_train_summary_free. MIXENT_ERROR_IO if it cannot be read, MIXENT_ERROR_FORMAT if
 * it is not whole. */
mixent_status mixent_run_summary_read(const char *path, mixent_train_summary *out);

/* The text of a summary.json, whose reference it takes (NULL: MIXENT_ERROR_MEMORY); free(*out). */
mixent_status mixent_run_summary_text(struct json_t *json, char **out);

#endif
