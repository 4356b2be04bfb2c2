/* 09: is method b as good as method a? And what to compute when runs share no seeds, come from folds, or cover several data sets.
 *
 * "No difference is seen" is what few runs always say. To show that two methods are equally good, say first how small a difference does not
 * matter, then test that the true one is smaller. Teaches the test of equivalence, Welch's test for unpaired runs, the corrected test for
 * folds, three measures over data sets, and what makes runs differ. Build:
 *
 *   cc -std=c17 09_equivalence_and_data_sets.c $(pkg-config --cflags --libs mixent-stats) -lm */
#include <math.h>
#include <mixent/statistics.h>
#include <stdio.h>

enum { SEEDS = 10, FOLDS = 10, SETS = 3, RUNS = 3, SPLITS = 4 };
/* Test accuracies in per cent, entry i of both with seed i. */
static const double a[SEEDS] = {94.61, 94.72, 94.58, 94.66, 94.70, 94.63, 94.75, 94.59, 94.68, 94.65},
                    b[SEEDS] = {94.64, 94.67, 94.64, 94.64, 94.74, 94.56, 94.77, 94.64, 94.65, 94.66};
/* Runs of c have seeds of their own. */
static const double c[] = {94.20, 94.41, 94.33, 94.57};
/* Both methods on the same ten folds: each trained on nine tenths of the images, so the training parts overlap. */
static const double fold_a[FOLDS] = {91.2, 90.4, 92.0, 91.6, 90.8, 91.4, 90.6, 92.2, 91.0, 91.8},
                    fold_b[FOLDS] = {91.6, 90.4, 92.6, 91.8, 91.4, 91.2, 91.2, 92.4, 91.4, 91.8};
/* Three runs on each of three data sets. */
static const double sets_a[SETS * RUNS] = {94.6, 94.7, 94.5, 71.2, 70.8, 71.9, 88.1, 87.6, 88.4},
                                  sets_b[SETS * RUNS] = {94.8, 94.7, 94.9, 72.6, 73.1,
                                                         72.2, 87.9, 88.2, 87.5};
/* One method: a row for each seed, a column for each split of the data into training and validation images. */
static const double crossed[RUNS][SPLITS] = {
    {94.61, 94.20, 94.93, 94.42}, {94.70, 94.22, 95.02, 94.37}, {94.58, 94.27, 94.90, 94.49}};

static int fail(void) {
  fprintf(stderr, "%s\n", mixent_last_error());
  return 1;
}

/* The first `seeds` runs against a margin. p below 0.05 says "equivalent"; a large p says nothing. */
static int compare(size_t seeds, double margin, mixent_equivalence *found) {
  mixent_paired paired;
  if (mixent_paired_compare(b, a, seeds, 0.95, &paired) != MIXENT_OK) return fail();
  double mean = paired.difference.mean, error = paired.difference.deviation / sqrt((double)seeds);
  if (mixent_equivalence_test(mean, error, (double)seeds - 1, margin, found) != MIXENT_OK) return fail();
  printf(
      "%zu seeds: %+.3f points, p of no difference %.3f; of a difference of %.2f or more %.4f, P(within) %.4f\n",
      seeds, mean, paired.p, margin, found->p, found->within);
  return 0;
}

static int show_equivalence(void) {
  mixent_equivalence few, many;
  if (compare(3, 0.05, &few) || compare(SEEDS, 0.05, &many)) return 1;
  return few.p > 0.05 && many.p < 0.05 ? 0 : (puts("ten seeds show equivalence, three do not: NO"), 1);
}

/* Other seeds, another number of runs, another scatter: Welch's test asks for none of them to be the same. */
static int compare_unpaired(void) {
  mixent_difference found;
  if (mixent_unpaired_compare(c, sizeof c / sizeof *c, a, SEEDS, 0.95, &found) != MIXENT_OK) return fail();
  printf("unpaired: %+.3f points, 95 %% interval %+.3f to %+.3f, %.2f degrees of freedom, p = %.4f\n",
         found.mean, found.low, found.high, found.freedom, found.p);
  return 0;
}

/* A test part is 1/9 of its training part. Folds that share training images agree more than independent runs do. */
static int compare_folds(void) {
  mixent_difference paired, corrected;
  if (mixent_resampled_compare(fold_b, fold_a, FOLDS, 0, 0.95, &paired) != MIXENT_OK) return fail();
  if (mixent_resampled_compare(fold_b, fold_a, FOLDS, 1.0 / 9, 0.95, &corrected) != MIXENT_OK) return fail();
  printf("folds: %+.3f points, paired t p = %.4f, corrected p = %.4f\n", corrected.mean, paired.p,
         corrected.p);
  return corrected.p > paired.p ? 0 : (puts("the correction widens: NO"), 1);
}

static int compare_data_sets(void) {
  const size_t counts[SETS] = {RUNS, RUNS, RUNS};
  const mixent_score_table of_a = {sets_a, counts, SETS}, of_b = {sets_b, counts, SETS};
  const mixent_resampling resampling = {.seed = 1, .replicates = 10000, .confidence = 0.95};
  const double thresholds[] = {72, 88, 94.7};
  mixent_estimate improvement, middle, shares[3];
  if (mixent_improvement_measure(&of_b, &of_a, &resampling, &improvement) != MIXENT_OK) return fail();
  if (mixent_interquartile_measure(&of_b, &resampling, &middle) != MIXENT_OK) return fail();
  if (mixent_profile_measure(&of_b, thresholds, 3, &resampling, shares) != MIXENT_OK) return fail();
  printf("a run of b beats one of a: probability %.4f, 95 %% interval %.4f to %.4f\n", improvement.value,
         improvement.low, improvement.high);
  printf("interquartile mean of b: %.4f, %.4f to %.4f\n", middle.value, middle.low, middle.high);
  for (int k = 0; k < 3; k++) printf("runs of b above %.1f: %.4f\n", thresholds[k], shares[k].value);
  return 0;
}

/* Seed and split vary independently here. What is left is what neither explains alone. */
static int explain_scatter(void) {
  static const char *const names[] = {"seed", "split", "rest"};
  int64_t seed[RUNS * SPLITS], split[RUNS * SPLITS];
  const int64_t *const levels[] = {seed, split};
  mixent_component found[3];
  for (int i = 0; i < RUNS * SPLITS; i++) seed[i] = i / SPLITS, split[i] = i % SPLITS;
  if (mixent_components_measure(crossed[0], RUNS * SPLITS, levels, 2, found) != MIXENT_OK) return fail();
  for (int f = 0; f < 3; f++)
    printf("%s: variance %.6f, share %.4f%s\n", names[f], found[f].variance, found[f].share,
           found[f].negative ? " (below 0: too small to be seen)" : "");
  return 0;
}

int main(void) {
  return show_equivalence() || compare_unpaired() || compare_folds() || compare_data_sets() ||
         explain_scatter();
}
