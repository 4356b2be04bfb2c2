/* One metric of a table of results compared: each variant with the baseline, on each data set, by paired or Welch's t.
 *
 * lab/compare does the same for our own runs, of which it has every prediction: its 22 measures, images like these, McNemar. The two
 * become one when lab/compare takes a table of named metrics and, beside it, what each run had right; its `measures` are then this
 * table's columns, and the crossed bootstrap one more row of the comparison.
 *
 *   of a variant and the baseline              outcome
 *   two or more seeds in common                paired over those; runs without a partner are left out, and said to be
 *   else two or more runs each                 unpaired (Welch), and said to be
 *   one run, or none                           undecided: one-run, no-runs; no interval, no test
 *   no scatter: all differences are the same   undecided: no-scatter (identical, where they are 0); no test, not counted by Holm
 *   fewer than 5 pairs, or runs of a side      tested, but undecided: few-seeds
 *   Holm p below the level                     better or worse; higher or lower, where nobody knows which of those is better
 *   Holm p of both one-sided tests below it    equivalent: the difference is smaller than `difference`
 *   else                                       undecided: open */
#ifndef MIXENT_LAB_RESULTS_COMPARE_H
#define MIXENT_LAB_RESULTS_COMPARE_H

#include "core/memory.h"
#include "lab/results/results.h"
#include "mixent/statistics.h"

struct json_t;

enum { MIXENT_RESULTS_LEAST_SEEDS = 5, MIXENT_RESULTS_COMPARISONS = 10000 };

/* What is asked. NULL, NaN: the default. */
typedef struct mixent_results_question {
  const char *metric;   /* accuracy, else the first in the files */
  const char *baseline; /* the first variant in the files */
  const char *lower,
      *higher;       /* metrics, between commas, of which lower or higher is better; else by their names */
  double difference; /* that matters, in the metric's unit; of accuracies 0.1 points, else none */
} mixent_results_question;

typedef enum mixent_results_verdict {
  MIXENT_RESULTS_UNDECIDED,
  MIXENT_RESULTS_BETTER,
  MIXENT_RESULTS_WORSE,
  MIXENT_RESULTS_HIGHER,
  MIXENT_RESULTS_LOWER,
  MIXENT_RESULTS_EQUIVALENT
} mixent_results_verdict;

/* Why it is undecided. */
typedef enum mixent_results_reason {
  MIXENT_REASON_NONE,
  MIXENT_REASON_NO_RUNS,
  MIXENT_REASON_ONE_RUN,
  MIXENT_REASON_IDENTICAL,
  MIXENT_REASON_NO_SCATTER,
  MIXENT_REASON_FEW_SEEDS,
  MIXENT_REASON_OPEN
} mixent_results_reason;

extern const char *const mixent_results_verdicts[]; /* "better", for tables and JSON */
extern const char *const mixent_results_reasons[];  /* "few-seeds" */

typedef struct mixent_results_variant {
  size_t missing; /* runs without a value */
  /* over the runs with a value: sample.count of them. Of one run the mean alone is known, the rest NaN. */
  mixent_sample sample;
} mixent_results_variant;

typedef struct mixent_results_pair {
  size_t variant;
  bool paired;
  size_t seeds;    /* that both have, with a value each */
  double means[2]; /* of the variant and the baseline, over the runs that the difference uses */
  mixent_difference
      difference; /* variant minus baseline; error, interval, t, p NaN where nothing is tested */
  double holm;    /* p after Holm's correction over all variants and data sets */
  mixent_equivalence equivalence; /* NaN without a difference that matters */
  double equivalence_holm;
  mixent_results_verdict verdict;
  mixent_results_reason reason;
  char *words; /* a paragraph: what may be concluded, from what */
} mixent_results_pair;

typedef struct mixent_results_data {
  mixent_results_variant *variants; /* [variants] */
  mixent_results_pair *pairs;       /* [variants - 1]: all but the baseline, in order */
} mixent_results_data;

typedef struct mixent_results_comparison {
  const mixent_results *results;
  size_t metric, baseline;
  int better;                      /* 1: higher, -1: lower, 0: nobody knows */
  double difference;               /* NaN: none is known to matter */
  double confidence;               /* of intervals; 1 - confidence is the level of the verdicts */
  bool points;                     /* of an accuracy in per cent: differences are points */
  int digits;                      /* shown after the point */
  const mixent_results_run **runs; /* by data set, variant and seed */
  size_t *begins;                  /* [data sets, variants] and the end: where in `runs` each begins */
  mixent_results_data *data;       /* [results->data.count] */
} mixent_results_comparison;

/* `results` must outlive the comparison. MIXENT_ERROR_ARGUMENT: the files do not have what is asked for. */
mixent_status mixent_results_compare(const mixent_results *results, const mixent_results_question *question,
                                     mixent_results_comparison **out);
void mixent_results_comparison_free(mixent_results_comparison *comparison);
/* Whether a column is a metric of which lower or higher is better: by the question, else by its name. */
int mixent_results_better(const mixent_results_question *question, const char *metric);

/* The runs of a variant on a data set: comparison->runs[begins[place]] to [begins[place + 1] - 1]. */
size_t mixent_results_place(const mixent_results_comparison *comparison, size_t data, size_t variant);
/* A variant's comparison with the baseline; NULL of the baseline. */
const mixent_results_pair *mixent_results_pair_of(const mixent_results_comparison *comparison, size_t data,
                                                  size_t variant);

/* Sets pair->words. */
mixent_status mixent_results_conclude(const mixent_results_comparison *comparison, size_t data,
                                      mixent_results_pair *pair);
/* A table and the words for a terminal; JSON (NULL: no memory). */
void mixent_results_append_text(const mixent_results_comparison *comparison, mixent_text *out);
struct json_t *mixent_results_to_json(const mixent_results_comparison *comparison,
                                      const mixent_results_question *question);

#endif
