/* The comparison engine: runs of variants, whoever trained them, each against the baseline, with verdicts in words.
 *
 * Plain numbers in, verdicts out. It needs core's status, memory and layout and src/stats alone (the CMake objects `comparison`), so that
 * the Python extension holds it, too. compare/runs.h makes its input of our own runs, results/compare.h of anybody's files.
 *
 *   of a variant and the baseline              outcome
 *   two or more seeds in common                paired over those; runs without a partner are left out, and said to be
 *   else two or more runs each                 unpaired (Welch), and said to be
 *   one run, or none                           undecided: one-run, no-runs; no interval, no test
 *   all differences are the same               undecided: no-scatter (identical: all are 0); no test, not counted by Holm
 *   one of the two chose by the test items     undecided: test-selected; an interval, no test
 *   fewer than 5 pairs, or runs of a side      tested, but undecided: few-seeds
 *   Holm p below the level                     better or worse; higher or lower, where nobody knows which of those is better
 *   Holm p of both one-sided tests below it    equivalent: the difference is smaller than `difference`
 *   else                                       undecided: open
 *
 * A verdict is on these test items; where it is known what each run had right, and the crossed test agrees, on items like these as well
 * (`scope`). docs/COMPARING.md explains it to readers. */
#ifndef MIXENT_LAB_COMPARE_COMPARE_H
#define MIXENT_LAB_COMPARE_COMPARE_H

#include "core/memory.h"
#include "mixent/statistics.h"
#include <stdbool.h>

/* ---- What is compared ---- */

/* When a measure is taken; tables have a part for each. */
typedef enum mixent_measure_kind {
  MIXENT_MEASURE_TEST,       /* of the test items */
  MIXENT_MEASURE_CALIBRATED, /* of the test items at the temperature of the validation items, and that itself */
  MIXENT_MEASURE_VALIDATION, /* of the validation items */
  MIXENT_MEASURE_RUN         /* of the training */
} mixent_measure_kind;

enum { MIXENT_DIGITS_BY_SCATTER = -1 };

/* One number of a run. The words on calibration find the measures nll, ece, nll_calibrated and ece_calibrated by name. */
typedef struct mixent_measure {
  const char *name;  /* in JSON and CSV: "ece_calibrated" */
  const char *title; /* in tables: "ECE at temperature" */
  const char *unit;  /* of what is shown, "%", "s" or ""; differences of "%" are points */
  double scale;      /* what is shown is the number times this */
  int digits;        /* shown after the point; or MIXENT_DIGITS_BY_SCATTER */
  int better;        /* 1: higher is better, -1: lower, 0: neither */
  mixent_measure_kind kind;
} mixent_measure;

enum { MIXENT_NO_SEED = -1 };

typedef struct mixent_compare_run {
  size_t data, variant;
  long seed;            /* an index into `seeds`; MIXENT_NO_SEED: it has no partner */
  const double *values; /* [measure_count]; NaN: the run has no such value */
  const uint8_t *right; /* [items of the data set] 0 or 1; NULL: not known */
  bool no_temperature;  /* none was found, although items were held out */
} mixent_compare_run;

typedef struct mixent_compare_data {
  const char *name;    /* "": the only one, without a name */
  size_t items;        /* test items; 0: not known */
  const char *samples; /* what they are: "images", "rows"; NULL: "images" */
} mixent_compare_data;

/* All that it points to must outlive the comparison. */
typedef struct mixent_compare_input {
  const mixent_measure *measures;
  size_t measure_count;
  size_t primary;  /* the measure that verdicts and words are on */
  size_t accuracy; /* the measure that is the mean of `right`; read only where runs have it */
  const char *const *variants;
  size_t variant_count, baseline;
  const bool *
      test_selected; /* [variant_count]: what is kept of its runs was chosen by the test items; NULL: of none */
  const char *const *seeds;
  size_t seed_count;
  bool planned; /* every variant was to have a run with every seed: the words name those that are missing */
  const mixent_compare_data *data;
  size_t data_count;
  const mixent_compare_run *runs; /* in any order; one of a variant and seed on a data set */
  size_t run_count;
  double difference; /* that matters, in the primary measure's shown unit, above 0; NaN: none is known to */
  double
      test_to_train; /* of pairs whose training parts overlap (folds, splits): mixent_resampled_compare's; else 0 */
  double confidence; /* of intervals; 1 - confidence is the level of tests. 0: 0.95 */
  size_t replicates; /* of the bootstrap; 0: MIXENT_COMPARE_REPLICATES */
} mixent_compare_input;

enum { MIXENT_COMPARE_REPLICATES = 10000, MIXENT_COMPARE_LEAST_SEEDS = 5 };
#define MIXENT_COMPARE_POWER 0.8 /* "would have been seen": with this probability */

/* ---- What comes of it ---- */

typedef struct mixent_compare_variant {
  size_t runs;
  size_t no_temperature; /* runs with validation items for which none was found */
  /* [measure] over the runs; of one run the mean alone is known. Of the primary measure runs without a value are left out; any other is
   * left out as a whole where a run lacks it (count 0, the rest NaN): without that run, the rest would be another selection. */
  mixent_sample *measures;
  size_t missing; /* runs without a value of the primary measure */
} mixent_compare_variant;

/* One measure of a variant against that of the baseline. */
typedef struct mixent_compared {
  bool paired;
  size_t counts[2]; /* runs of the variant, of the baseline, that the difference uses; 0: it is not known */
  double means[2];  /* over those */
  double deviation; /* of the differences of pairs; NaN unpaired */
  mixent_difference
      difference; /* variant minus baseline; error, low, high, t, p NaN where there is nothing to test */
  double
      holm; /* p after Holm's correction over all data sets and variants, each measure for itself; NaN: not tested */
} mixent_compared;

typedef enum mixent_verdict {
  MIXENT_VERDICT_UNDECIDED,
  MIXENT_VERDICT_BETTER,
  MIXENT_VERDICT_WORSE,
  MIXENT_VERDICT_HIGHER,
  MIXENT_VERDICT_LOWER,
  MIXENT_VERDICT_EQUIVALENT
} mixent_verdict;

/* Why it is undecided. */
typedef enum mixent_reason {
  MIXENT_REASON_NONE,
  MIXENT_REASON_NO_RUNS,
  MIXENT_REASON_ONE_RUN,
  MIXENT_REASON_IDENTICAL,
  MIXENT_REASON_NO_SCATTER,
  MIXENT_REASON_TEST_SELECTED,
  MIXENT_REASON_FEW_SEEDS,
  MIXENT_REASON_OPEN,
  MIXENT_REASONS
} mixent_reason;

/* Of which test items a verdict speaks. */
typedef enum mixent_scope { MIXENT_SCOPE_NONE, MIXENT_SCOPE_THESE, MIXENT_SCOPE_LIKE_THESE } mixent_scope;

const char *mixent_verdict_name(mixent_verdict verdict); /* "better", for tables, JSON and class names */
const char *mixent_reason_name(mixent_reason reason);    /* "few-seeds"; NULL of MIXENT_REASON_NONE */
const char *mixent_scope_name(mixent_scope scope); /* "these", "like-these"; NULL of MIXENT_SCOPE_NONE */

/* One-sided tests against `difference`; all NaN where there is no difference that matters, or nothing is tested. */
typedef struct mixent_compare_equivalence {
  mixent_equivalence test; /* test.within: P(|true difference| < difference) */
  double holm;
} mixent_compare_equivalence;

/* A variant against the baseline. Numbers are in the measures' own units (accuracies of our runs are fractions). */
typedef struct mixent_compare_pair {
  size_t variant;
  size_t seeds;                           /* that both have, with values of the primary measure */
  mixent_compared *measures;              /* [measure_count] */
  mixent_compare_equivalence equivalence; /* of the primary measure on these items */
  /* Accuracy on items like these: over seeds and items. All NaN where it is not the primary measure, is not known for each item, or is not
   * tested. */
  mixent_bootstrap bootstrap;
  double bootstrap_holm;
  mixent_compare_equivalence equivalence_like;
  /* The smallest difference in the primary measure that would have been seen after the correction, on these items and on items like
   * these (NaN: not known), and the fewest seeds that show input.difference on these items (0: not known, above MIXENT_MOST_SEEDS: more
   * than that). Of pairs alone. */
  double least_difference, least_difference_like;
  size_t least_seeds;
  bool
      single; /* both have one run alone, and it is known what both had right: `mcnemar` holds, of these two models only */
  mixent_mcnemar mcnemar; /* only_a: the variant */
  mixent_verdict verdict;
  mixent_scope scope;   /* NONE: undecided */
  mixent_reason reason; /* NONE: decided */
  char *words;          /* a paragraph: what may be concluded, from what, what could not have been seen */
  char *calibration; /* a sentence on NLL and ECE, as trained and at the temperature; NULL: nothing to say */
} mixent_compare_pair;

typedef struct mixent_compare_result {
  mixent_compare_variant *variants; /* [variant_count] */
  mixent_compare_pair *pairs;       /* [variant_count - 1]: all but the baseline, in order */
  size_t runs;                      /* of all variants */
} mixent_compare_result;

/* Across data sets, where there are five or more: rliable's measures (mixent/statistics.h), of the primary measure. */
enum { MIXENT_ACROSS_LEAST = 5, MIXENT_ACROSS_THRESHOLDS = 51 };

typedef struct mixent_across_variant {
  mixent_estimate interquartile; /* interquartile mean of the runs on the common data sets */
  mixent_estimate
      *profile; /* [MIXENT_ACROSS_THRESHOLDS] the share of those runs that are better than each threshold */
} mixent_across_variant;

typedef struct mixent_across_pair {
  size_t variant;
  size_t data_sets,
      better; /* where both have two runs or more; where the variant's mean is higher, or lower where lower is better */
  mixent_sample
      effect; /* of the differences, one per data set: its interval speaks of data sets like these */
  mixent_estimate
      improvement; /* that a run of the variant is better than one of the baseline on the same data set */
  char *words;
} mixent_across_pair;

typedef struct mixent_across {
  size_t
      common; /* data sets on which every variant has two runs or more; below MIXENT_ACROSS_LEAST nothing of `variants` is known (NaN) */
  size_t replicates; /* of the bootstraps */
  double thresholds[MIXENT_ACROSS_THRESHOLDS];
  mixent_across_variant *variants; /* [variant_count] */
  mixent_across_pair *
      pairs; /* [variant_count - 1] as of a data set; all but data_sets is unknown below MIXENT_ACROSS_LEAST of those */
} mixent_across;

typedef struct mixent_comparison {
  mixent_compare_input input;      /* with its defaults filled in */
  mixent_compare_result *data;     /* [data_count] */
  const mixent_compare_run **runs; /* [run_count] by data set, variant and seed */
  size_t *begins;                  /* [data_count, variant_count] and the end: where in `runs` each begins */
  int *digits;                     /* [measure_count]: shown after the point */
  mixent_across *
      across; /* NULL: fewer than MIXENT_ACROSS_LEAST data sets; or splits that overlap, of which bootstraps draw runs as if they did not */
  size_t tested; /* comparisons of the primary measure that Holm's correction counts */
} mixent_comparison;

/* Same input, same result. MIXENT_ERROR_ARGUMENT where the input contradicts itself. */
mixent_status mixent_compare(const mixent_compare_input *input, mixent_comparison **out);
void mixent_comparison_free(mixent_comparison *comparison);

/* "paired", "unpaired" (Welch), "resampled" (corrected because training parts overlap); NULL: nothing is tested. */
const char *mixent_compare_test_name(const mixent_compare_input *input, const mixent_compared *compared);
/* The index of a measure by name; input->measure_count if there is none. */
size_t mixent_compare_find(const mixent_compare_input *input, const char *name);
/* The runs of a variant on a data set: comparison->runs[begins[place]] to [begins[place + 1] - 1]. */
size_t mixent_compare_place(const mixent_comparison *comparison, size_t data, size_t variant);
/* A variant's comparison with the baseline; NULL of the baseline. */
const mixent_compare_pair *mixent_compare_pair_of(const mixent_comparison *comparison, size_t data,
                                                  size_t variant);
/* "images", or "rows". */
const char *mixent_compare_samples(const mixent_comparison *comparison, size_t data);

/* A variant against the baseline across data sets; NULL of the baseline. */
const mixent_across_pair *mixent_across_pair_of(const mixent_comparison *comparison, size_t variant);

/* Tables and words for a terminal; CSV with a line per data set, variant and measure. JSON: compare/json.h. */
void mixent_comparison_append_text(const mixent_comparison *comparison, mixent_text *out);
void mixent_comparison_append_csv(const mixent_comparison *comparison, mixent_text *out);

#endif
