/* What a study leaves on disk: runs/NAME holds study.yaml, base.yaml (the recipe that all start from), study.json (threads,
 * seeds, data sets, plans, what failed), plan-1.yaml … and a directory for each run. It appears complete, by rename. */
#ifndef MIXENT_LAB_STUDY_DIRECTORY_H
#define MIXENT_LAB_STUDY_DIRECTORY_H

#include "lab/study/study.h"

typedef enum mixent_run_state {
  MIXENT_RUN_MISSING, /* nothing there */
  MIXENT_RUN_BEGUN,   /* it can go on from last.safetensors */
  MIXENT_RUN_FAILED,  /* the last try ended with a message */
  MIXENT_RUN_FINISHED /* summary.json is there */
} mixent_run_state;

/* A data set's shape, which a network is made for. */
typedef struct mixent_study_shape {
  int channels, side, classes;
} mixent_study_shape;

/* What the lab asks of whoever has networks, to make a study's plans. */
typedef struct mixent_study_planner {
  bool native_bf16; /* the processor multiplies bfloat16 at full speed */
  /* Whether the recipe's network and plan can be meant at all; reads no data. */
  mixent_status (*check)(const mixent_recipe *recipe);
  /* Appends the plan file that a resolved recipe comes to on this machine. */
  mixent_status (*plan)(const mixent_recipe *recipe, const mixent_study_shape *shape, mixent_text *out);
} mixent_study_planner;

/* Whether a study stands there. What the system hides is an error. */
mixent_status mixent_study_look(const char *path, bool *found);
/* The study in a directory, with the seeds and data sets it has come to, its runs checked against it; nothing is locked. */
mixent_status mixent_study_open(const char *directory, mixent_study **out);

/* Makes `study` the one that stands in `directory`, in memory alone: seeds of both, data sets, plans and failures of
 * that. Refuses (MIXENT_ERROR_ARGUMENT, naming what differs) another recipe, data or setting, and a variant that is gone;
 * more variants, more seeds, other words, baseline or difference are welcome. */
mixent_status mixent_study_join(mixent_study *study, const char *directory);

/* Makes the study's directory, or joins the one that is there, and makes the plans it lacks. threads: of each run; 0: as
 * they are, 1 for a new study; bits depend on them, so that another number than before is refused. *lock: the directory's
 * descriptor, locked until it is closed here and in every child that has it. */
mixent_status mixent_study_begin(mixent_study *study, const mixent_study_planner *planner,
                                 const char *directory, long threads, int *lock);

/* Locks a study's directory; waits a moment for processes that are dying. */
mixent_status mixent_study_lock(const char *directory, int *lock);
/* Writes what is in memory into a directory: plans that are missing, then what names them. */
mixent_status mixent_study_write(mixent_study *study, const mixent_study_planner *planner,
                                 const char *directory);

/* How far a run is; *message (NULL: not wanted): of a failed run what it failed with, the study's text, else NULL. */
mixent_status mixent_study_run_state(const mixent_study *study, mixent_study_cell cell,
                                     mixent_run_state *state, const char **message);
/* Keeps what a run failed with; message NULL: it did not. */
mixent_status mixent_study_note(mixent_study *study, mixent_study_cell cell, const char *message);
/* Adds failed runs by name, with what they failed with, to a JSON object. */
mixent_status mixent_study_list_failed(const mixent_study *study, struct json_t *out);

/* Whether a run's recipe.yaml, `text`, is what the study says of that run, but for places of the machine; MIXENT_ERROR_FORMAT with
 * both values where an option differs. `origin` names the run in messages. study/agree.c */
mixent_status mixent_study_check_recipe(const mixent_study *study, mixent_study_cell cell, const char *text,
                                        const char *origin);
/* The same of all runs in the study's directory, so that nothing is trained or compared that does not belong together. */
mixent_status mixent_study_check_runs(const mixent_study *study);

/* Writes study.json into `directory`. */
mixent_status mixent_study_write_state(const mixent_study *study, const char *directory);
/* Whether study.json is of a format that is known here. */
mixent_status mixent_study_check_format(const struct json_t *state, const char *origin);
/* Takes a study.json of such a format, checked: its seeds and data sets are the study's from then on. `origin` names it in messages. */
mixent_status mixent_study_take_state(mixent_study *study, struct json_t *state, const char *origin);

/* Finds the plan file with this text in a directory, or writes the next: "plan-2.yaml" in `name`. */
mixent_status mixent_study_keep_plan(const char *directory, const char *plan, char name[32]);
/* Plans for the variants that have none yet, written into `directory` and noted in study->state; study/plans.c. */
mixent_status mixent_study_make_plans(mixent_study *study, const mixent_study_planner *planner,
                                      const char *directory);

#endif
