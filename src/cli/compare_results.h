/* `mixent compare --results PATH…`: what somebody's results show. */
#ifndef MIXENT_CLI_COMPARE_RESULTS_H
#define MIXENT_CLI_COMPARE_RESULTS_H

#include "lab/results/compare.h"

#include <stdbool.h>

typedef struct mixent_compare_results_arguments {
  const char *metric, *baseline, *lower, *higher, *columns, *epoch;
  const char *difference; /* a number */
} mixent_compare_results_arguments;

/* The first option of these that was given, for a message; NULL: none. */
const char *mixent_compare_results_given(const mixent_compare_results_arguments *arguments);
/* Whether a word is a directory of recorded runs, which are results. */
mixent_status mixent_compare_results_look(const char *word, bool *out);
/* A table of results, how it was read, and what is asked of it. */
typedef struct mixent_results_source {
  mixent_results results;
  mixent_results_layout layout;
  mixent_results_question question;
} mixent_results_source;
/* Reads files and directories of results. mixent_results_source_free, also after an error. */
mixent_status mixent_compare_results_read(const mixent_compare_results_arguments *arguments, int count,
                                          char **files, mixent_results_source *out);
void mixent_results_source_free(mixent_results_source *source);
/* Compares the results of files and directories; csv: a file to write, or NULL. Returns the exit code. */
int mixent_compare_results(const mixent_compare_results_arguments *arguments, bool json, const char *csv,
                           int count, char **files);
/* Writes a comparison as CSV. */
mixent_status mixent_compare_csv_write(const mixent_comparison *comparison, const char *path);

#endif
