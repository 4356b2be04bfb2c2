/* From the results of a study to its statistics; compare/conclusion.c puts them into words. */
#include "lab/compare/compare.h"
#include "core/layout.h"
#include "lab/compare/conclusion.h"
#include "mixent/statistics.h"
#include "stats/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Differences of accuracies that were the same counts of images agree to about this, relative to themselves. */
static const double rounding = 1e-9;

/* One data set's. */
typedef struct work {
  const mixent_compare_input *input;
  const mixent_compare_data *data;
  mixent_compare_result *out;
  double *a, *b; /* [seeds] */
} work;

static const mixent_result *result_of(const work *work, size_t variant, size_t seed) {
  return work->data->results[variant * work->input->seed_count + seed];
}

static mixent_sample unknown_sample(size_t count) {
  return (mixent_sample){count, NAN, NAN, NAN, NAN};
}

/* The only run that a variant has finished. */
static const mixent_result *single_result(const work *work, size_t variant) {
  for (size_t seed = 0; seed < work->input->seed_count; seed++)
    if (result_of(work, variant, seed)) return result_of(work, variant, seed);
  return NULL;
}

static bool all_finite(const double *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return false;
  return true;
}

static mixent_status describe(const work *work, const double *values, size_t count, mixent_sample *out) {
  *out = unknown_sample(0);
  if (count == 0 || !all_finite(values, count)) return MIXENT_OK;
  *out = unknown_sample(count);
  out->mean = values[0];
  return count == 1 ? MIXENT_OK : mixent_sample_describe(values, count, work->input->confidence, out);
}

static mixent_status describe_variant(const work *work, size_t variant) {
  mixent_compare_variant *out = &work->out->variants[variant];
  for (size_t seed = 0; seed < work->input->seed_count; seed++) {
    const mixent_result *result = result_of(work, variant, seed);
    if (!result) continue;
    out->runs++;
    out->temperatures_missing += result->validation_images && !result->temperature.found;
  }
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    size_t count = 0;
    for (size_t seed = 0; seed < work->input->seed_count; seed++)
      if (result_of(work, variant, seed))
        work->a[count++] = mixent_measure_of(&mixent_measures[m], result_of(work, variant, seed));
    MIXENT_TRY(describe(work, work->a, count, &out->measures[m]));
  }
  return MIXENT_OK;
}

/* Values of the seeds that both have finished; returns how many. */
static size_t gather(const work *work, size_t variant, size_t measure) {
  size_t count = 0;
  for (size_t seed = 0; seed < work->input->seed_count; seed++) {
    const mixent_result *a = result_of(work, variant, seed);
    const mixent_result *b = result_of(work, work->input->baseline, seed);
    if (!a || !b) continue;
    work->a[count] = mixent_measure_of(&mixent_measures[measure], a);
    work->b[count] = mixent_measure_of(&mixent_measures[measure], b);
    count++;
  }
  return count;
}

/* How differences that are all the same scatter is not known, and so are their interval, t and p. */
static void forget_scatter(mixent_paired *out) {
  out->t = out->p = out->difference.low = out->difference.high = NAN;
}

static mixent_status compare_measure(const work *work, size_t count, mixent_paired *out) {
  *out = (mixent_paired){unknown_sample(0), NAN, NAN};
  if (count == 0 || !all_finite(work->a, count) || !all_finite(work->b, count)) return MIXENT_OK;
  out->difference = unknown_sample(count);
  out->difference.mean = work->a[0] - work->b[0];
  if (count == 1) return MIXENT_OK;
  MIXENT_TRY(mixent_paired_compare(work->a, work->b, count, work->input->confidence, out));
  const mixent_sample *difference = &out->difference;
  if (difference->mean != 0 && difference->deviation <= rounding * fabs(difference->mean))
    forget_scatter(out);
  return MIXENT_OK;
}

static mixent_status compare_pair(const work *work, mixent_compare_pair *out) {
  for (size_t m = 0; m < MIXENT_MEASURES; m++) {
    out->seeds = gather(work, out->variant, m);
    MIXENT_TRY(compare_measure(work, out->seeds, &out->measures[m]));
  }
  out->single =
      work->out->variants[out->variant].runs == 1 && work->out->variants[work->input->baseline].runs == 1;
  if (!out->single) return MIXENT_OK;
  return mixent_mcnemar_test(single_result(work, out->variant)->right,
                             single_result(work, work->input->baseline)->right, work->out->test_images,
                             &out->mcnemar);
}

/* The images that each has right with the seeds that both have finished, a [seeds], b [seeds]. */
static mixent_crossed gather_right(const work *work, mixent_compare_pair *pair, const uint8_t **a,
                                   const uint8_t **b) {
  size_t count = 0;
  bool identical = true;
  for (size_t seed = 0; seed < work->input->seed_count; seed++) {
    const mixent_result *of_a = result_of(work, pair->variant, seed);
    const mixent_result *of_b = result_of(work, work->input->baseline, seed);
    if (!of_a || !of_b) continue;
    a[count] = of_a->right, b[count] = of_b->right;
    identical &= memcmp(a[count], b[count], work->out->test_images) == 0;
    count++;
  }
  pair->identical = count > 0 && identical;
  return (mixent_crossed){a, b, count};
}

/* All pairs that have a p at once, so that images are drawn once for all. rights [pairs, 2, seeds], runs and found
 * [pairs] are room. */
static mixent_status bootstrap_pairs(const work *work, size_t pairs, const uint8_t **rights,
                                     mixent_crossed *runs, mixent_bootstrap *found) {
  size_t seeds = work->input->seed_count, known = 0;
  for (size_t i = 0; i < pairs; i++) {
    mixent_compare_pair *pair = &work->out->pairs[i];
    mixent_paired *accuracy = &pair->measures[MIXENT_MEASURE_ACCURACY];
    runs[known] = gather_right(work, pair, rights + 2 * i * seeds, rights + (2 * i + 1) * seeds);
    pair->bootstrap = (mixent_bootstrap){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    /* as many images right with every seed, but not the same ones */
    if (accuracy->difference.deviation == 0 && !pair->identical) forget_scatter(accuracy);
    known += !isnan(accuracy->p);
  }
  const mixent_bootstrap_options options = {work->out->test_images, 0, work->input->replicates,
                                            work->input->confidence};
  if (known) MIXENT_TRY(mixent_bootstrap_crossed(runs, known, &options, found));
  for (size_t i = 0; i < pairs; i++)
    if (!isnan(work->out->pairs[i].measures[MIXENT_MEASURE_ACCURACY].p))
      work->out->pairs[i].bootstrap = *found++;
  return MIXENT_OK;
}

static mixent_status compare_images(const work *work, size_t pairs) {
  const uint8_t **rights = NULL;
  mixent_crossed *runs = NULL;
  mixent_bootstrap *found = NULL;
  mixent_status status = MIXENT_ALLOCATE(2 * pairs * work->input->seed_count, &rights);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(pairs, &runs);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(pairs, &found);
  if (status == MIXENT_OK) status = bootstrap_pairs(work, pairs, rights, runs, found);
  free(rights);
  free(runs);
  free(found);
  return status;
}

/* Where in a pair a p value and its corrected one are: of `measure`, or of the bootstrap. */
static double *p_of(mixent_compare_pair *pair, size_t measure, double **adjusted) {
  bool bootstrap = measure == MIXENT_MEASURES;
  *adjusted = bootstrap ? &pair->bootstrap_holm : &pair->holm[measure];
  return bootstrap ? &pair->bootstrap.p : &pair->measures[measure].p;
}

/* Over all comparisons of the study that have a p: every data set, every variant; *family: how many. room [data sets x
 * variants - 1]. */
static mixent_status adjust(mixent_comparison *comparison, double *room, size_t measure, size_t *family) {
  size_t pairs = comparison->input.variant_count - 1, all = comparison->input.data_count * pairs, count = 0;
  double *adjusted;
  for (size_t i = 0; i < all; i++) {
    double p = *p_of(&comparison->data[i / pairs].pairs[i % pairs], measure, &adjusted);
    if (!isnan(p)) room[count++] = p;
  }
  *family = count;
  MIXENT_TRY(mixent_holm_adjust(room, count, room));
  count = 0;
  for (size_t i = 0; i < all; i++) {
    bool known = !isnan(*p_of(&comparison->data[i / pairs].pairs[i % pairs], measure, &adjusted));
    *adjusted = known ? room[count++] : NAN;
  }
  return MIXENT_OK;
}

static bool within(double low, double high, double reach) {
  return low >= -reach && high <= reach;
}

/* What could have been seen, at the level that the first step of Holm's correction asks for: a lone difference among
 * the variants is seen with the power stated or more. */
static mixent_status reckon_power(const mixent_compare_input *input, size_t family,
                                  mixent_compare_pair *out) {
  const mixent_sample *difference = &out->measures[MIXENT_MEASURE_ACCURACY].difference;
  double reach = input->difference / 100;
  out->least_difference = out->least_difference_like = NAN;
  if (isnan(out->bootstrap.p)) return MIXENT_OK;
  out->within_these = within(difference->low, difference->high, reach);
  out->within_like = within(out->bootstrap.low, out->bootstrap.high, reach);
  double level = (1 - input->confidence) / (double)family, power = MIXENT_COMPARE_POWER, shift;
  if (difference->deviation > 0) {
    if (mixent_power_least_difference(out->seeds, difference->deviation, level, power,
                                      &out->least_difference) != MIXENT_OK)
      out->least_difference = NAN;
    if (mixent_power_least_seeds(reach, difference->deviation, level, power, &out->least_seeds) != MIXENT_OK)
      out->least_seeds = MIXENT_MOST_SEEDS + 1;
  }
  /* where so few degrees of freedom show nothing at all it is not known */
  if (out->bootstrap.error > 0 &&
      mixent_power_least_shift(out->bootstrap.freedom, level, power, &shift) == MIXENT_OK)
    out->least_difference_like =
        fmax(out->least_difference, shift * out->bootstrap.error); /* both must see it */
  return MIXENT_OK;
}

static mixent_verdict judge(const mixent_compare_pair *pair, double level) {
  if (isnan(pair->bootstrap.p)) return MIXENT_VERDICT_UNKNOWN;
  bool these = pair->holm[MIXENT_MEASURE_ACCURACY] < level, like = pair->bootstrap_holm < level;
  if (these) return like ? MIXENT_VERDICT_IMAGES_LIKE_THESE : MIXENT_VERDICT_THESE_IMAGES;
  return like ? MIXENT_VERDICT_HINT : MIXENT_VERDICT_NONE;
}

static bool same_classes(const mixent_result *a, const mixent_result *b) {
  if (a->classes != b->classes) return false;
  for (size_t k = 0; a->class_names && b->class_names && k < a->classes; k++)
    if (strcmp(a->class_names[k], b->class_names[k]) != 0) return false;
  return true;
}

/* Runs are of one data set when they say so and have as many images and the same classes; that they are paired rests on it. */
static mixent_status check_runs(const work *work) {
  const mixent_result *first = NULL;
  for (size_t variant = 0; variant < work->input->variant_count; variant++)
    for (size_t seed = 0; seed < work->input->seed_count; seed++) {
      const mixent_result *result = result_of(work, variant, seed);
      if (!result) continue;
      if (!first) first = result;
      if (!same_classes(result, first))
        return mixent_fail(
            MIXENT_ERROR_ARGUMENT,
            "%s and %s were scored on sets called %s with other classes; only runs on the same test "
            "part can be compared",
            first->run, result->run, first->data);
      if (result->test_images != first->test_images || strcmp(result->data, first->data) != 0)
        return mixent_fail(MIXENT_ERROR_ARGUMENT,
                           "%s was scored on %zu test %s of %s, %s on %zu of %s; only runs on the same test "
                           "part can be compared",
                           first->run, first->test_images, mixent_samples_name(first->rows), first->data,
                           result->run, result->test_images, result->data);
    }
  work->out->test_images = first ? first->test_images : 0;
  work->out->samples = mixent_samples_name(first && first->rows);
  return MIXENT_OK;
}

static mixent_status compare_within(work *work, size_t pairs) {
  for (size_t variant = 0; variant < work->input->variant_count; variant++)
    MIXENT_TRY(describe_variant(work, variant));
  for (size_t i = 0; i < pairs; i++) {
    work->out->pairs[i].variant = i < work->input->baseline ? i : i + 1;
    MIXENT_TRY(compare_pair(work, &work->out->pairs[i]));
  }
  return compare_images(work, pairs);
}

/* What all data sets' comparisons say together: Holm's correction over them, then what could have been seen, and verdicts. */
static mixent_status conclude(mixent_comparison *comparison) {
  const mixent_compare_input *input = &comparison->input;
  size_t pairs = input->variant_count - 1, family = 0;
  double *room;
  MIXENT_TRY(MIXENT_ALLOCATE(input->data_count * pairs, &room));
  mixent_status status = MIXENT_OK;
  for (size_t m = 0; m <= MIXENT_MEASURES && status == MIXENT_OK; m++)
    status = adjust(comparison, room, m, &family); /* the bootstrap's comes last: `family` is of accuracy */
  free(room);
  for (size_t i = 0; i < input->data_count * pairs && status == MIXENT_OK; i++) {
    mixent_compare_pair *pair = &comparison->data[i / pairs].pairs[i % pairs];
    status = reckon_power(input, family, pair);
    pair->verdict = judge(pair, 1 - input->confidence);
  }
  return status;
}

static mixent_status compare_data(const mixent_compare_input *input, const mixent_compare_data *data,
                                  mixent_compare_result *out) {
  work work = {.input = input, .data = data, .out = out};
  size_t seeds = input->seed_count, pairs = input->variant_count - 1;
  MIXENT_TRY(check_runs(&work));
  mixent_status status = MIXENT_ALLOCATE(input->variant_count, &out->variants);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(pairs, &out->pairs);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(seeds, &work.a);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(seeds, &work.b);
  if (status == MIXENT_OK) status = compare_within(&work, pairs);
  free(work.a);
  free(work.b);
  return status;
}

static mixent_status check(const mixent_compare_input *input) {
  if (!input->variant_count || !input->seed_count || !input->data_count)
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "a comparison of %zu variants, %zu seeds, %zu data sets: at least one of each is needed",
        input->variant_count, input->seed_count, input->data_count);
  if (input->baseline >= input->variant_count)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "baseline %zu: there are %zu variants", input->baseline,
                       input->variant_count);
  if (!(input->difference > 0) || !isfinite(input->difference))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "difference %g: points of accuracy worth seeing are above 0, say 0.1",
                       input->difference);
  MIXENT_TRY(mixent_share_check("confidence", input->confidence));
  if (1 - input->confidence < MIXENT_COMPARE_POWER) return MIXENT_OK;
  return mixent_fail(MIXENT_ERROR_ARGUMENT, "confidence %g is too little for any conclusion; take 0.95",
                     input->confidence);
}

mixent_status mixent_compare(const mixent_compare_input *input, mixent_comparison **out) {
  *out = NULL;
  MIXENT_TRY(check(input));
  mixent_comparison *comparison;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &comparison));
  comparison->input = *input;
  if (!comparison->input.replicates) comparison->input.replicates = MIXENT_COMPARE_REPLICATES;
  mixent_status status = MIXENT_ALLOCATE(input->data_count, &comparison->data);
  for (size_t i = 0; i < input->data_count && status == MIXENT_OK; i++) {
    status = compare_data(&comparison->input, &input->data[i], &comparison->data[i]);
    if (status != MIXENT_OK) mixent_fail_within(status, "%s", input->data[i].name);
  }
  if (status == MIXENT_OK) status = conclude(comparison);
  for (size_t i = 0; i < input->data_count; i++)
    for (size_t k = 0; k + 1 < input->variant_count && status == MIXENT_OK; k++)
      status = mixent_compare_conclude(comparison, i, &comparison->data[i].pairs[k]);
  if (status == MIXENT_OK)
    *out = comparison;
  else
    mixent_comparison_free(comparison);
  return status;
}

void mixent_comparison_free(mixent_comparison *comparison) {
  if (!comparison) return;
  for (size_t i = 0; comparison->data && i < comparison->input.data_count; i++) {
    mixent_compare_result *data = &comparison->data[i];
    for (size_t k = 0; data->pairs && k + 1 < comparison->input.variant_count; k++) {
      free(data->pairs[k].conclusion);
      free(data->pairs[k].calibration);
    }
    free(data->variants);
    free(data->pairs);
  }
  free(comparison->data);
  free(comparison);
}

const char *mixent_verdict_name(mixent_verdict verdict) {
  static const char *const names[] = {"unknown", "none", "hint", "these-images", "images-like-these"};
  return names[verdict];
}

mixent_status mixent_compare_grid(mixent_compare_input grid, char *const *data_names,
                                  const mixent_result *const *results, mixent_compare_data **data,
                                  mixent_comparison **out) {
  MIXENT_TRY(MIXENT_ALLOCATE(grid.data_count, data));
  for (size_t d = 0; d < grid.data_count; d++)
    (*data)[d] = (mixent_compare_data){data_names[d], (const mixent_result *const *)results +
                                                          d * grid.variant_count * grid.seed_count};
  grid.data = *data, grid.confidence = 0.95;
  return mixent_compare(&grid, out);
}
