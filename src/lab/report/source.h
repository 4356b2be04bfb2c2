/* What a page tells of: a study's runs, single runs, or anybody's results, in one shape.
 *
 * Three readers fill it: read_study and read_runs (source.c) from the directories of our own runs, mixent_report_results_read
 * (source_results.c) from a table of results (lab/results), which recorded runs are, too. A section shows what is there and is left out where
 * nothing is:
 *
 *   always                         variants, data sets, `comparison`: verdict.c, measures.c; any metric, unit and number of runs
 *   a run's `result`               its predictions: reliability, certainty, confusion; NULL: the run has metrics alone
 *   a run's `series`               curves, weights
 *   `datasets`                     pictures of confused images
 *   `study`, a run's `recipe`      the commands that make it again; of results: `from` */
#ifndef MIXENT_LAB_REPORT_SOURCE_H
#define MIXENT_LAB_REPORT_SOURCE_H

#include "lab/compare/runs.h"
#include "lab/report/report.h"
#include "lab/results/compare.h"
#include "lab/store/facts.h"
#include "lab/study/study.h"
#include "mixent/data.h"

/* What is drawn over the epochs. */
typedef enum mixent_series {
  MIXENT_SERIES_LOSS, /* of training, whatever the loss is */
  MIXENT_SERIES_NLL,  /* of validation, or of training where no run holds anything out; as the next two */
  MIXENT_SERIES_ACCURACY,
  MIXENT_SERIES_ENTROPY,
  MIXENT_SERIES_WEIGHTS, /* w1, w2, w3, b1, b2, b3 */
  MIXENT_SERIES = MIXENT_SERIES_WEIGHTS + 6
} mixent_series;

typedef struct mixent_report_run {
  char *path;            /* NULL: no run of this variant on this data set was asked for */
  char *name;            /* "ce-0" */
  mixent_result *result; /* NULL: not finished, or not to be read: `message` */
  char *message;         /* what is wrong or missing; NULL with a result */
  bool unread;           /* the result is there, and is damaged or contradicts itself: `message` */
  mixent_facts facts;    /* what its files say */
  char *recipe;          /* the text of recipe.yaml; NULL: none */
  size_t epochs;
  double *series;  /* [MIXENT_SERIES, epochs]; NaN where a line has none */
  bool held_out;   /* accuracy, NLL and entropy are of validation images */
  char **warnings; /* [warning_count] */
  size_t warning_count;
} mixent_report_run;

typedef struct mixent_report {
  char *title;
  mixent_study *study;               /* NULL: runs alone, or results */
  const mixent_report_results *from; /* NULL: our own runs */
  mixent_results_comparison *asked;  /* of results; NULL: our own runs */
  char **variants;                   /* [variant_count] */
  size_t variant_count, baseline;
  long *seeds;       /* [seed_count]; of runs alone one place, whatever their seeds are; of results NULL */
  size_t seed_count; /* of results the most runs that a variant has on a data set: their order is no seed */
  char **data;       /* [data_count]; "": the only one, without a name */
  size_t data_count;
  mixent_report_run *runs;       /* [data, variants, seeds] */
  const mixent_result **results; /* the same */
  mixent_runs_compared compared;
  const mixent_comparison *comparison; /* compared.comparison or asked->comparison */
  mixent_dataset **datasets; /* [data_count]; NULL: not here, or not the one the runs were scored on */
} mixent_report;

mixent_status mixent_report_read(const char *const *places, size_t count,
                                 const mixent_report_options *options, mixent_report **out);
void mixent_report_free(mixent_report *report);

/* The run of a variant. */
const mixent_report_run *mixent_report_run_of(const mixent_report *report, size_t data, size_t variant,
                                              size_t seed);
/* Its colour: the baseline has the first, the others the next ones in order. */
size_t mixent_report_hue(const mixent_report *report, size_t variant);
/* Whether any run of the variant has predictions. */
bool mixent_report_has_results(const mixent_report *report, size_t data, size_t variant);
/* The first result of the data set; NULL: none. */
const mixent_result *mixent_report_any_result(const mixent_report *report, size_t data);

#endif
