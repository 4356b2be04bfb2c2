/* `mixent compare STUDY`: what a study lacks is trained, and its runs are compared. */
#ifndef MIXENT_CLI_COMPARE_STUDY_H
#define MIXENT_CLI_COMPARE_STUDY_H

#include <stdbool.h>

typedef struct mixent_compare_study_arguments {
  long seeds, jobs, threads;
  const char *runs, *csv;
  bool no_train, json;
} mixent_compare_study_arguments;

/* Trains and compares the study that a word names; returns the exit code. */
int mixent_compare_study(const mixent_compare_study_arguments *arguments, const char *word);

#endif
