/* Between the files of the engine: compare.c leads, pair.c measures, across.c measures over data sets, judge.c decides, conclusion.c puts it
 * into words (words.h). */
#ifndef MIXENT_LAB_COMPARE_ENGINE_H
#define MIXENT_LAB_COMPARE_ENGINE_H

#include "lab/compare/compare.h"

/* A measure of all runs of a variant on a data set: values [runs]; returns how many. Of the primary measure runs without a value are left
 * out; of another, 0 where a run lacks it. */
size_t mixent_compare_gather(const mixent_comparison *comparison, size_t place, size_t measure,
                             double *values);
double mixent_compare_mean(const double *values, size_t count);

/* Fills in all pairs of a data set but for what judge.c adds. */
mixent_status mixent_compare_pairs(const mixent_comparison *comparison, size_t data);

/* Fills in comparison->across, where there are enough data sets. */
mixent_status mixent_compare_across(mixent_comparison *comparison);
void mixent_across_free(mixent_across *across, size_t variants);

/* Holm's correction over all data sets and variants, equivalence, power, verdicts. */
mixent_status mixent_compare_judge(mixent_comparison *comparison);
/* Verdict, scope and reason by the corrected p values of a pair that has no reason against a verdict yet. */
void mixent_compare_decide(const mixent_compare_input *input, mixent_compare_pair *pair);

/* Sets pair->words and pair->calibration. */
mixent_status mixent_compare_conclude(const mixent_comparison *comparison, size_t data,
                                      mixent_compare_pair *pair);
#endif
