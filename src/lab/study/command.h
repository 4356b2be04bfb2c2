/* The command line of a run of a study: `mixent train`. */
#ifndef MIXENT_LAB_STUDY_COMMAND_H
#define MIXENT_LAB_STUDY_COMMAND_H

#include "lab/study/directory.h"

enum { MIXENT_STUDY_COMMAND_WORDS = 512 };

/* Start from {0}. */
typedef struct mixent_study_command {
  char *words[MIXENT_STUDY_COMMAND_WORDS + 1]; /* NULL-terminated; the first names the program */
  size_t count;
  bool failed; /* memory was too little for a word, or there are too many */
} mixent_study_command;

/* The words that begin the run in directory `path`, or go on with it if it has begun. */
mixent_status mixent_study_command_make(const mixent_study *study, mixent_study_cell cell, const char *path,
                                        mixent_study_command *command);
void mixent_study_command_free(mixent_study_command *command);

#endif
