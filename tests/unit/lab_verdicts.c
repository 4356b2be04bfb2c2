/* compare: every verdict in its words, and what takes a verdict away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixent/statistics.h"
#include "stats/distributions.h"
#include "unit/lab_near.h"
#include "unit/lab_study.h"

#include <stdlib.h>

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
  assert_true(isnan(pair->least_difference) && pair->least_seeds == 0);
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_gain_on_images_like_these),
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
                                     cmocka_unit_test(test_calibration_in_words)};
  return cmocka_run_group_tests(tests, NULL, clean);
}
