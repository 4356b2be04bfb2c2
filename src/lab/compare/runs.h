/* Our own runs as the engine's input: 25 measures, what each run had right, and what was chosen by the test images. */
#ifndef MIXENT_LAB_COMPARE_RUNS_H
#define MIXENT_LAB_COMPARE_RUNS_H

#include "lab/compare/compare.h"
#include "lab/result/result.h"

enum { MIXENT_MEASURES = 25, MIXENT_MEASURE_ACCURACY = 0 };
extern const mixent_measure mixent_measures[MIXENT_MEASURES];

/* NaN where the run has none (no image wrong, nothing held out, no temperature found). */
double mixent_measure_of(size_t measure, const mixent_result *result);
/* The index of a measure by name; MIXENT_MEASURES if there is none. */
size_t mixent_measure_find(const char *name);
/* values [MIXENT_MEASURES] of a run. */
void mixent_measures_of(const mixent_result *result, double *values);

/* A study's runs. Names and results must outlive their comparison. */
typedef struct mixent_runs_grid {
  const char *const *variants; /* [variant_count] */
  size_t variant_count, baseline;
  const bool *test_selected; /* [variant_count]; NULL: of none */
  const long *seeds;         /* [seed_count] */
  size_t seed_count;
  const char *const *data; /* [data_count] names */
  size_t data_count;
  const mixent_result *const *results; /* [data, variants, seeds]; NULL where a run is not finished */
  double difference;                   /* points of accuracy that matter, above 0 */
  double confidence;                   /* 0: 0.95 */
  size_t replicates;                   /* of the bootstrap; 0: MIXENT_COMPARE_REPLICATES */
} mixent_runs_grid;

/* The comparison, and the arrays that it points to, beside those of the grid. Safe to free when zeroed. */
typedef struct mixent_runs_compared {
  mixent_comparison *comparison;
  bool *test_selected; /* [variant_count] */
  mixent_compare_data *data;
  mixent_compare_run *runs;
  double *values;     /* [runs, MIXENT_MEASURES] */
  char (*texts)[24];  /* of the seeds */
  const char **seeds; /* [seed_count] */
} mixent_runs_compared;

/* MIXENT_ERROR_ARGUMENT where the runs of one data set were not scored on the same images. */
mixent_status mixent_runs_compare(const mixent_runs_grid *grid, mixent_runs_compared *out);
void mixent_runs_compared_free(mixent_runs_compared *compared);

#endif
