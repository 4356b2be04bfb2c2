/* The primary measure across data sets: mean effect, probability of improvement, interquartile mean and performance profile, by the
 * definitions of rliable (mixent/statistics.h). Where lower is better, numbers go in with the other sign. */
#include "lab/compare/engine.h"
#include "lab/compare/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_RUNS = 2, LEAST_REPLICATES = 100 };
static const double most_steps = 2e8; /* of all bootstraps together: some seconds */

static double sign_of(const mixent_comparison *comparison) {
  return comparison->input.measures[comparison->input.primary].better < 0 ? -1 : 1;
}

void mixent_across_free(mixent_across *across, size_t variants) {
  if (!across) return;
  for (size_t i = 0; across->variants && i < variants; i++) free(across->variants[i].profile);
  for (size_t i = 0; across->pairs && i + 1 < variants; i++) free(across->pairs[i].words);
  free(across->variants);
  free(across->pairs);
  free(across);
}

const mixent_across_pair *mixent_across_pair_of(const mixent_comparison *comparison, size_t variant) {
  if (!comparison->across || variant == comparison->input.baseline) return NULL;
  return &comparison->across->pairs[variant - (variant > comparison->input.baseline)];
}

/* Room for what one bootstrap takes. */
typedef struct scores {
  const mixent_comparison *comparison;
  double *values[2]; /* [runs] */
  size_t *counts[2]; /* [data sets] */
  mixent_resampling resampling;
} scores;

static size_t runs_of(const mixent_comparison *comparison, size_t data, size_t variant) {
  return comparison->data[data].variants[variant].measures[comparison->input.primary].count;
}

/* Whether all variants, or the two of a pair, have runs enough on a data set. */
static bool is_common(const mixent_comparison *comparison, size_t data) {
  bool common = true;
  for (size_t i = 0; i < comparison->input.variant_count; i++)
    common &= runs_of(comparison, data, i) >= LEAST_RUNS;
  return common;
}

static bool is_shared(const mixent_comparison *comparison, size_t data, size_t variant) {
  return runs_of(comparison, data, variant) >= LEAST_RUNS &&
         runs_of(comparison, data, comparison->input.baseline) >= LEAST_RUNS;
}

/* The runs of a variant on the data sets that it shares with the baseline, or, with pair == variant_count, on the common ones. */
static mixent_score_table gather(const scores *scores, size_t variant, size_t pair, int side) {
  const mixent_comparison *comparison = scores->comparison;
  const mixent_compare_input *input = &comparison->input;
  mixent_score_table table = {scores->values[side], scores->counts[side], 0};
  double *values = scores->values[side];
  for (size_t data = 0; data < input->data_count; data++) {
    if (pair < input->variant_count ? !is_shared(comparison, data, pair) : !is_common(comparison, data))
      continue;
    size_t count = mixent_compare_gather(comparison, mixent_compare_place(comparison, data, variant),
                                         input->primary, values);
    for (size_t i = 0; i < count; i++) values[i] *= sign_of(comparison);
    scores->counts[side][table.data_sets++] = count;
    values += count;
  }
  return table;
}

/* An estimate with the sign turned back. */
static mixent_estimate turn(double sign, mixent_estimate of) {
  if (sign < 0) return (mixent_estimate){-of.value, -of.high, -of.low};
  return of;
}

/* Round places from the lowest to the highest run. */
static void find_thresholds(const mixent_comparison *comparison, double *out) {
  const mixent_compare_input *input = &comparison->input;
  double low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < input->run_count; i++) {
    double value = comparison->runs[i]->values[input->primary];
    if (isnan(value) || !is_common(comparison, comparison->runs[i]->data)) continue;
    low = fmin(low, value);
    high = fmax(high, value);
  }
  for (size_t k = 0; k < MIXENT_ACROSS_THRESHOLDS; k++)
    out[k] = low + (high - low) * (double)k / (MIXENT_ACROSS_THRESHOLDS - 1);
}

static mixent_status measure_variant(const scores *scores, size_t variant, mixent_across *across) {
  mixent_across_variant *out = &across->variants[variant];
  double sign = sign_of(scores->comparison), thresholds[MIXENT_ACROSS_THRESHOLDS];
  out->interquartile = (mixent_estimate){NAN, NAN, NAN};
  if (across->common < MIXENT_ACROSS_LEAST) return MIXENT_OK;
  const mixent_score_table table = gather(scores, variant, scores->comparison->input.variant_count, 0);
  for (size_t k = 0; k < MIXENT_ACROSS_THRESHOLDS; k++) thresholds[k] = sign * across->thresholds[k];
  MIXENT_TRY(MIXENT_ALLOCATE(MIXENT_ACROSS_THRESHOLDS, &out->profile));
  MIXENT_TRY(mixent_interquartile_measure(&table, &scores->resampling, &out->interquartile));
  out->interquartile = turn(sign, out->interquartile);
  return mixent_profile_measure(&table, thresholds, MIXENT_ACROSS_THRESHOLDS, &scores->resampling,
                                out->profile);
}

static mixent_status write_words(const mixent_comparison *comparison, mixent_across_pair *pair) {
  const mixent_compare_input *input = &comparison->input;
  const mixent_measure *measure = &input->measures[input->primary];
  const char *variant = input->variants[pair->variant], *baseline = input->variants[input->baseline],
             *points = strcmp(measure->unit, "%") == 0 ? " points" : "";
  int digits = comparison->digits[input->primary];
  const mixent_sample *effect = &pair->effect;
  double scale = measure->scale;
  mixent_text words = {0};
  mixent_text_append(&words, "Across %zu data sets %s of %s differs from that of %s by %s%s in the mean ",
                     pair->data_sets, measure->title, variant, baseline,
                     mixent_number_signed(scale * effect->mean, digits).text, points);
  mixent_text_append(&words, "(%g %%: %s to %s, t over the data sets, each of which counts the same); ",
                     100 * input->confidence, mixent_number_of(scale * effect->low, digits).text,
                     mixent_number_of(scale * effect->high, digits).text);
  mixent_text_append(&words, "it is %s on %zu of them.", measure->better ? "better" : "higher", pair->better);
  mixent_text_append(
      &words,
      " On one and the same data set, a run of %s is %s than one of %s with probability %s (%g %%: %s to %s, over the "
      "runs).",
      variant, measure->better ? "better" : "higher", baseline,
      mixent_number_of(pair->improvement.value, 3).text, 100 * input->confidence,
      mixent_number_of(pair->improvement.low, 3).text, mixent_number_of(pair->improvement.high, 3).text);
  mixent_status status = mixent_text_status(&words);
  if (status == MIXENT_OK)
    pair->words = words.data;
  else
    mixent_text_free(&words);
  return status;
}

static mixent_status measure_pair(const scores *scores, mixent_across_pair *out) {
  const mixent_comparison *comparison = scores->comparison;
  const mixent_compare_input *input = &comparison->input;
  double *differences = scores->values[0];
  out->effect = (mixent_sample){0, NAN, NAN, NAN, NAN};
  out->improvement = (mixent_estimate){NAN, NAN, NAN};
  for (size_t data = 0; data < input->data_count; data++) {
    if (!is_shared(comparison, data, out->variant)) continue;
    const mixent_compare_pair *pair = mixent_compare_pair_of(comparison, data, out->variant);
    double difference = pair->measures[input->primary].difference.mean;
    differences[out->data_sets++] = difference;
    out->better += sign_of(comparison) * difference > 0;
  }
  if (out->data_sets < MIXENT_ACROSS_LEAST) return MIXENT_OK;
  MIXENT_TRY(mixent_sample_describe(differences, out->data_sets, input->confidence, &out->effect));
  const mixent_score_table a = gather(scores, out->variant, out->variant, 0),
                           b = gather(scores, input->baseline, out->variant, 1);
  MIXENT_TRY(mixent_improvement_measure(&a, &b, &scores->resampling, &out->improvement));
  return write_words(comparison, out);
}

/* Replicates that end in time. */
static size_t count_replicates(const mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  double steps = 1;
  for (size_t data = 0; data < input->data_count; data++) {
    double baseline = (double)runs_of(comparison, data, input->baseline);
    for (size_t i = 0; i < input->variant_count; i++) {
      double runs = (double)runs_of(comparison, data, i);
      steps += runs * (baseline + 16) + MIXENT_ACROSS_THRESHOLDS; /* 16: about what sorting takes */
    }
  }
  double most = fmax(floor(most_steps / steps), LEAST_REPLICATES);
  return most < (double)input->replicates ? (size_t)most : input->replicates;
}

static mixent_status measure(mixent_comparison *comparison, scores *scores) {
  const mixent_compare_input *input = &comparison->input;
  mixent_across *across = comparison->across;
  size_t room = input->run_count + input->data_count;
  MIXENT_TRY(MIXENT_ALLOCATE(input->variant_count, &across->variants));
  MIXENT_TRY(MIXENT_ALLOCATE(input->variant_count - 1, &across->pairs));
  for (int side = 0; side < 2; side++) {
    MIXENT_TRY(MIXENT_ALLOCATE(room, &scores->values[side]));
    MIXENT_TRY(MIXENT_ALLOCATE(input->data_count, &scores->counts[side]));
  }
  for (size_t data = 0; data < input->data_count; data++) across->common += is_common(comparison, data);
  if (across->common >= MIXENT_ACROSS_LEAST) find_thresholds(comparison, across->thresholds);
  for (size_t i = 0; i < input->variant_count; i++) MIXENT_TRY(measure_variant(scores, i, across));
  for (size_t i = 0; i + 1 < input->variant_count; i++) {
    across->pairs[i].variant = i + (i >= input->baseline);
    MIXENT_TRY(measure_pair(scores, &across->pairs[i]));
  }
  return MIXENT_OK;
}

mixent_status mixent_compare_across(mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  if (input->data_count < MIXENT_ACROSS_LEAST || input->test_to_train > 0) return MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &comparison->across));
  comparison->across->replicates = count_replicates(comparison);
  scores scores = {.comparison = comparison,
                   .resampling = {.seed = 1,
                                  .replicates = comparison->across->replicates,
                                  .confidence = input->confidence}};
  mixent_status status = measure(comparison, &scores);
  for (int side = 0; side < 2; side++) {
    free(scores.values[side]);
    free(scores.counts[side]);
  }
  return status;
}
