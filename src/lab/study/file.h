/* A study's results as one small text file, JSON Lines: the study first, then a line for each finished run, without
 * checkpoints. Another machine goes on from it, and what is finished is never paid twice. docs/STUDIES.md has the format. */
#ifndef MIXENT_LAB_STUDY_FILE_H
#define MIXENT_LAB_STUDY_FILE_H

#include "lab/study/directory.h"

/* The keys of a run's line, which are the names of its files; NULL after the last. */
extern const char *const mixent_study_run_files[];

/* Appends the file of a study in a directory. Places of this machine (data_dir, plans, whole paths) are left out. *runs:
 * how many are finished. */
mixent_status mixent_study_export(const mixent_study *study, mixent_text *out, size_t *runs);

typedef struct mixent_study_imported {
  size_t added, kept; /* runs: that came in; that were there already, with the same scores */
} mixent_study_imported;

/* Makes the study's directory under `parent`, or adds the runs that the one there lacks. All is checked first; a file
 * that is cut off, damaged, of another study, or contradicts what is there fails with its line, and nothing changes.
 * *directory (free()): where the study stands. */
mixent_status mixent_study_import(const char *text, size_t size, const char *origin, const char *parent,
                                  const mixent_study_planner *planner, mixent_study_imported *out,
                                  char **directory);

#endif
