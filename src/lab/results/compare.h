/* A table of results as the input of the engine (lab/compare): one metric asked for, the others beside it.
 *
 * A wide table of many runs and metrics would take more memory than it is worth: of the metrics that were not asked for, the first in the
 * files are compared as far as MIXENT_RESULTS_COMPARISONS goes. */
#ifndef MIXENT_LAB_RESULTS_COMPARE_H
#define MIXENT_LAB_RESULTS_COMPARE_H

#include "lab/compare/compare.h"
#include "lab/results/results.h"

enum { MIXENT_RESULTS_COMPARISONS = 10000 };

/* What is asked. NULL, NaN: the default. */
typedef struct mixent_results_question {
  const char *metric;   /* accuracy, else the first in the files */
  const char *baseline; /* the first variant in the files */
  const char *lower,
      *higher;       /* metrics, between commas, of which lower or higher is better; else by their names */
  double difference; /* that matters, in the metric's unit; of accuracies 0.1 points, else none */
  /* Seeds are splits of one data set whose training parts overlap: test items over training items of a split. 0: they share nothing. */
  double test_to_train;
} mixent_results_question;

/* The comparison, and the arrays that it points to. */
typedef struct mixent_results_comparison {
  const mixent_results *results;
  mixent_comparison *comparison;
  size_t *columns; /* [comparison->input.measure_count]: which column each measure is */
  mixent_measure *measures;
  const char **variants, **seeds;
  mixent_compare_data *data;
  mixent_compare_run *runs;
  double *values; /* [runs, measures] */
} mixent_results_comparison;

/* `results` must outlive the comparison. MIXENT_ERROR_ARGUMENT: the files do not have what is asked for. */
mixent_status mixent_results_compare(const mixent_results *results, const mixent_results_question *question,
                                     mixent_results_comparison **out);
void mixent_results_comparison_free(mixent_results_comparison *comparison);
/* Whether a column is a metric of which lower or higher is better: by the question, else by its name. */
int mixent_results_better(const mixent_results_question *question, const char *metric);
/* Which epoch of a log counts: "last", or "best:METRIC"; if nobody knows which is better, that is an error. A test metric is refused: who chooses
 * an epoch by it reports a number that no new data would give. */
mixent_status mixent_results_layout_choose(mixent_results_layout *layout, const char *text,
                                           const mixent_results_question *question);
/* Whether a name is in a list between commas; NULL: an empty one. */
bool mixent_results_is_listed(const char *list, const char *name);
/* The comparison's text for a terminal, with the names of the other metrics. */
void mixent_results_append_text(const mixent_results_comparison *comparison, mixent_text *out);

#endif
