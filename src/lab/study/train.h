/* Trains what a study lacks: several `mixent train` processes at once, each run begun, gone on with, or left because it
 * is finished. */
#ifndef MIXENT_LAB_STUDY_TRAIN_H
#define MIXENT_LAB_STUDY_TRAIN_H

#include "lab/study/directory.h"
#include <signal.h>

/* Now and then, and after every change. */
typedef struct mixent_study_progress {
  size_t finished, failed, total, running; /* runs */
  char **names;                            /* [running] "ce-0", "min-ent-0" */
  double fraction;                         /* of all epochs, those of failed runs counted as done */
  double images_per_second;                /* of all that run together, in their epochs; 0: not known yet */
  double seconds_left;                     /* by the mean time of an epoch so far; NaN: not known yet */
} mixent_study_progress;

/* A run has ended: it is finished, failed with a message, or was stopped by a signal of its own and has saved. */
typedef struct mixent_study_ended {
  const char *name, *path;
  const char *message;            /* of a failure, else NULL */
  int signal;                     /* that stopped it, or 0 */
  double accuracy, nll, seconds;  /* of a finished one: of the test images; of training */
  size_t finished, failed, total; /* runs */
} mixent_study_ended;

typedef struct mixent_study_train_options {
  const char *program;         /* the program that `train` is said to */
  long jobs;                   /* processes at once; 0: as many as processors have room for */
  int lock;                    /* of the study; every process holds it */
  volatile sig_atomic_t *stop; /* as in mixent_train_options: processes save and end */
  void *context;
  void (*progress)(void *context, const mixent_study_progress *progress);
  void (*ended)(void *context, const mixent_study_ended *ended);
  void (*warning)(void *context, const char *run, const char *message);
  /* Each event of a run (docs/EVENTS.md), with its `run`, `variant` and `seed` added. */
  void (*event)(void *context, struct json_t *event);
} mixent_study_train_options;

/* Trains until all runs are finished or have failed; one that failed before is tried again, unless it
 * holds failure.txt: its numbers became infinite, and would again. *failed: how many did.
 * MIXENT_ERROR_INTERRUPTED when it, or one of its runs, was asked to stop. The study must have come from mixent_study_begin. */
mixent_status mixent_study_train(mixent_study *study, const mixent_study_train_options *options,
                                 size_t *failed);

/* How many processes 0 means. */
long mixent_study_jobs(const mixent_study *study);

#endif
