/* A run's directory: made beside its place and renamed there once it is complete, locked while a process
 * trains it. */
#ifndef MIXENT_TRAIN_RUN_DIRECTORY_H
#define MIXENT_TRAIN_RUN_DIRECTORY_H

#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct mixent_run_directory {
  char *path;                                                          /* where it stands now */
  char *place;                                                         /* where it will stand, or stands */
  char *recipe, *plan, *metrics, *last, *best, *predictions, *summary; /* its files */
  int lock; /* descriptor of the locked directory; -1: none */
} mixent_run_directory;

/* Refuses a place that is taken, naming what to do; with `overwrite` one that is no run or is being trained.
 */
mixent_status mixent_run_directory_check(const char *place, bool overwrite);
/* Makes ".<name>.new" beside its place, locked; what an earlier try left there goes. */
mixent_status mixent_run_directory_begin(const char *place, mixent_run_directory *out);
/* Renames it to its place; with `overwrite` a run that is there goes, and until the new one stands there it
 * stays (on file systems that cannot exchange two names, but for a moment). */
mixent_status mixent_run_directory_publish(mixent_run_directory *run, bool overwrite);
/* An existing run, locked. */
mixent_status mixent_run_directory_open(const char *place, mixent_run_directory *out);
/* The lock alone, of any directory; it ends when *lock is closed in every process that has it. MIXENT_ERROR_ARGUMENT where
 * another has it. */
mixent_status mixent_run_directory_lock(const char *path, int *lock);
/* Unlocks, frees; one that was never published is removed. Safe on {.lock = -1}. */
void mixent_run_directory_close(mixent_run_directory *run);

/* Adds a line to metrics.jsonl and syncs it. */
mixent_status mixent_run_directory_add_metrics(const mixent_run_directory *run, const char *line);
/* Leaves the first `lines` lines of metrics.jsonl. */
mixent_status mixent_run_directory_trim_metrics(const mixent_run_directory *run, size_t lines);
/* The sum of the field "seconds" over metrics.jsonl. */
mixent_status mixent_run_directory_seconds(const mixent_run_directory *run, double *seconds);

#endif
