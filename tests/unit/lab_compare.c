/* compare: SciPy's and statsmodels' values (tests/golden/statistics.h), what is missing, every verdict in its words, and the
 * three ways to write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/random.h"
#include "golden/statistics.h"
#include "lab/compare/json.h"
#include "lab/compare/runs.h"
#include "mixent/statistics.h"
#include "stats/distributions.h"
#include "unit/lab_near.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_VARIANTS = 4, MOST_SEEDS = 10, MOST_IMAGES = 5000, RUNS = MOST_VARIANTS * MOST_SEEDS };

static const char *const names[] = {"ce", "min-ent", "mix-ent", "smoothing"};
static const long seeds[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/* A study that a test fills in. */
static mixent_result results[RUNS];
static const mixent_result *places[3 * RUNS]; /* of up to three data sets */
static uint8_t right[RUNS * MOST_IMAGES];
static const char *const data_names[] = {"letters", "digits", "clothes"};
static mixent_runs_grid input;
static mixent_runs_compared compared;
static mixent_comparison *comparison;

/* All runs finished, no image right, other measures of the size they have. */
static void begin(size_t variants, size_t seed_count, size_t images) {
  input = (mixent_runs_grid){.variants = names,
                             .variant_count = variants,
                             .seeds = seeds,
                             .seed_count = seed_count,
                             .data = data_names,
                             .data_count = 1,
                             .results = places,
                             .difference = 0.1,
                             .confidence = 0.95,
                             .replicates = 2000};
  memset(right, 0, sizeof right);
  for (size_t i = 0; i < variants * seed_count; i++) {
    const mixent_calibration usual = {0, 0.2, 0.1, 0.01, 0.01, 0.15, 0.1, 0.6, 0.9, 0.01};
    results[i] = (mixent_result){.run = "runs/study/run",
                                 .data = "letters",
                                 .seconds = 100 + (double)i,
                                 .classes = 26,
                                 .test_images = images,
                                 .validation_images = 500,
                                 .temperature = {1.2, 0.2, 0.19, true},
                                 .test = usual,
                                 .test_calibrated = usual,
                                 .validation = usual,
                                 .right = right + i * images};
    places[i] = &results[i];
  }
}

static mixent_result *run_at(size_t variant, size_t seed) {
  return &results[variant * input.seed_count + seed];
}

static void remove_run(size_t variant, size_t seed) {
  places[variant * input.seed_count + seed] = NULL;
}

static const mixent_compare_pair *pair_at(size_t index) {
  return &comparison->data[0].pairs[index];
}

/* Accuracies from the images, then the comparison; returns the first pair. */
static const mixent_compare_pair *compare(void) {
  for (size_t i = 0; i < input.variant_count * input.seed_count; i++) {
    size_t sum = 0;
    for (size_t k = 0; k < results[i].test_images; k++) sum += results[i].right[k];
    results[i].test.accuracy = results[i].test_calibrated.accuracy =
        (double)sum / (double)results[i].test_images;
  }
  mixent_runs_compared_free(&compared);
  assert_int_equal(mixent_runs_compare(&input, &compared), MIXENT_OK);
  comparison = compared.comparison;
  return input.variant_count > 1 ? pair_at(0) : NULL;
}

static int clean(void **state) {
  (void)state;
  mixent_runs_compared_free(&compared);
  return 0;
}

static double uniform(uint64_t step, uint64_t element) {
  mixent_random random = mixent_random_stream(1, "test", "compare");
  uint32_t word[4];
  mixent_random_block(&random, step, element, word);
  return mixent_uniform_double(word[0], word[1]);
}

/* Images from `first` on are right with probability `chance`, each run and image for itself. */
static void scatter(size_t variant, size_t first, double chance) {
  for (size_t seed = 0; seed < input.seed_count; seed++)
    for (size_t i = first; i < run_at(variant, seed)->test_images; i++)
      run_at(variant, seed)->right[i] = uniform(variant * MOST_SEEDS + seed, i) < chance;
}

/* Images first to last - 1 are right with every seed. */
static void always(size_t variant, size_t first, size_t last) {
  for (size_t seed = 0; seed < input.seed_count; seed++)
    memset(run_at(variant, seed)->right + first, 1, last - first);
}

#define assert_says(text, words)                                                                             \
  do {                                                                                                       \
    if (!(text) || !strstr(text, words)) fail_msg("\"%s\" does not say \"%s\"", text, words);                \
  } while (0)

#define assert_undecided(pair, why)                                                                          \
  do {                                                                                                       \
    assert_int_equal((pair)->verdict, MIXENT_VERDICT_UNDECIDED);                                             \
    assert_int_equal((pair)->scope, MIXENT_SCOPE_NONE);                                                      \
    assert_int_equal((pair)->reason, why);                                                                   \
  } while (0)

#define assert_decided(pair, which, where)                                                                   \
  do {                                                                                                       \
    assert_int_equal((pair)->verdict, which);                                                                \
    assert_int_equal((pair)->scope, where);                                                                  \
    assert_int_equal((pair)->reason, MIXENT_REASON_NONE);                                                    \
  } while (0)

#define assert_silent(text, words)                                                                           \
  do {                                                                                                       \
    if (strstr(text, words)) fail_msg("\"%s\" says \"%s\"", text, words);                                    \
  } while (0)

/* The same numbers as `study` in tests/golden/make_statistics.py. */
static void fill_study(void) {
  begin(4, 6, 300);
  for (size_t v = 0; v < 4; v++)
    for (size_t s = 0; s < 6; s++) {
      size_t limit = 900 + 9 * v - 6 * (s * 5 % 7);
      for (size_t i = 0; i < 300; i++)
        run_at(v, s)->right[i] =
            (i * 7919 + s * s * 104729 + v * v * 12979 + i * s * v * 31 + i * i * 17) % 1009 < limit;
      run_at(v, s)->test.nll = 0.2 + (double)v / 256 + (double)((s * 37 + v * 11) % 13) / 1024;
    }
  input.difference = 2;
}

static void check_paired(const mixent_compared *paired, const double *wanted) {
  assert_true(paired->paired);
  assert_near(paired->difference.mean, wanted[0], 1e-10);
  assert_near(paired->deviation, wanted[1], 1e-10);
  assert_near(paired->difference.low, wanted[2], 1e-10);
  assert_near(paired->difference.high, wanted[3], 1e-10);
  assert_near(paired->difference.t, wanted[4], 1e-10);
  assert_near(paired->difference.p, wanted[5], 1e-10);
  assert_near(paired->holm, wanted[6], 1e-10);
}

static void test_against_statsmodels(void **state) {
  (void)state;
  fill_study();
  compare();
  size_t nll = mixent_measure_find("nll");
  for (size_t v = 0; v < 4; v++) {
    const mixent_sample *accuracy = &comparison->data[0].variants[v].measures[MIXENT_MEASURE_ACCURACY];
    const double values[] = {accuracy->mean, accuracy->deviation, accuracy->low, accuracy->high};
    for (size_t k = 0; k < 4; k++) assert_near(values[k], golden_study[v][k], 1e-10);
    assert_int_equal(accuracy->count, 6);
  }
  for (size_t i = 0; i < 3; i++) {
    const mixent_compare_pair *pair = pair_at(i);
    assert_true(pair->variant == i + 1 && pair->seeds == 6 && !pair->single);
    check_paired(&pair->measures[MIXENT_MEASURE_ACCURACY], golden_study_paired[i]);
    check_paired(&pair->measures[nll], golden_study_nll[i]);
    const double crossed[] = {pair->bootstrap.difference, pair->bootstrap.error, pair->bootstrap.freedom,
                              pair->bootstrap.p, pair->bootstrap_holm};
    for (size_t k = 0; k < 5; k++) assert_near(crossed[k], golden_study_crossed[i][k], 1e-9);
    assert_near(pair->least_difference, golden_study_power[i][0], 1e-9);
    assert_near(pair->least_difference_like, golden_study_power[i][1], 1e-9);
    assert_int_equal(pair->least_seeds, (size_t)golden_study_power[i][2]);
    assert_undecided(pair, MIXENT_REASON_OPEN);
    const double components[] = {pair->bootstrap.low, pair->bootstrap.high, pair->bootstrap.seed_variance,
                                 pair->bootstrap.image_variance, pair->bootstrap.rest_variance};
    for (size_t k = 0; k < 5; k++) assert_near(components[k], golden_study_components[i][k], 1e-9);
  }
}

/* Two one-sided tests against 5 points, over seeds, and over seeds and images, each corrected by Holm. */
static void test_equivalence_against_statsmodels(void **state) {
  (void)state;
  fill_study();
  input.difference = 5;
  compare();
  for (size_t i = 0; i < 3; i++) {
    const mixent_compare_equivalence *these = &pair_at(i)->equivalence, *like = &pair_at(i)->equivalence_like;
    const double said[] = {these->test.p,     these->test.within, like->test.p,
                           like->test.within, these->holm,        like->holm};
    for (size_t k = 0; k < 6; k++) assert_near(said[k], golden_study_equivalence[i][k], 1e-9);
    bool equivalent = these->holm < 0.05;
    assert_int_equal(pair_at(i)->verdict, equivalent ? MIXENT_VERDICT_EQUIVALENT : MIXENT_VERDICT_UNDECIDED);
  }
}

/* Another baseline turns the differences around. */
static void test_baseline_elsewhere(void **state) {
  (void)state;
  fill_study();
  input.baseline = 2;
  const mixent_compare_pair *pair = compare();
  assert_true(pair->variant == 0 && pair_at(1)->variant == 1 && pair_at(2)->variant == 3);
  const mixent_compared *paired = &pair->measures[MIXENT_MEASURE_ACCURACY];
  assert_near(paired->difference.low, -golden_study_paired[1][3], 1e-10);
  assert_near(paired->difference.p, golden_study_paired[1][5], 1e-10);
  assert_says(
      pair->words,
      "Whether ce differs from mix-ent is undecided: accuracy differs by −2.61 points (95 %: −5.32 to 0.10 on these "
      "images, paired over 6 seeds, p 0.0");
}

static void test_single_models(void **state) {
  (void)state;
  fill_study();
  for (size_t v = 0; v < 4; v++)
    for (size_t s = 1; s < 6; s++) remove_run(v, s);
  compare();
  for (size_t i = 0; i < 3; i++) {
    const mixent_compare_pair *pair = pair_at(i);
    assert_true(pair->single && pair->seeds == 1);
    assert_undecided(pair, MIXENT_REASON_ONE_RUN);
    assert_int_equal(pair->mcnemar.only_a, (size_t)golden_study_mcnemar[i][0]);
    assert_int_equal(pair->mcnemar.only_b, (size_t)golden_study_mcnemar[i][1]);
    assert_near(pair->mcnemar.p, golden_study_mcnemar[i][2], 1e-10);
    assert_true(isnan(pair->bootstrap.p) && isnan(pair->measures[0].holm) && isnan(pair->least_difference));
    assert_says(pair->words, "Single runs differ by chance alone");
    assert_says(pair->words, "these two models only");
    assert_says(pair->words, names[i + 1]);
    assert_null(pair->calibration);
  }
  assert_says(pair_at(0)->words,
              "22 are right with min-ent alone and 25 with ce alone (exact McNemar p 0.77)");
  const mixent_sample *sample = &comparison->data[0].variants[1].measures[0];
  assert_true(sample->count == 1 && sample->mean > 0 && isnan(sample->deviation) && isnan(sample->low));
}

static void test_what_is_missing(void **state) {
  (void)state;
  fill_study();
  remove_run(1, 2), remove_run(1, 5), remove_run(0, 3);
  for (size_t s = 0; s < 6; s++) remove_run(3, s);
  const mixent_compare_pair *pair = compare();
  assert_int_equal(pair->seeds, 3);
  assert_undecided(pair, MIXENT_REASON_FEW_SEEDS);
  assert_says(pair->words,
              "Too few seeds to conclude about min-ent and ce: it takes 5 that both have. So far accuracy");
  assert_says(pair->words, "paired over 3 seeds");
  assert_says(pair->words,
              "Left out, because they have no partner: 1 of 4 runs of min-ent, 2 of 5 runs of ce; over "
              "the seeds that both have, the means are ");
  assert_says(pair->words, "Not finished: min-ent with seeds 2 and 5, ce with seed 3.");
  const mixent_compared *accuracy = &pair->measures[0];
  assert_near(accuracy->means[0] - accuracy->means[1], accuracy->difference.mean, 1e-12);
  assert_int_equal(comparison->data[0].variants[1].runs, 4);
  assert_int_equal(pair_at(1)->seeds, 5);
  assert_undecided(pair_at(1), MIXENT_REASON_OPEN);
  assert_says(pair_at(1)->words, "Not finished: ce with seed 3.");
  assert_says(pair_at(2)->words, "smoothing and ce cannot be compared: no run of smoothing is finished. "
                                 "Not finished: ce with seed 3.");
  assert_undecided(pair_at(2), MIXENT_REASON_NO_RUNS);
  /* Holm over the two comparisons that there are */
  double least = fmin(pair->measures[0].difference.p, pair_at(1)->measures[0].difference.p);
  assert_near(fmin(pair->measures[0].holm, pair_at(1)->measures[0].holm), fmin(1, 2 * least), 1e-12);
}

static void test_no_seed_in_common_and_no_run(void **state) {
  (void)state;
  begin(2, 2, 100);
  remove_run(0, 0), remove_run(1, 1);
  always(1, 0, 50);
  const mixent_compare_pair *pair = compare();
  assert_true(pair->seeds == 0 && pair->single && pair->mcnemar.only_a == 50);
  assert_says(pair->words, "there are 1 and 1");
  assert_says(pair->words, "50 are right with min-ent alone");
  remove_run(0, 1), remove_run(1, 0);
  pair = compare();
  assert_true(pair->seeds == 0 && !pair->single && comparison->data[0].runs == 0);
  assert_string_equal(pair->words, "min-ent and ce cannot be compared: no run of min-ent or ce is finished.");
  mixent_text text = {0};
  mixent_comparison_append_text(comparison, &text);
  assert_says(text.data, "letters: no run is finished yet");
  mixent_text_free(&text);
}

/* A measure that a run lacks is left out, and nothing else is. */
static void test_measures_that_are_not_there(void **state) {
  (void)state;
  fill_study();
  for (size_t i = 0; i < 24; i++) {
    results[i].validation_images = 0;
    results[i].test.auroc += 0.01 * uniform(98, i), results[i].test.ece += 0.01 * uniform(96, i);
  }
  run_at(1, 4)->test.auroc = NAN;
  const mixent_compare_pair *pair = compare();
  size_t auroc = mixent_measure_find("auroc"), temperature = mixent_measure_find("temperature");
  const mixent_compare_variant *variants = comparison->data[0].variants;
  assert_true(variants[1].measures[auroc].count == 0 && isnan(variants[1].measures[auroc].mean));
  assert_true(isnan(pair->measures[auroc].holm) && isnan(pair->measures[auroc].difference.mean));
  assert_int_equal(variants[0].measures[auroc].count, 6);
  assert_false(isnan(pair_at(1)->measures[auroc].holm));
  assert_int_equal(variants[0].measures[temperature].count, 0);
  assert_near(pair->measures[0].holm, golden_study_paired[0][6], 1e-10);
  assert_silent(pair->calibration, "temperature");
  mixent_text text = {0};
  mixent_comparison_append_text(comparison, &text);
  assert_says(text.data, "AUROC of errors");
  assert_silent(text.data, "at temperature");
  mixent_text_free(&text);
}

static void test_a_gain_on_images_like_these(void **state) {
  (void)state;
  begin(2, 10, 1000);
  scatter(0, 0, 0.90);
  scatter(1, 0, 0.95);
  const mixent_compare_pair *pair = compare();
  assert_decided(pair, MIXENT_VERDICT_BETTER, MIXENT_SCOPE_LIKE_THESE);
  assert_says(pair->words, "min-ent is better than ce on images like these: accuracy differs by +");
  assert_says(pair->words, " on these images, paired over 10 seeds, p < 0.0001; ");
  assert_says(pair->words,
              " on images like these, p < 0.0001). That is more than the 0.1 points that matter.");
  assert_silent(pair->words, "few");
  assert_silent(pair->words, "Holm");
  input.difference = 5;
  assert_says(compare()->words, " Whether it is the 5 points that matter, or more, is open.");
  input.difference = 20;
  assert_says(compare()->words,
              " That is less than the 20 points that matter (two one-sided tests, p < 0.0001 on these "
              "images, < 0.0001 on images like these).");
  assert_decided(pair_at(0), MIXENT_VERDICT_BETTER, MIXENT_SCOPE_LIKE_THESE);
  input.baseline = 1;
  assert_says(compare()->words, "ce is worse than min-ent on images like these: accuracy differs by −");
  assert_decided(pair_at(0), MIXENT_VERDICT_WORSE, MIXENT_SCOPE_LIKE_THESE);
}

/* An interval just beyond the margin shows that of one comparison; of two, Bonferroni's would reach over it. */
static void test_more_than_what_matters_among_several(void **state) {
  (void)state;
  begin(3, 10, 1000);
  for (size_t v = 0; v < 3; v++) scatter(v, 60, 0.98);
  always(1, 0, 60);
  const mixent_compare_pair *pair = compare();
  assert_decided(pair, MIXENT_VERDICT_BETTER, MIXENT_SCOPE_LIKE_THESE);
  input.difference = 99.9 * fmin(pair->measures[0].difference.low, pair->bootstrap.low);
  assert_says(compare()->words, " Whether it is the ");
  input.variant_count = 2;
  pair = compare();
  assert_says(pair->words, " That is more than the ");
  assert_decided(pair, MIXENT_VERDICT_BETTER, MIXENT_SCOPE_LIKE_THESE);
}

/* Twelve images that only the variant and six that only the baseline ever has right. */
static void test_a_gain_on_these_images_alone(void **state) {
  (void)state;
  begin(2, 10, 1000);
  scatter(0, 18, 0.998);
  scatter(1, 18, 0.998);
  always(1, 0, 12);
  always(0, 12, 18);
  const mixent_compare_pair *pair = compare();
  assert_decided(pair, MIXENT_VERDICT_BETTER, MIXENT_SCOPE_THESE);
  assert_says(pair->words, "min-ent is better than ce on these images: accuracy differs by +");
  assert_says(pair->words,
              " On other images like these it is not shown, for it may hang on which images these are");
}

/* Two seeds in common are too few for any verdict, however small p is. */
static void test_two_seeds(void **state) {
  (void)state;
  begin(2, 2, 1000);
  always(1, 0, 40);
  always(0, 900, 905);
  memset(run_at(1, 0)->right + 500, 1, 1);
  const mixent_compare_pair *pair = compare();
  print_message("p %g, %g\n", pair->measures[0].difference.p, pair->bootstrap.p);
  assert_true(pair->measures[0].difference.p < 0.05 && pair->bootstrap.p < 0.05);
  assert_undecided(pair, MIXENT_REASON_FEW_SEEDS);
  assert_says(pair->words,
              "Too few seeds to conclude about min-ent and ce: it takes 5 that both have. So far accuracy "
              "differs by +3.55 points");
  assert_silent(pair->words, "would have been seen");
}

static void test_no_difference(void **state) {
  (void)state;
  begin(2, 10, 1000);
  scatter(0, 0, 0.95);
  scatter(1, 0, 0.95);
  const mixent_compare_pair *pair = compare();
  assert_undecided(pair, MIXENT_REASON_OPEN);
  assert_says(pair->words, "Whether min-ent differs from ce is undecided: accuracy differs by ");
  assert_says(pair->words, "The probability that the difference is smaller than 0.1 points is 0.");
  assert_says(pair->words, "points or more would have been seen on these images");
  assert_says(pair->words, " with a probability of 80 %; to see 0.1 points on these takes ");
  assert_silent(pair->words, "equivalent");
  assert_true(pair->least_difference > 0 && pair->least_difference_like >= pair->least_difference);
  assert_true(pair->least_seeds > 10);
  input.difference = 20;
  pair = compare();
  assert_true(pair->least_seeds < 10);
  assert_decided(pair, MIXENT_VERDICT_EQUIVALENT, MIXENT_SCOPE_LIKE_THESE);
  assert_says(pair->words, "min-ent and ce are equivalent on images like these: accuracy differs by ");
  assert_says(
      pair->words,
      ", and that is less than the 20 points that matter (two one-sided tests, p < 0.0001 on these images, "
      "< 0.0001 on images like these).");
  input.difference = 1e-5;
  pair = compare();
  assert_true(pair->least_seeds > MIXENT_MOST_SEEDS);
  assert_says(pair->words, "; to see 1e-05 points on these takes more than 1,000,000 seeds.");
}

/* The margin at which the interval of 90 % ends on one side: p of equivalence is just 0.05; P(|d| < margin) is that of both tails. */
static void test_equivalence(void **state) {
  (void)state;
  begin(2, 10, 1000);
  scatter(0, 0, 0.95);
  scatter(1, 0, 0.95);
  const mixent_compare_pair *pair = compare();
  const mixent_difference *these = &pair->measures[0].difference;
  double reach = fabs(these->mean) - mixent_student_quantile(0.05, these->freedom) * these->error;
  input.difference = 100 * reach * (1 + 1e-9);
  pair = compare();
  these = &pair->measures[0].difference;
  assert_near(pair->equivalence.test.p, 0.05, 1e-6);
  assert_near(pair->equivalence.holm, 0.05, 1e-6);
  assert_near(pair->equivalence.test.within, 1 - pair->equivalence.test.p_low - pair->equivalence.test.p_high,
              1e-12);
  assert_decided(pair, MIXENT_VERDICT_EQUIVALENT, MIXENT_SCOPE_THESE);
  assert_true(pair->equivalence_like.test.p > 0.05);
  assert_says(pair->words, "min-ent and ce are equivalent on these images: ");
  input.difference = 100 * reach * (1 - 1e-9);
  assert_undecided(compare(), MIXENT_REASON_OPEN);
}

/* Interval and p of each method are of one distribution: 0 is on the end of an interval of confidence 1 - p. */
static void test_intervals_agree_with_p(void **state) {
  (void)state;
  fill_study();
  compare();
  for (size_t i = 0; i < 3; i++) {
    const mixent_bootstrap *like = &pair_at(i)->bootstrap;
    const mixent_difference *these = &pair_at(i)->measures[0].difference;
    assert_near(like->high - like->difference, like->difference - like->low, 1e-12);
    assert_near(like->high - like->difference, -mixent_student_quantile(0.025, like->freedom) * like->error,
                1e-12);
    assert_near(like->p, 2 * mixent_student_cdf(-fabs(like->difference) / like->error, like->freedom), 1e-12);
    assert_near(these->high - these->mean, -mixent_student_quantile(0.025, these->freedom) * these->error,
                1e-12);
    assert_near(these->p, 2 * mixent_student_cdf(-fabs(these->mean) / these->error, these->freedom), 1e-12);
  }
}

/* An epoch chosen by the test images cannot be tested against one that was not; two that were so chosen can. */
static void test_chosen_by_the_test_images(void **state) {
  (void)state;
  begin(3, 10, 1000);
  for (size_t v = 0; v < 3; v++) scatter(v, 0, 0.90 + 0.03 * (double)v);
  for (size_t i = 0; i < 30; i++) results[i].seconds += uniform(97, i);
  const bool selected[] = {false, true, true};
  input.test_selected = selected;
  const mixent_compare_pair *pair = compare();
  const mixent_compared *accuracy = &pair->measures[0];
  assert_undecided(pair, MIXENT_REASON_TEST_SELECTED);
  assert_true(isnan(accuracy->difference.p) && isnan(accuracy->difference.t) && isnan(accuracy->holm) &&
              isnan(pair->bootstrap.p) && isnan(pair->bootstrap_holm) && isnan(pair->equivalence.test.p));
  assert_true(accuracy->difference.low > 0 && pair->bootstrap.low > 0);
  assert_int_equal(comparison->tested, 0);
  assert_says(
      pair->words,
      "min-ent and ce cannot be tested: the runs of min-ent kept the epoch that scores best on the test "
      "images, the others an epoch that was chosen without them.");
  assert_says(pair->words, "Accuracy differs by +");
  size_t seconds = mixent_measure_find("seconds"), nll = mixent_measure_find("nll");
  assert_true(isnan(pair->measures[nll].holm));
  assert_false(isnan(pair->measures[seconds].difference.p)); /* no test image has a part in it */
  input.baseline = 1;
  compare();
  assert_undecided(pair_at(0), MIXENT_REASON_TEST_SELECTED);
  assert_decided(pair_at(1), MIXENT_VERDICT_BETTER, MIXENT_SCOPE_LIKE_THESE);
}

/* Runs of unlike seeds are compared unpaired, and nothing is said of images like these. */
static void test_no_shared_seeds(void **state) {
  (void)state;
  begin(2, 10, 1000);
  scatter(0, 0, 0.90);
  scatter(1, 0, 0.95);
  for (size_t s = 0; s < 5; s++) remove_run(0, s), remove_run(1, 5 + s);
  const mixent_compare_pair *pair = compare();
  mixent_difference wanted;
  double a[5], b[5];
  for (size_t s = 0; s < 5; s++) a[s] = run_at(1, s)->test.accuracy, b[s] = run_at(0, 5 + s)->test.accuracy;
  assert_int_equal(mixent_unpaired_compare(a, 5, b, 5, 0.95, &wanted), MIXENT_OK);
  assert_false(pair->measures[0].paired);
  assert_near(pair->measures[0].difference.p, wanted.p, 1e-15);
  assert_true(isnan(pair->bootstrap.p) && isnan(pair->measures[0].deviation) &&
              isnan(pair->least_difference));
  assert_decided(pair, MIXENT_VERDICT_BETTER, MIXENT_SCOPE_THESE);
  assert_says(pair->words, "unpaired, 5 and 5 runs, p ");
  assert_says(pair->words, "The two share no seeds, so the runs are compared unpaired (Welch's t).");
}

/* Seeds that differ by less than the images alone make them differ: the component of the seeds is below 0, and the words say so. */
static void test_negative_component(void **state) {
  (void)state;
  begin(2, 6, 600);
  for (size_t s = 0; s < 6; s++)
    for (size_t i = 0; i < 600; i++)
      run_at(0, s)->right[i] = i % 6 != s, run_at(1, s)->right[i] = (i + 3) % 6 != s;
  run_at(1, 0)->right[0] = 0;
  const mixent_compare_pair *pair = compare();
  assert_true(pair->bootstrap.seed_variance < 0 && pair->bootstrap.rest_variance > 0);
  assert_says(
      pair->words,
      "The variance between seeds comes out below 0: they scatter less than the images alone would make "
      "them, so the intervals may be too narrow.");
  begin(2, 6, 600);
  for (size_t s = 0; s < 6; s++) memset(run_at(1, s)->right, 1, 40 * (s + 1));
  assert_true(compare()->bootstrap.seed_variance > 0);
  assert_silent(pair_at(0)->words, "below 0");
}

/* p is about 0.03: one comparison, but not one of three. */
static void test_a_difference_that_holm_takes_away(void **state) {
  (void)state;
  begin(4, 10, 1000);
  for (size_t v = 0; v < 4; v++) scatter(v, 20, 0.98);
  for (size_t s = 0; s < 10; s++) memset(run_at(1, s)->right, 1, s % 5 * 4);
  compare();
  const mixent_compare_pair *pair = pair_at(0);
  print_message("p %g, Holm %g\n", pair->measures[0].difference.p, pair->measures[0].holm);
  assert_true(pair->measures[0].difference.p < 0.05 && pair->measures[0].holm > 0.05);
  assert_undecided(pair, MIXENT_REASON_OPEN);
  assert_says(pair->words, "Alone it would have counted (p 0.0");
  /* and of equivalence, with a margin that p passes alone */
  const mixent_difference *of = &pair_at(2)->measures[0].difference;
  input.difference = 100 * (fabs(of->mean) - mixent_student_quantile(0.03, of->freedom) * of->error);
  compare();
  assert_near(pair_at(2)->equivalence.test.p, 0.03, 1e-6);
  assert_true(pair_at(2)->equivalence.holm > 0.05);
  assert_undecided(pair_at(2), MIXENT_REASON_OPEN);
  assert_says(pair_at(2)->words, "Alone it would have counted as equivalent (p 0.030)");
  assert_says(pair_at(0)->words, "Holm p 0.");
}

/* A verdict rests on t over the seeds. Where the crossed analysis alone falls below the level, the correction took nothing away. */
static void test_what_the_crossed_test_alone_sees(void **state) {
  (void)state;
  begin(2, 5, 600);
  for (size_t v = 0; v < 2; v++) scatter(v, 17, 0.7);
  always(1, 0, 17);
  const mixent_compare_pair *pair = compare();
  assert_true(pair->measures[0].difference.p > 0.05 && pair->bootstrap.p < 0.05);
  assert_undecided(pair, MIXENT_REASON_OPEN);
  assert_silent(pair->words, "Alone it would have counted");
}

/* The same runs once, and as three data sets: "better" stands only where it holds over all comparisons of the study. */
static void test_holm_runs_over_all_data_sets(void **state) {
  (void)state;
  begin(2, 10, 1000);
  for (size_t v = 0; v < 2; v++) scatter(v, 20, 0.98);
  for (size_t s = 0; s < 10; s++) memset(run_at(1, s)->right, 1, s % 5 * 4);
  const mixent_compare_pair *pair = compare();
  double p = pair->measures[0].difference.p, like = pair->bootstrap.p;
  print_message("p %g, %g\n", p, like);
  assert_true(p > 0.05 / 3 && p < 0.05 && like > 0.05 / 3 && like < 0.05);
  assert_decided(pair, MIXENT_VERDICT_BETTER, MIXENT_SCOPE_LIKE_THESE);
  double alone = pair->least_difference;
  for (size_t i = 20; i < 60; i++) places[i] = places[i - 20];
  input.data_count = 3;
  compare();
  for (size_t i = 0; i < 3; i++) {
    pair = &comparison->data[i].pairs[0];
    assert_near(pair->measures[0].holm, 3 * p, 1e-12);
    assert_near(pair->bootstrap_holm, 3 * like, 1e-12);
    assert_undecided(pair, MIXENT_REASON_OPEN);
    assert_says(pair->words, "Holm p 0.");
    assert_true(pair->least_difference > alone);
  }
}

static void test_nothing_scatters(void **state) {
  (void)state;
  begin(3, 5, 1000);
  always(0, 0, 900);
  always(1, 0, 900);
  scatter(2, 0, 0.9);
  const mixent_compare_pair *pair = compare();
  assert_undecided(pair, MIXENT_REASON_IDENTICAL);
  assert_true(isnan(pair->least_difference) && pair->least_seeds == 0);
  assert_true(isnan(pair->measures[0].holm) && isnan(pair->bootstrap_holm) &&
              isnan(pair->equivalence.test.p));
  assert_says(
      pair->words,
      "min-ent and ce have the same accuracy in all runs that are compared, with the same images right.");
  /* Holm's correction does not count it: of the other it leaves p as it is */
  assert_int_equal(comparison->tested, 1);
  assert_near(pair_at(1)->measures[0].holm, pair_at(1)->measures[0].difference.p, 1e-15);
  always(1, 900, 907);
  memset(run_at(0, 1)->right + 950, 1, 30),
      memset(run_at(1, 1)->right + 950, 1, 30); /* differences that round */
  pair = compare();
  assert_undecided(pair, MIXENT_REASON_NO_SCATTER);
  assert_true(isnan(pair->measures[0].holm) && isnan(pair->bootstrap_holm));
  assert_says(
      pair->words,
      "min-ent and ce differ in accuracy by +0.70 points in all runs that are compared. Nothing scatters");
  assert_true(isnan(pair->measures[0].difference.low) && isnan(pair->measures[0].difference.high));
  /* as many images, but others: no proof that any difference is small */
  always(0, 990, 997);
  pair = compare();
  assert_true(pair->measures[0].difference.mean == 0);
  assert_undecided(pair, MIXENT_REASON_NO_SCATTER);
  assert_true(isnan(pair->measures[0].difference.low));
  assert_says(pair->words,
              "by 0.00 points in all runs that are compared, though not in which images they have right.");
}

/* Satterthwaite's degrees of freedom of the first variant's difference with two seeds, written out; NaN without scatter. */
static double freedom_of_two_seeds(size_t images) {
  double total = 0, of_seeds = 0, of_images = 0, of_rest = 0, m = (double)images;
  for (size_t i = 0; i < images; i++)
    for (size_t s = 0; s < 2; s++) total += run_at(1, s)->right[i] - run_at(0, s)->right[i];
  double mean = total / 2 / m, sums[2] = {0};
  for (size_t i = 0; i < images; i++) {
    double d[2] = {run_at(1, 0)->right[i] - run_at(0, 0)->right[i],
                   run_at(1, 1)->right[i] - run_at(0, 1)->right[i]};
    of_images += 2 * pow((d[0] + d[1]) / 2 - mean, 2);
    for (size_t s = 0; s < 2; s++) sums[s] += d[s], of_rest += pow(d[s] - mean, 2);
  }
  for (size_t s = 0; s < 2; s++) of_seeds += m * pow(sums[s] / m - mean, 2);
  of_rest -= of_seeds + of_images;
  double seeds_square = of_seeds, images_square = of_images / (m - 1), rest_square = of_rest / (m - 1);
  if (images_square <= rest_square) return of_seeds > 1e-9 ? 1 : NAN;
  return pow(seeds_square + images_square - rest_square, 2) /
         (pow(seeds_square, 2) + pow(images_square, 2) / (m - 1) + pow(rest_square, 2) / (m - 1));
}

/* Two seeds that differ less than chance lets them, on images that do: Satterthwaite would know next to nothing, and one
 * degree of freedom is the least. Chance alone must not seem a difference more often than p says. */
static void test_hardly_any_freedom(void **state) {
  (void)state;
  enum { STUDIES = 1500, IMAGES = 100 };
  size_t known = 0, lifted = 0, above = 0, alarms = 0;
  for (size_t study = 0; study < STUDIES; study++) {
    begin(2, 2, IMAGES);
    input.replicates = 100;
    for (size_t s = 0; s < 2; s++)
      for (size_t i = 0; i < IMAGES; i++) {
        run_at(0, s)->right[i] = uniform(4 * study + s, i) < 0.5;
        run_at(1, s)->right[i] = uniform(4 * study + 2 + s, i) < 0.5;
      }
    const mixent_compare_pair *pair = compare();
    if (isnan(pair->bootstrap.p)) continue;
    double wanted = freedom_of_two_seeds(IMAGES);
    assert_near(pair->bootstrap.freedom, fmax(1, wanted), 1e-9);
    known++, lifted += wanted<1, above += wanted> 1, alarms += pair->bootstrap.p < 0.05;
  }
  print_message("%zu studies, %zu with fewer than one degree of freedom, %zu with more, %zu false alarms\n",
                known, lifted, above, alarms);
  assert_true(lifted > 10 && above > 10);
  assert_true(mixent_binomial_upper_tail(alarms, known, 0.05) > 0.001);
}

static void test_calibration_in_words(void **state) {
  (void)state;
  begin(2, 10, 1000);
  scatter(0, 0, 0.95);
  scatter(1, 0, 0.95);
  for (size_t s = 0; s < 10; s++) {
    mixent_result *run = run_at(1, s);
    double noise = 0.001 * uniform(99, s);
    run->test.nll += 0.05 + noise;
    run->test.ece += 0.02 + noise;
    run->test_calibrated.nll += noise - 0.0005;
    run->test_calibrated.ece += 0.0005 - noise;
  }
  assert_says(compare()->calibration,
              "As trained, min-ent is worse calibrated than ce (NLL +0.0504, p < 0.0001; ECE +0.0204");
  assert_says(pair_at(0)->calibration,
              "; at the temperature fitted on the validation images no difference is seen (NLL ");
  for (size_t s = 0; s < 10; s++) run_at(1, s)->test.nll -= 0.1, run_at(1, s)->test_calibrated.ece -= 0.005;
  run_at(0, 3)->temperature.found = false;
  const char *words = compare()->calibration;
  assert_says(words, "As trained, min-ent is better than ce by NLL and worse by ECE (NLL −0.0496");
  assert_silent(words, "at the temperature"); /* a measure that one run lacks is none of the variant */
  assert_says(words, "ce: no temperature was found in 1 of 10 runs.");
  run_at(0, 3)->temperature.found = true;
  assert_says(compare()->calibration, "it is better by ECE alone (NLL ");
}

static void test_text(void **state) {
  (void)state;
  fill_study();
  compare();
  mixent_text text = {0};
  mixent_comparison_append_text(comparison, &text);
  assert_int_equal(mixent_text_status(&text), MIXENT_OK);
  if (getenv("SHOW")) fputs(text.data, stdout);
  assert_says(text.data, "letters: 4 variants, 6 seeds, 300 test images; baseline ce\n");
  assert_says(text.data, "88.11       2.82  85.15 to 91.07");
  assert_says(text.data, "+2.61  −0.10 to 5.32    0.17");
  assert_says(text.data, "0.2057 ± 0.0039");
  assert_says(text.data, "  *0.2179 ± 0.0041\n");
  mixent_text_free(&text);
}

static double normal(uint64_t step, uint64_t element) {
  return mixent_normal_quantile(uniform(step, element) + 0x1p-54);
}

/* The study of docs/COMPARING.md. An image is right with probability Phi(2.7 + 1.3 difficulty + luck of the run), for
 * min-ent with 0.13 more; mix-ent differs from ce by its calibration alone. */
static void fill_example(void) {
  begin(3, 10, 5000);
  input.difference = 0.5;
  for (size_t v = 0; v < 3; v++)
    for (size_t s = 0; s < 10; s++) {
      mixent_result *run = run_at(v, s);
      uint64_t at = v * MOST_SEEDS + s;
      double luck = 0.03 * normal(1000, at), noise = normal(1002, at), wrong = 0;
      for (size_t i = 0; i < 5000; i++) {
        double ease = 2.7 + 1.3 * normal(1001, i) + luck + (v == 1 ? 0.13 : 0);
        run->right[i] = uniform(2000 + at, i) < mixent_normal_cdf(ease);
        wrong += !run->right[i] / 5000.0;
      }
      run->test.nll = 2.6 * wrong + (v == 2 ? 0.04 : 0) + 0.001 * noise;
      run->test.ece = (v == 2 ? 0.03 : 0.007) + 0.001 * noise;
      run->test_calibrated.nll = 2.6 * wrong - 0.002 + 0.001 * noise;
      run->test_calibrated.ece = 0.006 + 0.001 * noise;
      run->temperature.temperature = (v == 2 ? 1.6 : 1.05) + 0.01 * noise;
    }
}

/* Every line of the comparison's words and its first table stands in the page. */
static void test_example_of_the_page(void **state) {
  (void)state;
  fill_example();
  compare();
  mixent_text text = {0};
  mixent_comparison_append_text(comparison, &text);
  if (getenv("SHOW")) fputs(text.data, stdout);
  char *page;
  size_t size;
  assert_int_equal(mixent_file_read("docs/COMPARING.md", 1 << 20, &page, &size), MIXENT_OK);
  *strstr(text.data, "\nmeasure ") = '\0';
  for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) assert_says(page, line);
  free(page);
  mixent_text_free(&text);
}

static void test_json(void **state) {
  (void)state;
  fill_study();
  run_at(1, 4)->test.auroc = NAN;
  remove_run(2, 3);
  compare();
  json_t *json = mixent_comparison_to_json(comparison);
  assert_non_null(json);
  const char *verdict, *reason, *words;
  double mean, holm, error;
  json_t *auroc, *values, *mcnemar, *missing;
  json_t *first = json_array_get(json_object_get(json, "data"), 0);
  json_t *pair = json_array_get(json_object_get(first, "comparisons"), 0);
  assert_int_equal(json_unpack(pair, "{s:s, s:s, s:n, s:s, s:o, s:{s:f}, s:{s:{s:f, s:f}, s:{s:o}}}",
                               "verdict", &verdict, "reason", &reason, "scope", "words", &words, "mcnemar",
                               &mcnemar, "bootstrap", "error", &error, "measures", "accuracy", "mean", &mean,
                               "holm", &holm, "auroc", "p", &auroc),
                   0);
  assert_string_equal(verdict, "undecided");
  assert_string_equal(reason, "open");
  assert_near(mean, golden_study_paired[0][0], 1e-10);
  assert_near(error, golden_study_crossed[0][1], 1e-9);
  assert_true(json_is_null(auroc) && json_is_null(mcnemar));
  assert_string_equal(words, pair_at(0)->words);
  json_t *variant = json_array_get(json_object_get(first, "variants"), 2);
  assert_int_equal(
      json_unpack(variant, "{s:o, s:{s:{s:o}}}", "missing", &missing, "measures", "nll", "values", &values),
      0);
  assert_string_equal(json_string_value(json_array_get(missing, 0)), "3");
  assert_int_equal(json_array_size(values), 5);
  assert_int_equal(json_array_size(json_object_get(json, "measures")), MIXENT_MEASURES);
  json_decref(json);
}

static size_t count_of(const char *text, char wanted) {
  size_t count = 0;
  for (; *text; text++) count += *text == wanted;
  return count;
}

static void test_csv(void **state) {
  (void)state;
  fill_study();
  static const char *const odd[] = {"ce", "a,\"b\"", "mix-ent", "smoothing"};
  input.variants = odd;
  compare();
  mixent_text text = {0};
  mixent_comparison_append_csv(comparison, &text);
  assert_int_equal(count_of(text.data, '\n'), 1 + 4 * MIXENT_MEASURES);
  assert_says(text.data, "\nletters,\"a,\"\"b\"\"\",accuracy,6,0.8855555");
  size_t commas = 0;
  for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n")) {
    if (!commas) commas = count_of(line, ',');
    assert_int_equal(count_of(line, ',') - (strchr(line, '"') ? 1 : 0), commas);
  }
  mixent_text_free(&text);
}

static void test_measures_have_their_names(void **state) {
  (void)state;
  assert_string_equal(mixent_measures[MIXENT_MEASURE_ACCURACY].name, "accuracy");
  for (size_t m = 0; m < MIXENT_MEASURES; m++)
    assert_int_equal(mixent_measure_find(mixent_measures[m].name), m);
  assert_int_equal(mixent_measure_find("none"), MIXENT_MEASURES);
  begin(1, 2, 10);
  compare();
  mixent_text text = {0};
  mixent_comparison_append_text(comparison, &text); /* one variant: nothing to compare, all to describe */
  assert_says(text.data, "1 variant, 2 seeds");
  mixent_text_free(&text);
}

static void test_same_result_each_time(void **state) {
  (void)state;
  fill_study();
  mixent_bootstrap first = compare()->bootstrap, second = compare()->bootstrap;
  assert_memory_equal(&first, &second, sizeof first);
  assert_true(first.percentile_low < first.percentile_high);
}

static void test_what_is_refused(void **state) {
  (void)state;
  fill_study();
  compare();
  mixent_runs_compared none;
  run_at(2, 1)->test_images = 299;
  assert_refused(mixent_runs_compare(&input, &none), MIXENT_ERROR_ARGUMENT,
                 "299 of letters; only runs on the same");
  run_at(2, 1)->test_images = 300;
  run_at(2, 1)->data = "mnist";
  assert_refused(mixent_runs_compare(&input, &none), MIXENT_ERROR_ARGUMENT,
                 "letters: runs/study/run was scored");
  run_at(2, 1)->data = "letters";
  char *classes[2][26];
  for (size_t k = 0; k < 26; k++) classes[0][k] = classes[1][k] = (char *)"a";
  run_at(0, 0)->class_names = classes[0], run_at(2, 1)->class_names = classes[1];
  classes[1][25] = (char *)"b";
  assert_refused(mixent_runs_compare(&input, &none), MIXENT_ERROR_ARGUMENT,
                 "sets called letters with other classes");
  run_at(0, 0)->class_names = run_at(2, 1)->class_names = NULL;
  input.difference = 0;
  assert_refused(mixent_runs_compare(&input, &none), MIXENT_ERROR_ARGUMENT, "difference 0");
  input.difference = 0.1, input.confidence = 0.1;
  assert_refused(mixent_runs_compare(&input, &none), MIXENT_ERROR_ARGUMENT, "confidence 0.1");
  input.confidence = 0.95, input.baseline = 4;
  assert_refused(mixent_runs_compare(&input, &none), MIXENT_ERROR_ARGUMENT, "baseline 4");
  input.baseline = 0, input.seed_count = 0;
  assert_refused(mixent_runs_compare(&input, &none), MIXENT_ERROR_ARGUMENT, "0 seeds");
  assert_null(none.comparison);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_statsmodels),
                                     cmocka_unit_test(test_equivalence_against_statsmodels),
                                     cmocka_unit_test(test_baseline_elsewhere),
                                     cmocka_unit_test(test_single_models),
                                     cmocka_unit_test(test_what_is_missing),
                                     cmocka_unit_test(test_no_seed_in_common_and_no_run),
                                     cmocka_unit_test(test_measures_that_are_not_there),
                                     cmocka_unit_test(test_a_gain_on_images_like_these),
                                     cmocka_unit_test(test_more_than_what_matters_among_several),
                                     cmocka_unit_test(test_a_gain_on_these_images_alone),
                                     cmocka_unit_test(test_two_seeds),
                                     cmocka_unit_test(test_no_difference),
                                     cmocka_unit_test(test_equivalence),
                                     cmocka_unit_test(test_intervals_agree_with_p),
                                     cmocka_unit_test(test_chosen_by_the_test_images),
                                     cmocka_unit_test(test_no_shared_seeds),
                                     cmocka_unit_test(test_negative_component),
                                     cmocka_unit_test(test_a_difference_that_holm_takes_away),
                                     cmocka_unit_test(test_what_the_crossed_test_alone_sees),
                                     cmocka_unit_test(test_nothing_scatters),
                                     cmocka_unit_test(test_hardly_any_freedom),
                                     cmocka_unit_test(test_holm_runs_over_all_data_sets),
                                     cmocka_unit_test(test_calibration_in_words),
                                     cmocka_unit_test(test_text),
                                     cmocka_unit_test(test_example_of_the_page),
                                     cmocka_unit_test(test_json),
                                     cmocka_unit_test(test_csv),
                                     cmocka_unit_test(test_measures_have_their_names),
                                     cmocka_unit_test(test_same_result_each_time),
                                     cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, clean);
}
