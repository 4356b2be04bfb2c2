/* What is asked of a table of results, found in it. */
#ifndef MIXENT_LAB_RESULTS_QUESTION_H
#define MIXENT_LAB_RESULTS_QUESTION_H

#include "lab/results/compare.h"

typedef struct mixent_results_asked {
  size_t metric, baseline; /* a column, a variant */
  bool points;             /* the metric is an accuracy in per cent: differences are points */
  double difference;       /* NaN: none is known to matter */
} mixent_results_asked;

/* MIXENT_ERROR_ARGUMENT, MIXENT_ERROR_FORMAT: the files do not have it. */
mixent_status mixent_results_ask(const mixent_results *results, const mixent_results_question *question,
                                 mixent_results_asked *out);
/* Whether a column is an accuracy in per cent. */
bool mixent_results_is_per_cent(const mixent_results *results, size_t column);

#endif
