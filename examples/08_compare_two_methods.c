/* 08: is method b better than method a? Five seeds of each, from whichever program trained them.
 *
 * A difference of two accuracies means little before one knows how much seeds alone move it. Runs with the same seed share their
 * initial weights and the order of their images, so they are compared in pairs. Teaches the paired t interval, Holm's correction where
 * several methods are compared, how many seeds a difference needs, and two single models on the same test images. Build:
 *
 *   cc -std=c17 08_compare_two_methods.c $(pkg-config --cflags --libs mixent-stats) -lm */
#include <math.h>
#include <mixent/statistics.h>
#include <stdio.h>

enum { SEEDS = 5, IMAGES = 1000 };
/* Test accuracies in per cent, entry i of each with seed i. */
static const double a[SEEDS] = {94.61, 94.72, 94.58, 94.66, 94.70},
                    b[SEEDS] = {94.83, 94.90, 94.71, 94.88, 94.85},
                    c[SEEDS] = {94.64, 94.70, 94.66, 94.61, 94.75};

static int fail(void) {
  fprintf(stderr, "%s\n", mixent_last_error());
  return 1;
}

/* 1.96 standard errors are too few for five seeds: the t distribution with 4 degrees of freedom says 2.78. */
static int compare(const char *name, const double *method, mixent_paired *paired) {
  if (mixent_paired_compare(method, a, SEEDS, 0.95, paired) != MIXENT_OK) return fail();
  printf("%s minus a: %+.3f points, 95 %% interval %+.3f to %+.3f, p = %.4f\n", name, paired->difference.mean,
         paired->difference.low, paired->difference.high, paired->p);
  return 0;
}

/* The more methods are compared with a, the likelier one looks different by chance; Holm's correction allows for that. */
static int correct(const mixent_paired *of_b, const mixent_paired *of_c) {
  double p[] = {of_b->p, of_c->p};
  if (mixent_holm_adjust(p, 2, p) != MIXENT_OK) return fail();
  printf("after Holm's correction: b p = %.4f, c p = %.4f\n", p[0], p[1]);
  return p[0] < 0.05 && p[1] > 0.05 ? 0 : (puts("b alone differs: NO"), 1);
}

/* What these seeds could not have shown, and what it would take. */
static int plan(const mixent_paired *paired) {
  double least, power = 0.8, deviation = paired->difference.deviation;
  size_t seeds;
  if (mixent_power_least_difference(SEEDS, deviation, 0.05, power, &least) != MIXENT_OK) return fail();
  if (mixent_power_least_seeds(0.05, deviation, 0.05, power, &seeds) != MIXENT_OK) return fail();
  printf("%d seeds show a difference of %.3f points four times in five; one of 0.05 points needs %zu seeds\n",
         SEEDS, least, seeds);
  return 0;
}

/* Two single models: what the test images alone leave open. Of 1000, 12 are right with the second alone, 6 with the first alone. */
static int compare_models(void) {
  uint8_t first[IMAGES], second[IMAGES];
  mixent_accuracy_difference difference;
  mixent_mcnemar test;
  for (int i = 0; i < IMAGES; i++) first[i] = i < 940, second[i] = i >= 6 && i < 952;
  if (mixent_accuracy_compare(second, first, IMAGES, &difference) != MIXENT_OK) return fail();
  if (mixent_mcnemar_test(second, first, IMAGES, &test) != MIXENT_OK) return fail();
  printf("two models: %zu against %zu images, %.4f with a standard error of %.4f, McNemar's p = %.4f\n",
         difference.only_a, difference.only_b, difference.difference, difference.error, test.p);
  return 0;
}

int main(void) {
  mixent_paired of_b, of_c;
  const double damaged[SEEDS] = {94.8, NAN, 94.7, 94.9, 94.8}; /* a run that failed */
  mixent_paired none;
  if (compare("b", b, &of_b) || compare("c", c, &of_c) || correct(&of_b, &of_c) || plan(&of_b) ||
      compare_models())
    return 1;
  if (mixent_paired_compare(damaged, a, SEEDS, 0.95, &none) == MIXENT_OK)
    return puts("NaN is refused: NO"), 1;
  printf("a run that failed: %s\n", mixent_last_error());
  return 0;
}
