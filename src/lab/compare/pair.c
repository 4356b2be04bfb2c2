/* Each variant of a data set and the baseline: every measure paired or unpaired, the crossed bootstrap, McNemar's test. */
#include "core/memory.h"
#include "lab/compare/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t mixent_compare_gather(const mixent_comparison *comparison, size_t place, size_t measure,
                             double *values) {
  size_t count = 0;
  for (size_t i = comparison->begins[place]; i < comparison->begins[place + 1]; i++) {
    double value = comparison->runs[i]->values[measure];
    if (isfinite(value))
      values[count++] = value;
    else if (measure != comparison->input.primary)
      return 0;
  }
  return count;
}

double mixent_compare_mean(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += values[i] - values[0]; /* equal values: just that */
  return count ? values[0] + sum / (double)count : NAN;
}

/* Runs of one seed. */
typedef struct run_pair {
  const mixent_compare_run *a, *b; /* of the variant, of the baseline */
} run_pair;

/* Room for one data set. */
typedef struct room {
  double *a, *b;           /* [runs] */
  run_pair *pairs;         /* [runs] */
  const uint8_t **rights;  /* [pairs, 2, runs of the variant] */
  mixent_crossed *crossed; /* [pairs] */
  mixent_bootstrap *found; /* [pairs] */
} room;

/* One variant against the baseline. */
typedef struct work {
  const mixent_comparison *comparison;
  size_t data, places[2]; /* of the variant, of the baseline */
  mixent_compare_pair *pair;
  room *room;
  size_t matched; /* room->pairs */
} work;

/* The runs with a seed that both have. */
static void match(work *work) {
  const mixent_comparison *comparison = work->comparison;
  const size_t *begins = comparison->begins;
  size_t i = begins[work->places[0]], j = begins[work->places[1]];
  work->matched = 0;
  while (i < begins[work->places[0] + 1] && j < begins[work->places[1] + 1]) {
    const mixent_compare_run *a = comparison->runs[i], *b = comparison->runs[j];
    if (a->seed == b->seed && a->seed != MIXENT_NO_SEED)
      work->room->pairs[work->matched++] = (run_pair){a, b};
    i += a->seed <= b->seed;
    j += b->seed <= a->seed;
  }
}

/* Pairs without a value of the primary measure are no pairs. */
static void keep_pairs_with_values(work *work) {
  size_t primary = work->comparison->input.primary, count = 0;
  for (size_t i = 0; i < work->matched; i++) {
    run_pair pair = work->room->pairs[i];
    if (isfinite(pair.a->values[primary]) && isfinite(pair.b->values[primary]))
      work->room->pairs[count++] = pair;
  }
  work->matched = count;
}

/* The values of a measure that are compared: of the pairs, or of all runs. */
static void take_values(const work *work, size_t measure, mixent_compared *out) {
  double *a = work->room->a, *b = work->room->b;
  out->counts[0] = mixent_compare_gather(work->comparison, work->places[0], measure, a);
  out->counts[1] = mixent_compare_gather(work->comparison, work->places[1], measure, b);
  out->paired = work->matched >= 2;
  if (work->matched == 0 || (work->matched == 1 && out->counts[0] > 1 && out->counts[1] > 1)) return;
  bool complete = true;
  for (size_t i = 0; i < work->matched; i++) {
    a[i] = work->room->pairs[i].a->values[measure];
    b[i] = work->room->pairs[i].b->values[measure];
    complete &= isfinite(a[i]) && isfinite(b[i]);
  }
  out->counts[0] = out->counts[1] = complete ? work->matched : 0;
}

/* Whether numbers scatter by more than the digits of doubles. */
static bool is_constant(const work *work, const mixent_compared *of, double size) {
  double largest = 0;
  for (size_t i = 0; i < of->counts[0]; i++) largest = fmax(largest, fabs(work->room->a[i]));
  for (size_t i = 0; i < of->counts[1]; i++) largest = fmax(largest, fabs(work->room->b[i]));
  return fabs(size) <= 1e-12 * largest;
}

/* The epoch of one of the two was chosen by the test items: that can only raise its scores on them, and "no difference" cannot hold. */
static bool is_test_selected(const work *work, size_t measure) {
  const mixent_compare_input *input = &work->comparison->input;
  mixent_measure_kind kind = input->measures[measure].kind;
  return input->test_selected && (kind == MIXENT_MEASURE_TEST || kind == MIXENT_MEASURE_CALIBRATED) &&
         input->test_selected[work->pair->variant] != input->test_selected[input->baseline];
}

static mixent_status test_values(const work *work, mixent_compared *out) {
  const mixent_compare_input *input = &work->comparison->input;
  const double *a = work->room->a, *b = work->room->b;
  if (!out->paired && input->test_to_train > 0)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "%s and %s: expected two or more splits that both have, got %zu; splits whose training parts overlap "
        "are compared in pairs",
        input->variants[work->pair->variant], input->variants[input->baseline], work->matched);
  if (!out->paired)
    return mixent_unpaired_compare(a, out->counts[0], b, out->counts[1], input->confidence, &out->difference);
  MIXENT_TRY(mixent_resampled_compare(a, b, out->counts[0], input->test_to_train, input->confidence,
                                      &out->difference));
  out->deviation = out->difference.error / sqrt(1 / (double)out->counts[0] + input->test_to_train);
  return MIXENT_OK;
}

/* What is known of the difference; *reason: why nothing is tested, or MIXENT_REASON_NONE. */
static mixent_status compare_measure(const work *work, size_t measure, mixent_compared *out,
                                     mixent_reason *reason) {
  take_values(work, measure, out);
  out->deviation = out->holm = NAN;
  out->means[0] = mixent_compare_mean(work->room->a, out->counts[0]);
  out->means[1] = mixent_compare_mean(work->room->b, out->counts[1]);
  double mean = out->counts[0] && out->counts[1] ? out->means[0] - out->means[1] : NAN;
  const mixent_difference unknown = {mean, NAN, NAN, NAN, NAN, NAN, NAN};
  out->difference = unknown;
  size_t fewer = out->counts[0] < out->counts[1] ? out->counts[0] : out->counts[1];
  *reason = fewer == 0 ? MIXENT_REASON_NO_RUNS : MIXENT_REASON_ONE_RUN;
  if (fewer < 2) return MIXENT_OK;
  MIXENT_TRY(test_values(work, out));
  bool constant = is_constant(work, out, out->difference.error), selected = is_test_selected(work, measure);
  if (constant) {
    out->difference = unknown;
    out->deviation = NAN;
  } else if (selected)
    out->difference.t = out->difference.p = NAN;
  *reason = selected                       ? MIXENT_REASON_TEST_SELECTED
            : !constant                    ? MIXENT_REASON_NONE
            : is_constant(work, out, mean) ? MIXENT_REASON_IDENTICAL
                                           : MIXENT_REASON_NO_SCATTER;
  return MIXENT_OK;
}

/* As many items right with every seed, but not the same ones, are no identical runs. */
static bool have_same_right(const work *work) {
  size_t items = work->comparison->input.data[work->data].items;
  for (size_t i = 0; i < work->matched; i++) {
    const run_pair *pair = &work->room->pairs[i];
    if (pair->a->right && pair->b->right && memcmp(pair->a->right, pair->b->right, items) != 0) return false;
  }
  return true;
}

static mixent_status test_single(const work *work) {
  const mixent_comparison *comparison = work->comparison;
  const mixent_compare_variant *variants = comparison->data[work->data].variants;
  const mixent_compare_run *a, *b;
  if (variants[work->pair->variant].runs != 1 || variants[comparison->input.baseline].runs != 1)
    return MIXENT_OK;
  a = comparison->runs[comparison->begins[work->places[0]]];
  b = comparison->runs[comparison->begins[work->places[1]]];
  work->pair->single = a->right && b->right;
  if (!work->pair->single) return MIXENT_OK;
  return mixent_mcnemar_test(a->right, b->right, comparison->input.data[work->data].items,
                             &work->pair->mcnemar);
}

static mixent_status compare_pair(work *work) {
  const mixent_compare_input *input = &work->comparison->input;
  mixent_compare_pair *pair = work->pair;
  mixent_reason reason;
  MIXENT_TRY(MIXENT_ALLOCATE(input->measure_count, &pair->measures));
  match(work);
  for (size_t m = 0; m < input->measure_count; m++)
    if (m != input->primary) MIXENT_TRY(compare_measure(work, m, &pair->measures[m], &reason));
  keep_pairs_with_values(work);
  pair->seeds = work->matched;
  MIXENT_TRY(compare_measure(work, input->primary, &pair->measures[input->primary], &pair->reason));
  if (pair->reason == MIXENT_REASON_IDENTICAL && input->primary == input->accuracy && !have_same_right(work))
    pair->reason = MIXENT_REASON_NO_SCATTER;
  return test_single(work);
}

/* Whether the crossed bootstrap can tell of items like these: what each run had right is known, and differences scatter. rights [2, seeds]. */
static bool take_right(const work *work, const uint8_t **rights, mixent_crossed *out) {
  const mixent_compare_input *input = &work->comparison->input;
  const mixent_compared *accuracy = &work->pair->measures[input->primary];
  if (input->primary != input->accuracy || !accuracy->paired || isnan(accuracy->difference.error) ||
      input->data[work->data].items < 2 || input->test_to_train > 0)
    return false;
  size_t seeds = work->matched;
  for (size_t i = 0; i < seeds; i++) {
    rights[i] = work->room->pairs[i].a->right;
    rights[seeds + i] = work->room->pairs[i].b->right;
    if (!rights[i] || !rights[seeds + i]) return false;
  }
  *out = (mixent_crossed){rights, rights + seeds, seeds};
  return true;
}

/* All pairs of a data set at once, so that items are drawn once for all. */
static mixent_status bootstrap_pairs(const mixent_comparison *comparison, size_t data, const room *room,
                                     size_t known) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_bootstrap_options options = {input->data[data].items, 0, input->replicates, input->confidence};
  if (!known) return MIXENT_OK;
  MIXENT_TRY(mixent_bootstrap_crossed(room->crossed, known, &options, room->found));
  const mixent_bootstrap *next = room->found;
  for (size_t i = 0; i + 1 < input->variant_count; i++) {
    mixent_compare_pair *pair = &comparison->data[data].pairs[i];
    if (isnan(pair->bootstrap.error)) continue;
    pair->bootstrap = *next++;
    if (pair->reason == MIXENT_REASON_TEST_SELECTED) pair->bootstrap.p = NAN;
  }
  return MIXENT_OK;
}

static mixent_status compare_all(const mixent_comparison *comparison, size_t data, room *room) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_bootstrap unknown = {.difference = NAN,
                                    .low = NAN,
                                    .high = NAN,
                                    .error = NAN,
                                    .freedom = NAN,
                                    .p = NAN,
                                    .percentile_low = NAN,
                                    .percentile_high = NAN,
                                    .deviation = NAN};
  const uint8_t **rights = room->rights;
  size_t known = 0;
  for (size_t i = 0; i + 1 < input->variant_count; i++) {
    mixent_compare_pair *pair = &comparison->data[data].pairs[i];
    pair->variant = i + (i >= input->baseline);
    work work = {.comparison = comparison,
                 .data = data,
                 .places = {mixent_compare_place(comparison, data, pair->variant),
                            mixent_compare_place(comparison, data, input->baseline)},
                 .pair = pair,
                 .room = room};
    MIXENT_TRY(compare_pair(&work));
    pair->bootstrap = unknown;
    if (!take_right(&work, rights, &room->crossed[known])) continue;
    pair->bootstrap.error = 0; /* to be found */
    rights += 2 * work.matched;
    known++;
  }
  return bootstrap_pairs(comparison, data, room, known);
}

mixent_status mixent_compare_pairs(const mixent_comparison *comparison, size_t data) {
  const mixent_compare_input *input = &comparison->input;
  size_t runs = input->run_count, pairs = input->variant_count - 1;
  room room = {0};
  mixent_status status = MIXENT_ALLOCATE(runs, &room.a);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(runs, &room.b);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(runs, &room.pairs);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(2 * runs, &room.rights);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(pairs, &room.crossed);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(pairs, &room.found);
  if (status == MIXENT_OK) status = compare_all(comparison, data, &room);
  free(room.a);
  free(room.b);
  free(room.pairs);
  free(room.rights);
  free(room.crossed);
  free(room.found);
  return status;
}
