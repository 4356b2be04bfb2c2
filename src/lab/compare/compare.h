/* What the runs of a study say together: every measure of every variant over its seeds, each variant against the
 * baseline, and in words what may be concluded and what could not have been seen. docs/COMPARING.md explains it. */
#ifndef MIXENT_LAB_COMPARE_COMPARE_H
#define MIXENT_LAB_COMPARE_COMPARE_H

#include "core/memory.h"
#include "lab/result/result.h"
#include "mixent/statistics.h"
#include <stdbool.h>

struct json_t;

/* When a measure is taken. */
typedef enum mixent_measure_kind {
  MIXENT_MEASURE_TEST,       /* of the test images */
  MIXENT_MEASURE_CALIBRATED, /* of the test images at the temperature of the validation images, and that itself */
  MIXENT_MEASURE_VALIDATION, /* of the validation images */
  MIXENT_MEASURE_RUN         /* of the training */
} mixent_measure_kind;

/* One number of a run. This table feeds the comparison, its text, JSON, CSV and the report. */
typedef struct mixent_measure {
  const char *name;  /* in JSON and CSV: "ece_calibrated" */
  const char *title; /* in tables: "ECE at temperature" */
  const char *unit;  /* of what is shown, "%", "s" or "" */
  double scale;      /* what is shown is the number times this */
  int digits;        /* shown after the point */
  int better;        /* 1: higher is better, -1: lower, 0: neither */
  mixent_measure_kind kind;
  size_t offset; /* of the double in mixent_result */
} mixent_measure;

enum { MIXENT_MEASURES = 22, MIXENT_MEASURE_ACCURACY = 0 };
extern const mixent_measure mixent_measures[MIXENT_MEASURES];

/* NaN where the run has none (no image wrong, nothing held out, no temperature found). */
double mixent_measure_of(const mixent_measure *measure, const mixent_result *result);
/* The index of a measure by name; MIXENT_MEASURES if there is none. */
size_t mixent_measure_find(const char *name);

/* A study's runs. All that it points to must outlive the comparison. */
typedef struct mixent_compare_data {
  const char *name;
  const mixent_result *const *results; /* [variants, seeds]; NULL where a run is not finished */
} mixent_compare_data;

typedef struct mixent_compare_input {
  const char *const *variants; /* [variant_count] names */
  size_t variant_count, baseline;
  const long *seeds; /* [seed_count] */
  size_t seed_count;
  const mixent_compare_data *data; /* [data_count] */
  size_t data_count;
  double difference; /* points of accuracy worth seeing, above 0 */
  double confidence; /* of intervals; 1 - confidence is the level of tests. 0.95 */
  size_t replicates; /* of the bootstrap; 0: MIXENT_COMPARE_REPLICATES */
} mixent_compare_input;

enum { MIXENT_COMPARE_REPLICATES = 10000 };
#define MIXENT_COMPARE_POWER 0.8 /* "would have been seen": with this probability */

typedef struct mixent_compare_variant {
  size_t runs;                 /* that are finished */
  size_t temperatures_missing; /* runs with validation images for which no temperature was found */
  /* [measure] over the finished runs; a measure that one of them lacks is left out (count 0, the rest NaN).
   * Of one run the mean alone is known. */
  mixent_sample measures[MIXENT_MEASURES];
} mixent_compare_variant;

/* On accuracy, after Holm's correction over all comparisons of the study: its data sets and variants. */
typedef enum mixent_verdict {
  MIXENT_VERDICT_UNKNOWN,          /* fewer than two seeds, or seeds that all differ by the same */
  MIXENT_VERDICT_NONE,             /* no difference seen */
  MIXENT_VERDICT_HINT,             /* by the bootstrap, not by t over seeds: too few seeds to tell */
  MIXENT_VERDICT_THESE_IMAGES,     /* a difference on these test images; on others not shown */
  MIXENT_VERDICT_IMAGES_LIKE_THESE /* a difference by both */
} mixent_verdict;

const char *mixent_verdict_name(mixent_verdict verdict); /* "these-images", for JSON */

/* A variant against the baseline. Differences are variant minus baseline, accuracies as fractions. */
typedef struct mixent_compare_pair {
  size_t variant;
  size_t seeds; /* that both have finished */
  /* Paired t over those seeds, which takes these test images for all there are. Left out as above; count 1: the
   * difference alone. holm: p after Holm's correction over all data sets and variants, each measure for itself. */
  mixent_paired measures[MIXENT_MEASURES];
  double holm[MIXENT_MEASURES];
  /* Accuracy on images like these: over seeds and images. All NaN below two seeds. */
  mixent_bootstrap bootstrap;
  double bootstrap_holm;
  /* The smallest difference in accuracy that would have been seen after the correction, on these images and on images
   * like these (NaN: not known), and the fewest seeds that show input.difference on these images (0: not known, above
   * MIXENT_MOST_SEEDS: more than that). */
  double least_difference, least_difference_like;
  size_t least_seeds;
  bool within_these, within_like; /* the whole interval is within +-input.difference */
  bool identical;                 /* all seeds: every image right with both or with neither */
  bool single;                    /* both have one run alone: `mcnemar` holds, of these two models only */
  mixent_mcnemar mcnemar;         /* only_a: the variant */
  mixent_verdict verdict;
  char *conclusion;  /* a paragraph on accuracy: what may be concluded, what could not have been seen */
  char *calibration; /* a sentence on NLL and ECE, as trained and at the temperature; NULL: nothing to say */
} mixent_compare_pair;

typedef struct mixent_compare_result {
  size_t test_images;               /* 0: no run is finished */
  const char *samples;              /* what they are: "images", or "rows" of a table */
  mixent_compare_variant *variants; /* [variant_count] */
  mixent_compare_pair *pairs;       /* [variant_count - 1]: all but the baseline, in order */
} mixent_compare_result;

typedef struct mixent_comparison {
  mixent_compare_input input;
  mixent_compare_result *data; /* [input.data_count] */
} mixent_comparison;

/* Same input, same result. MIXENT_ERROR_ARGUMENT where the runs of one data set were not scored on the same images. */
mixent_status mixent_compare(const mixent_compare_input *input, mixent_comparison **out);
/* The same of results in one array, [data, variants, seeds], with intervals of 95 %. Of `grid` neither data nor confidence are read;
 * *data [grid->data_count], free(), also after an error, outlives the comparison. */
mixent_status mixent_compare_grid(mixent_compare_input grid, char *const *data_names,
                                  const mixent_result *const *results, mixent_compare_data **data,
                                  mixent_comparison **out);
void mixent_comparison_free(mixent_comparison *comparison);

/* Tables and words for a terminal; JSON (NULL: no memory); CSV with a line per data set, variant and measure. */
void mixent_comparison_append_text(const mixent_comparison *comparison, mixent_text *out);
struct json_t *mixent_comparison_to_json(const mixent_comparison *comparison);
void mixent_comparison_append_csv(const mixent_comparison *comparison, mixent_text *out);

#endif
