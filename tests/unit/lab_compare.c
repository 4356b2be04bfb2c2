/* compare: SciPy's and statsmodels' values (tests/golden/statistics.h), what is missing, and the three ways to write it.
 * lab_verdicts.c has the verdicts. */
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
#include "unit/lab_study.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
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
                                     cmocka_unit_test(test_text),
                                     cmocka_unit_test(test_example_of_the_page),
                                     cmocka_unit_test(test_json),
                                     cmocka_unit_test(test_csv),
                                     cmocka_unit_test(test_measures_have_their_names),
                                     cmocka_unit_test(test_same_result_each_time),
                                     cmocka_unit_test(test_what_is_refused)};
  return cmocka_run_group_tests(tests, NULL, clean);
}
