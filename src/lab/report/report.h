/* A study, or some runs, as one HTML page that needs nothing beside it: `mixent report`. */
#ifndef MIXENT_LAB_REPORT_REPORT_H
#define MIXENT_LAB_REPORT_REPORT_H

#include "core/memory.h"

typedef struct mixent_report_options {
  const char *data_directory; /* where to look for the data set first, for pictures of test images; or NULL */
  void (*warning)(const char *message); /* told of each run whose result cannot be read; or NULL */
} mixent_report_options;

/* The page of a study's directory, or of one or more runs' (finished or not). A data set that is not found costs its
 * pictures alone. Errors: MIXENT_ERROR_ARGUMENT for what is neither, MIXENT_ERROR_UNSUPPORTED without gnuplot. */
mixent_status mixent_report_make(const char *const *places, size_t count,
                                 const mixent_report_options *options, mixent_text *out);

#endif
