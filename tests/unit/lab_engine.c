/* The comparison engine on plain numbers, as Python and others hand them to it: pairs, missing values, folds, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lab/compare/compare.h"
#include "lab/compare/number.h"
#include "unit/lab_near.h"

#include <math.h>
#include <string.h>

enum { RUNS = 12, MEASURES = 2 };

static const mixent_measure measures[MEASURES] = {
    {"score", "score", "", 1, MIXENT_DIGITS_BY_SCATTER, 0, MIXENT_MEASURE_TEST},
    {"loss", "loss", "", 1, MIXENT_DIGITS_BY_SCATTER, -1, MIXENT_MEASURE_TEST}};
static const char *const variants[] = {"a", "b"};
static const char *const seeds[] = {"s0", "s1", "s2", "s3", "s4", "s5"};
static const mixent_compare_data data = {.name = ""};
static const double a[] = {0.51, 0.55, 0.49, 0.53, 0.52, 0.56}, b[] = {0.62, 0.69, 0.58, 0.66, 0.61, 0.68};

static double values[RUNS][MEASURES];
static mixent_compare_run runs[RUNS];
static mixent_compare_input input;
static mixent_comparison *comparison;

/* Runs of b first, each variant's in the other order: the engine sorts. */
static int begin(void **state) {
  (void)state;
  for (size_t i = 0; i < RUNS; i++) {
    size_t variant = i < 6, seed = 5 - i % 6;
    values[i][0] = values[i][1] = variant ? b[seed] : a[seed];
    runs[i] = (mixent_compare_run){.variant = variant, .seed = (long)seed, .values = values[i]};
  }
  input = (mixent_compare_input){.measures = measures,
                                 .measure_count = MEASURES,
                                 .accuracy = MEASURES,
                                 .variants = variants,
                                 .variant_count = 2,
                                 .seeds = seeds,
                                 .seed_count = 6,
                                 .data = &data,
                                 .data_count = 1,
                                 .runs = runs,
                                 .run_count = RUNS,
                                 .difference = NAN};
  return 0;
}

static int end(void **state) {
  (void)state;
  mixent_comparison_free(comparison);
  comparison = NULL;
  return 0;
}

static const mixent_compare_pair *compare(void) {
  mixent_comparison_free(comparison);
  assert_int_equal(mixent_compare(&input, &comparison), MIXENT_OK);
  return &comparison->data[0].pairs[0];
}

#define assert_says(text, words)                                                                             \
  do {                                                                                                       \
    if (!strstr(text, words)) fail_msg("\"%s\" does not say \"%s\"", text, words);                           \
  } while (0)

static void test_pairs_in_any_order(void **state) {
  (void)state;
  mixent_paired wanted;
  assert_int_equal(mixent_paired_compare(b, a, 6, 0.95, &wanted), MIXENT_OK);
  const mixent_compare_pair *pair = compare();
  const mixent_compared *score = &pair->measures[0];
  assert_true(score->paired && score->counts[0] == 6 && pair->seeds == 6);
  assert_near(score->difference.mean, wanted.difference.mean, 1e-14);
  assert_near(score->difference.p, wanted.p, 1e-14);
  assert_near(score->deviation, wanted.difference.deviation, 1e-14);
  assert_int_equal(pair->verdict, MIXENT_VERDICT_HIGHER);
  assert_int_equal(pair->scope, MIXENT_SCOPE_THESE);
  assert_true(isnan(pair->bootstrap.low) && isnan(pair->equivalence.test.p));
  assert_says(pair->words, "b has a higher score than a: it differs by +0.113 (95 %: ");
  input.primary = 1;
  assert_int_equal(compare()->verdict, MIXENT_VERDICT_WORSE);
}

/* Of the primary measure a run without a value is left out; of another, all of them. */
static void test_missing_values(void **state) {
  (void)state;
  values[2][0] = values[2][1] = NAN; /* b with seed 3 */
  const mixent_compare_pair *pair = compare();
  const mixent_compare_variant *of = &comparison->data[0].variants[1];
  assert_true(pair->seeds == 5 && of->missing == 1 && of->measures[0].count == 5 &&
              of->measures[1].count == 0);
  assert_true(isnan(pair->measures[1].difference.mean) && isnan(pair->measures[1].holm));
  assert_says(
      pair->words,
      "Left out, because they have no partner: 1 of 6 runs of a; over the seeds that both have, the means");
  assert_says(pair->words, "no value: 1 of 6 runs of b");
}

/* Ten folds' correction: the error of Nadeau and Bengio, and no power that takes runs for independent ones. */
static void test_folds(void **state) {
  (void)state;
  mixent_difference wanted;
  input.test_to_train = 1.0 / 9;
  assert_int_equal(mixent_resampled_compare(b, a, 6, 1.0 / 9, 0.95, &wanted), MIXENT_OK);
  const mixent_compare_pair *pair = compare();
  assert_near(pair->measures[0].difference.error, wanted.error, 1e-14);
  assert_near(pair->measures[0].difference.p, wanted.p, 1e-14);
  double corrected = pair->measures[0].deviation;
  assert_true(isnan(pair->least_difference));
  assert_says(pair->words, "over 6 splits, corrected because their training parts overlap, p ");
  input.test_to_train = 0;
  assert_near(compare()->measures[0].deviation, corrected, 1e-14);
}

/* Numbers of a diverged training are as large as they are, with the digits there is room for. */
static void test_large_numbers(void **state) {
  (void)state;
  static const struct {
    double value;
    int digits;
    const char *plain, *with_sign;
  } shown[] = {{0.004, 2, "0.00", "0.00"},
               {-0.004, 2, "0.00", "0.00"},
               {-0.07, 2, "−0.07", "−0.07"},
               {999999999999999, 9, "999999999999999.000000000", "+999999999999999.000000000"},
               {-3.4e38, 4, "−3.400e+38", "−3.400e+38"},
               {1.25e150, 0, "1.250e+150", "+1.250e+150"},
               {INFINITY, 2, "-", "-"}};
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
    assert_string_equal(mixent_number_of(shown[i].value, shown[i].digits).text, shown[i].plain);
    assert_string_equal(mixent_number_signed(shown[i].value, shown[i].digits).text, shown[i].with_sign);
  }
}

static void test_what_is_refused(void **state) {
  (void)state;
  compare();
  mixent_comparison *none;
  runs[1].seed = runs[0].seed;
  assert_refused(mixent_compare(&input, &none), MIXENT_ERROR_ARGUMENT,
                 "two runs of b with seed s5: expected one");
  runs[1].seed = 6;
  assert_refused(mixent_compare(&input, &none), MIXENT_ERROR_ARGUMENT, "seeds below 6");
  runs[1].seed = MIXENT_NO_SEED, runs[1].variant = 2;
  assert_refused(mixent_compare(&input, &none), MIXENT_ERROR_ARGUMENT, "variants below 2");
  runs[1].variant = 1, input.primary = 2;
  assert_refused(mixent_compare(&input, &none), MIXENT_ERROR_ARGUMENT, "measure 2: there are 2");
  assert_null(none);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_pairs_in_any_order, begin),
      cmocka_unit_test_setup(test_missing_values, begin), cmocka_unit_test_setup(test_folds, begin),
      cmocka_unit_test(test_large_numbers), cmocka_unit_test_setup(test_what_is_refused, begin)};
  return cmocka_run_group_tests(tests, NULL, end);
}
