/* A study, or some runs, as one HTML page that needs nothing beside it: `mixent report`. */
#ifndef MIXENT_LAB_REPORT_REPORT_H
#define MIXENT_LAB_REPORT_REPORT_H

#include "core/memory.h"

/* Somebody's results (lab/results) that have been read, and what is asked of them. */
typedef struct mixent_report_results {
  struct mixent_results *table; /* outlives the call; its runs lose their results */
  const struct mixent_results_layout *layout;
  const struct mixent_results_question *question;
  const char *command; /* that makes this page again */
} mixent_report_results;

typedef struct mixent_report_options {
  const mixent_report_results
      *results; /* what the page tells of; its places give the title alone. NULL: our own runs */
  const char *data_directory; /* where to look for the data set first, for pictures of test images; or NULL */
  void (*warning)(const char *message); /* told of each run whose result cannot be read; or NULL */
} mixent_report_options;

/* The page of a study's directory, of one or more runs' (finished or not), or of results. A data set that is not found costs its
 * pictures alone. Errors: MIXENT_ERROR_ARGUMENT for what is neither, MIXENT_ERROR_UNSUPPORTED without gnuplot. */
mixent_status mixent_report_make(const char *const *places, size_t count,
                                 const mixent_report_options *options, mixent_text *out);

#endif
