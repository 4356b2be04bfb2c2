/* From runs to statistics, verdicts and words: checks, sorts, describes each variant, and leads the other files of the engine. */
#include "lab/compare/compare.h"
#include "core/status.h"
#include "lab/compare/engine.h"
#include "stats/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double usual_confidence = 0.95;

void mixent_comparison_free(mixent_comparison *comparison) {
  if (!comparison) return;
  for (size_t i = 0; comparison->data && i < comparison->input.data_count; i++) {
    mixent_compare_result *data = &comparison->data[i];
    for (size_t k = 0; data->pairs && k + 1 < comparison->input.variant_count; k++) {
      free(data->pairs[k].words);
      free(data->pairs[k].calibration);
      free(data->pairs[k].measures);
    }
    for (size_t k = 0; data->variants && k < comparison->input.variant_count; k++)
      free(data->variants[k].measures);
    free(data->variants);
    free(data->pairs);
  }
  free(comparison->data);
  free(comparison->runs);
  free(comparison->begins);
  free(comparison->digits);
  mixent_across_free(comparison->across, comparison->input.variant_count);
  free(comparison);
}

static mixent_status check_run(const mixent_compare_input *input, const mixent_compare_run *run) {
  if (run->data < input->data_count && run->variant < input->variant_count && run->values &&
      (run->seed == MIXENT_NO_SEED || (run->seed >= 0 && (size_t)run->seed < input->seed_count)))
    return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT,
                     "a run of data set %zu, variant %zu, seed %ld: expected data sets below %zu, variants "
                     "below %zu, seeds below %zu, and values",
                     run->data, run->variant, run->seed, input->data_count, input->variant_count,
                     input->seed_count);
}

static mixent_status check(const mixent_compare_input *input) {
  if (!input->variant_count || !input->data_count || !input->measure_count)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "a comparison of %zu variants, %zu data sets, %zu measures: expected one of each or more",
        input->variant_count, input->data_count, input->measure_count);
  if (input->planned && !input->seed_count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "a comparison of 0 seeds: expected one or more");
  if (input->baseline >= input->variant_count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "baseline %zu: there are %zu variants", input->baseline,
                       input->variant_count);
  if (input->primary >= input->measure_count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "measure %zu: there are %zu", input->primary,
                       input->measure_count);
  if (!isnan(input->difference) && (!(input->difference > 0) || isinf(input->difference)))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "difference %g: expected a number above 0, the difference that matters",
                       input->difference);
  MIXENT_TRY(mixent_share_check("confidence", input->confidence));
  if (1 - input->confidence >= MIXENT_COMPARE_POWER)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "confidence %g is too little for any conclusion; take 0.95",
                       input->confidence);
  for (size_t i = 0; i < input->run_count; i++) MIXENT_TRY(check_run(input, &input->runs[i]));
  return MIXENT_OK;
}

static int compare_runs(const void *left, const void *right) {
  const mixent_compare_run *a = *(const mixent_compare_run *const *)left,
                           *b = *(const mixent_compare_run *const *)right;
  if (a->data != b->data) return a->data < b->data ? -1 : 1;
  if (a->variant != b->variant) return a->variant < b->variant ? -1 : 1;
  if (a->seed != b->seed) return a->seed < b->seed ? -1 : 1;
  return (a > b) - (a < b); /* without seeds: in the caller's order */
}

static mixent_status sort_runs(mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  size_t places = input->data_count * input->variant_count;
  MIXENT_TRY(MIXENT_ALLOCATE(input->run_count, &comparison->runs));
  MIXENT_TRY(MIXENT_ALLOCATE(places + 1, &comparison->begins));
  for (size_t i = 0; i < input->run_count; i++) comparison->runs[i] = &input->runs[i];
  qsort(comparison->runs, input->run_count, sizeof *comparison->runs, compare_runs);
  for (size_t i = 1; i < input->run_count; i++) {
    const mixent_compare_run *run = comparison->runs[i], *before = comparison->runs[i - 1];
    if (run->seed != MIXENT_NO_SEED && run->seed == before->seed && run->variant == before->variant &&
        run->data == before->data)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "two runs of %s with seed %s%s%s: expected one",
                         input->variants[run->variant], input->seeds[run->seed],
                         *input->data[run->data].name ? " on " : "", input->data[run->data].name);
  }
  for (size_t place = 0, i = 0; place <= places; place++) {
    comparison->begins[place] = i;
    while (i < input->run_count &&
           mixent_compare_place(comparison, comparison->runs[i]->data, comparison->runs[i]->variant) == place)
      i++;
  }
  return MIXENT_OK;
}

static mixent_status describe_variant(const mixent_comparison *comparison, size_t data, size_t variant,
                                      double *values) {
  const mixent_compare_input *input = &comparison->input;
  mixent_compare_variant *out = &comparison->data[data].variants[variant];
  size_t place = mixent_compare_place(comparison, data, variant), begin = comparison->begins[place];
  out->runs = comparison->begins[place + 1] - begin;
  for (size_t i = 0; i < out->runs; i++) out->no_temperature += comparison->runs[begin + i]->no_temperature;
  MIXENT_TRY(MIXENT_ALLOCATE(input->measure_count, &out->measures));
  for (size_t m = 0; m < input->measure_count; m++) {
    size_t count = mixent_compare_gather(comparison, place, m, values);
    mixent_sample *sample = &out->measures[m];
    *sample = (mixent_sample){count, mixent_compare_mean(values, count), NAN, NAN, NAN};
    if (count < 2) continue;
    MIXENT_TRY(mixent_sample_describe(values, count, input->confidence, sample));
    /* the variance of the mean over splits that overlap: (1 / count + test_to_train) deviation^2, as of their differences */
    double reach = (sample->high - sample->mean) * sqrt(1 + (double)count * input->test_to_train);
    if (input->test_to_train > 0) sample->low = sample->mean - reach, sample->high = sample->mean + reach;
  }
  out->missing = out->runs - out->measures[input->primary].count;
  return MIXENT_OK;
}

static mixent_status compare_data(const mixent_comparison *comparison, size_t data) {
  const mixent_compare_input *input = &comparison->input;
  mixent_compare_result *out = &comparison->data[data];
  double *values;
  MIXENT_TRY(MIXENT_ALLOCATE(input->variant_count, &out->variants));
  MIXENT_TRY(MIXENT_ALLOCATE(input->variant_count - 1, &out->pairs));
  MIXENT_TRY(MIXENT_ALLOCATE(input->run_count, &values));
  mixent_status status = MIXENT_OK;
  for (size_t i = 0; i < input->variant_count && status == MIXENT_OK; i++) {
    status = describe_variant(comparison, data, i, values);
    out->runs += out->variants[i].runs;
  }
  free(values);
  return status == MIXENT_OK ? mixent_compare_pairs(comparison, data) : status;
}

enum { MOST_DIGITS = 15 };

/* Two significant digits of the smallest scatter. */
static int digits_by_scatter(const mixent_comparison *comparison, size_t measure, double least) {
  enum { DIGITS = 4 };
  const mixent_compare_input *input = &comparison->input;
  for (size_t data = 0; data < input->data_count; data++)
    for (size_t i = 0; i < input->variant_count; i++) {
      double deviation =
          input->measures[measure].scale * comparison->data[data].variants[i].measures[measure].deviation;
      if (deviation > 0) least = fmin(least, deviation);
    }
  return least > 0 ? (int)fmin(fmax(1 - floor(log10(least)), 0), MOST_DIGITS) : DIGITS;
}

/* The size of the largest mean. */
static double largest_of(const mixent_comparison *comparison, size_t measure) {
  const mixent_compare_input *input = &comparison->input;
  double largest = 0;
  for (size_t data = 0; data < input->data_count; data++)
    for (size_t i = 0; i < input->variant_count; i++)
      largest = fmax(largest, fabs(comparison->data[data].variants[i].measures[measure].mean));
  return input->measures[measure].scale * largest;
}

/* Those of the measure, or more where the difference that matters would vanish, or all means would have one digit or none. */
static void find_digits(mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  for (size_t m = 0; m < input->measure_count; m++) {
    double difference = m == input->primary ? input->difference : NAN;
    int digits = input->measures[m].digits;
    if (digits == MIXENT_DIGITS_BY_SCATTER) digits = digits_by_scatter(comparison, m, difference);
    while (difference < 5 * pow(10, -digits - 1) && digits < MOST_DIGITS) digits++;
    double largest = largest_of(comparison, m);
    while (largest > 0 && largest < pow(10, 1 - digits) && digits < MOST_DIGITS) digits++;
    comparison->digits[m] = digits;
  }
}

static mixent_status compare(mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  size_t pairs = input->variant_count - 1;
  MIXENT_TRY(check(input));
  MIXENT_TRY(sort_runs(comparison));
  MIXENT_TRY(MIXENT_ALLOCATE(input->data_count, &comparison->data));
  MIXENT_TRY(MIXENT_ALLOCATE(input->measure_count, &comparison->digits));
  for (size_t i = 0; i < input->data_count; i++) {
    mixent_status status = compare_data(comparison, i);
    if (status != MIXENT_OK && *input->data[i].name)
      return mixent_fail_within(status, "%s", input->data[i].name);
    MIXENT_TRY(status);
  }
  find_digits(comparison);
  MIXENT_TRY(mixent_compare_judge(comparison));
  for (size_t i = 0; i < input->data_count * pairs; i++)
    MIXENT_TRY(mixent_compare_conclude(comparison, i / pairs, &comparison->data[i / pairs].pairs[i % pairs]));
  return mixent_compare_across(comparison);
}

mixent_status mixent_compare(const mixent_compare_input *input, mixent_comparison **out) {
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  (*out)->input = *input;
  if (!input->confidence) (*out)->input.confidence = usual_confidence;
  if (!input->replicates) (*out)->input.replicates = MIXENT_COMPARE_REPLICATES;
  mixent_status status = compare(*out);
  if (status == MIXENT_OK) return MIXENT_OK;
  mixent_comparison_free(*out);
  *out = NULL;
  return status;
}
