/* `mixent compare --results PATH…`: what somebody's results show. */
#ifndef MIXENT_CLI_COMPARE_RESULTS_H
#define MIXENT_CLI_COMPARE_RESULTS_H

#include <stdbool.h>

typedef struct mixent_compare_results_arguments {
  const char *metric, *baseline, *lower, *higher, *columns, *epoch;
  const char *difference; /* a number */
} mixent_compare_results_arguments;

/* The first option of these that was given, for a message; NULL: none. */
const char *mixent_compare_results_given(const mixent_compare_results_arguments *arguments);
/* Compares the results of the files; returns the exit code. */
int mixent_compare_results(const mixent_compare_results_arguments *arguments, bool json, int count,
                           char **files);

#endif
