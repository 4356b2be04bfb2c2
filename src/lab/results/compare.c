/* A metric's samples and differences, Holm's correction over all of them, and the verdicts. question.c finds what is asked. */
#include "lab/results/compare.h"
#include "core/memory.h"
#include "lab/results/question.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double confidence = 0.95;

const char *const mixent_results_verdicts[] = {"undecided", "better", "worse",
                                               "higher",    "lower",  "equivalent"};
const char *const mixent_results_reasons[] = {NULL,         "no-runs",   "one-run", "identical",
                                              "no-scatter", "few-seeds", "open"};

void mixent_results_comparison_free(mixent_results_comparison *comparison) {
  if (!comparison) return;
  size_t variants = comparison->results->variants.count;
  for (size_t data = 0; comparison->data && data < comparison->results->data.count; data++) {
    mixent_results_data *of = &comparison->data[data];
    for (size_t i = 0; of->pairs && i + 1 < variants; i++) free(of->pairs[i].words);
    free(of->pairs);
    free(of->variants);
  }
  free(comparison->data);
  free(comparison->begins);
  free(comparison->runs);
  free(comparison);
}

size_t mixent_results_place(const mixent_results_comparison *comparison, size_t data, size_t variant) {
  return data * comparison->results->variants.count + variant;
}

const mixent_results_pair *mixent_results_pair_of(const mixent_results_comparison *comparison, size_t data,
                                                  size_t variant) {
  if (variant == comparison->baseline) return NULL;
  return &comparison->data[data].pairs[variant - (variant > comparison->baseline)];
}

static int compare_runs(const void *left, const void *right) {
  const mixent_results_run *a = *(const mixent_results_run *const *)left,
                           *b = *(const mixent_results_run *const *)right;
  if (a->data != b->data) return a->data < b->data ? -1 : 1;
  if (a->variant != b->variant) return a->variant < b->variant ? -1 : 1;
  if (a->seed != b->seed) return a->seed < b->seed ? -1 : 1;
  return (a > b) - (a < b); /* without seeds: in the order of the file */
}

static mixent_status sort_runs(mixent_results_comparison *comparison) {
  const mixent_results *results = comparison->results;
  size_t count = results->keys.count, places = results->data.count * results->variants.count;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &comparison->runs));
  MIXENT_TRY(MIXENT_ALLOCATE(places + 1, &comparison->begins));
  for (size_t i = 0; i < count; i++) comparison->runs[i] = &results->runs[i];
  qsort(comparison->runs, count, sizeof *comparison->runs, compare_runs);
  for (size_t place = 0, i = 0; place <= places; place++) {
    comparison->begins[place] = i;
    while (i < count &&
           mixent_results_place(comparison, comparison->runs[i]->data, comparison->runs[i]->variant) == place)
      i++;
  }
  return MIXENT_OK;
}

/* The values of a variant's runs that have one. */
static size_t gather(const mixent_results_comparison *comparison, size_t place, double *values) {
  size_t count = 0;
  for (size_t i = comparison->begins[place]; i < comparison->begins[place + 1]; i++) {
    double value = mixent_results_value(comparison->runs[i], comparison->metric);
    if (!isnan(value)) values[count++] = value;
  }
  return count;
}

/* a[i], b[i]: the values with a seed that both have. */
static size_t match(const mixent_results_comparison *comparison, size_t place_a, size_t place_b, double *a,
                    double *b) {
  size_t count = 0, at[2] = {comparison->begins[place_a], comparison->begins[place_b]};
  while (at[0] < comparison->begins[place_a + 1] && at[1] < comparison->begins[place_b + 1]) {
    const mixent_results_run *left = comparison->runs[at[0]], *right = comparison->runs[at[1]];
    a[count] = mixent_results_value(left, comparison->metric);
    b[count] = mixent_results_value(right, comparison->metric);
    bool pair = left->seed == right->seed && left->seed != MIXENT_NO_SEED;
    count += pair && !isnan(a[count]) && !isnan(b[count]);
    at[0] += left->seed <= right->seed;
    at[1] += right->seed <= left->seed;
  }
  return count;
}

static double mean_of(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += values[i];
  return count ? sum / (double)count : NAN;
}

static mixent_status describe(const mixent_results_comparison *comparison, size_t place, double *values,
                              mixent_results_variant *out) {
  size_t count = gather(comparison, place, values);
  out->missing = comparison->begins[place + 1] - comparison->begins[place] - count;
  out->sample = (mixent_sample){count, mean_of(values, count), NAN, NAN, NAN};
  return count < 2 ? MIXENT_OK : mixent_sample_describe(values, count, comparison->confidence, &out->sample);
}

/* Whether differences scatter by more than the digits of doubles. */
static bool is_constant(double size, const double *a, size_t count_a, const double *b, size_t count_b) {
  double largest = 0;
  for (size_t i = 0; i < count_a; i++) largest = fmax(largest, fabs(a[i]));
  for (size_t i = 0; i < count_b; i++) largest = fmax(largest, fabs(b[i]));
  return fabs(size) <= 1e-12 * largest;
}

static mixent_status test_pair(const mixent_results_comparison *comparison, const double *a, size_t count_a,
                               const double *b, size_t count_b, mixent_results_pair *pair) {
  mixent_paired paired;
  mixent_difference *difference = &pair->difference;
  if (!pair->paired)
    return mixent_unpaired_compare(a, count_a, b, count_b, comparison->confidence, difference);
  MIXENT_TRY(mixent_paired_compare(a, b, count_a, comparison->confidence, &paired));
  const mixent_sample *of = &paired.difference;
  *difference = (mixent_difference){.mean = of->mean,
                                    .error = of->deviation / sqrt((double)count_a),
                                    .freedom = (double)count_a - 1,
                                    .low = of->low,
                                    .high = of->high,
                                    .t = paired.t,
                                    .p = paired.p};
  return MIXENT_OK;
}

/* The difference and its tests; a, b: room for all runs. */
static mixent_status compare_pair(const mixent_results_comparison *comparison, size_t data, double *a,
                                  double *b, mixent_results_pair *pair) {
  size_t places[2] = {mixent_results_place(comparison, data, pair->variant),
                      mixent_results_place(comparison, data, comparison->baseline)};
  size_t count_a = pair->seeds = match(comparison, places[0], places[1], a, b), count_b = count_a;
  pair->paired = count_a >= 2;
  if (!pair->paired) count_a = gather(comparison, places[0], a), count_b = gather(comparison, places[1], b);
  pair->means[0] = mean_of(a, count_a);
  pair->means[1] = mean_of(b, count_b);
  pair->holm = pair->equivalence_holm = NAN;
  pair->equivalence = (mixent_equivalence){NAN, NAN, NAN, NAN, NAN, NAN};
  const mixent_difference unknown = {pair->means[0] - pair->means[1], NAN, NAN, NAN, NAN, NAN, NAN};
  size_t fewer = count_a < count_b ? count_a : count_b;
  pair->difference = unknown;
  pair->reason = fewer == 0 ? MIXENT_REASON_NO_RUNS : MIXENT_REASON_ONE_RUN;
  if (fewer < 2) return MIXENT_OK;
  MIXENT_TRY(test_pair(comparison, a, count_a, b, count_b, pair));
  pair->reason = fewer < MIXENT_RESULTS_LEAST_SEEDS ? MIXENT_REASON_FEW_SEEDS : MIXENT_REASON_OPEN;
  if (is_constant(pair->difference.error, a, count_a, b, count_b)) {
    bool same = is_constant(unknown.mean, a, count_a, b, count_b);
    pair->reason = same ? MIXENT_REASON_IDENTICAL : MIXENT_REASON_NO_SCATTER;
    pair->difference = unknown;
    return MIXENT_OK;
  }
  if (isnan(comparison->difference)) return MIXENT_OK;
  return mixent_equivalence_test(pair->difference.mean, pair->difference.error, pair->difference.freedom,
                                 comparison->difference, &pair->equivalence);
}

/* Holm's correction over the p values that are known, of all `count` pairs. */
static mixent_status adjust(mixent_results_pair *const *pairs, size_t count, bool equivalence, double *p) {
  size_t known = 0;
  for (size_t i = 0; i < count; i++) {
    double of = equivalence ? pairs[i]->equivalence.p : pairs[i]->difference.p;
    if (!isnan(of)) p[known++] = of;
  }
  MIXENT_TRY(mixent_holm_adjust(p, known, p));
  for (size_t i = 0, next = 0; i < count; i++) {
    double of = equivalence ? pairs[i]->equivalence.p : pairs[i]->difference.p;
    if (!isnan(of)) *(equivalence ? &pairs[i]->equivalence_holm : &pairs[i]->holm) = p[next++];
  }
  return MIXENT_OK;
}

static void judge(const mixent_results_comparison *comparison, mixent_results_pair *pair) {
  double level = 1 - comparison->confidence;
  bool higher = pair->difference.mean > 0;
  if (pair->reason != MIXENT_REASON_OPEN) return;
  if (pair->holm < level)
    pair->verdict = comparison->better == 0 ? higher ? MIXENT_RESULTS_HIGHER : MIXENT_RESULTS_LOWER
                    : (comparison->better > 0) == higher ? MIXENT_RESULTS_BETTER
                                                         : MIXENT_RESULTS_WORSE;
  else if (pair->equivalence_holm < level)
    pair->verdict = MIXENT_RESULTS_EQUIVALENT;
  if (pair->verdict != MIXENT_RESULTS_UNDECIDED) pair->reason = MIXENT_REASON_NONE;
}

/* Two significant digits of the smallest scatter. */
static int digits_of(const mixent_results_comparison *comparison) {
  enum { DIGITS = 4, MOST_DIGITS = 9 };
  double least = comparison->difference;
  for (size_t data = 0; data < comparison->results->data.count; data++)
    for (size_t i = 0; i < comparison->results->variants.count; i++) {
      double deviation = comparison->data[data].variants[i].sample.deviation;
      if (deviation > 0) least = fmin(least, deviation);
    }
  if (!(least > 0)) return DIGITS;
  double digits = 1 - floor(log10(least));
  return (int)fmin(fmax(digits, 0), MOST_DIGITS);
}

static mixent_status compare_data(mixent_results_comparison *comparison, double *a, double *b) {
  size_t variants = comparison->results->variants.count;
  for (size_t data = 0; data < comparison->results->data.count; data++) {
    mixent_results_data *of = &comparison->data[data];
    MIXENT_TRY(MIXENT_ALLOCATE(variants, &of->variants));
    MIXENT_TRY(MIXENT_ALLOCATE(variants - 1, &of->pairs));
    for (size_t i = 0; i < variants; i++)
      MIXENT_TRY(describe(comparison, mixent_results_place(comparison, data, i), a, &of->variants[i]));
    for (size_t i = 0; i + 1 < variants; i++) {
      of->pairs[i].variant = i + (i >= comparison->baseline);
      MIXENT_TRY(compare_pair(comparison, data, a, b, &of->pairs[i]));
    }
  }
  return MIXENT_OK;
}

static mixent_status conclude(mixent_results_comparison *comparison, mixent_results_pair **pairs, double *p) {
  size_t each = comparison->results->variants.count - 1, count = comparison->results->data.count * each;
  for (size_t i = 0; i < count; i++) pairs[i] = &comparison->data[i / each].pairs[i % each];
  for (int equivalence = 0; equivalence < 2; equivalence++) MIXENT_TRY(adjust(pairs, count, equivalence, p));
  comparison->digits = digits_of(comparison);
  for (size_t i = 0; i < count; i++) {
    judge(comparison, pairs[i]);
    MIXENT_TRY(mixent_results_conclude(comparison, i / each, pairs[i]));
  }
  return MIXENT_OK;
}

static mixent_status fill(mixent_results_comparison *comparison) {
  const mixent_results *results = comparison->results;
  size_t pairs = results->data.count * (results->variants.count - 1), runs = results->keys.count;
  if (pairs > MIXENT_RESULTS_COMPARISONS)
    return mixent_fail(MIXENT_ERROR_UNSUPPORTED,
                       "%s: expected at most %d comparisons (variants times data sets), got %zu",
                       results->file, MIXENT_RESULTS_COMPARISONS, pairs);
  double *values;
  mixent_results_pair **all = NULL;
  MIXENT_TRY(sort_runs(comparison));
  MIXENT_TRY(MIXENT_ALLOCATE(results->data.count, &comparison->data));
  MIXENT_TRY(MIXENT_ALLOCATE(2 * runs + 2 + pairs, &values)); /* match() writes one beyond */
  mixent_status status = compare_data(comparison, values, values + runs + 1);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(pairs, &all);
  if (status == MIXENT_OK) status = conclude(comparison, all, values);
  free(all);
  free(values);
  return status;
}

mixent_status mixent_results_compare(const mixent_results *results, const mixent_results_question *question,
                                     mixent_results_comparison **out) {
  *out = NULL;
  MIXENT_TRY(MIXENT_ALLOCATE(1, out));
  **out = (mixent_results_comparison){.results = results, .confidence = confidence};
  mixent_status status = mixent_results_ask(question, *out);
  if (status == MIXENT_OK) status = fill(*out);
  if (status != MIXENT_OK) mixent_results_comparison_free(*out), *out = NULL;
  return status;
}
