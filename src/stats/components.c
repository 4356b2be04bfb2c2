/* Components of variance over factors that need not be balanced: MINQUE(0). With residuals r = M y about the mean and Z_f the runs'
 * levels of factor f, each quadratic form r' Z_f Z_f' r is set equal to what it is on average,
 *   sum over g of variance_g tr(M Z_f Z_f' M Z_g Z_g'),
 * where the last factor, the rest, has a level for each run (Z = I). */
#include "core/memory.h"
#include "core/status.h"
#include "mixent/statistics.h"
#include "stats/check.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { MOST_RUNS = 10000, PARTS = MIXENT_MOST_FACTORS + 1 };

/* Traces of a design that leaves one of its factors open are singular to about rounding. */
static const double singular = 1e-9;
/* A component this small beside the variance of the values is 0, rounded. */
static const double rounding = 1e-12;

typedef struct design {
  const double *values; /* [runs] */
  const int64_t *const *levels;
  size_t runs, factors;
  size_t distinct[PARTS];        /* levels of each factor */
  double shared[PARTS];          /* pairs of runs that have the same level: 1' V 1 with V = Z Z' */
  double forms[PARTS];           /* r' V r */
  double together[PARTS][PARTS]; /* pairs of runs with the same level of both: tr(V_f V_g) */
  double crossed[PARTS][PARTS];  /* that share a level of f, and one of g, with each run: 1' V_f V_g 1 */
} design;

static bool share_level(const design *design, size_t factor, size_t i, size_t j) {
  return factor == design->factors ? i == j : design->levels[factor][i] == design->levels[factor][j];
}

/* Adds what run i has to do with all runs. residuals [runs]. */
static void add_run(design *design, const double *residuals, size_t i) {
  size_t parts = design->factors + 1;
  double counts[PARTS] = {0}, sums[PARTS] = {0};
  bool first[PARTS];
  for (size_t f = 0; f < parts; f++) first[f] = true;
  for (size_t j = 0; j < design->runs; j++) {
    bool same[PARTS];
    for (size_t f = 0; f < parts; f++) {
      same[f] = share_level(design, f, i, j);
      counts[f] += same[f], sums[f] += same[f] ? residuals[j] : 0;
      first[f] &= !same[f] || j >= i;
    }
    for (size_t f = 0; f < parts; f++)
      for (size_t g = 0; g < parts && same[f]; g++) design->together[f][g] += same[g];
  }
  for (size_t f = 0; f < parts; f++) {
    design->distinct[f] += first[f];
    design->shared[f] += counts[f];
    design->forms[f] += residuals[i] * sums[f];
    for (size_t g = 0; g < parts; g++) design->crossed[f][g] += counts[f] * counts[g];
  }
}

/* tr(M V_f M V_g) with M = I - 1 1' / runs. */
static double trace_of(const design *design, size_t f, size_t g) {
  double n = (double)design->runs;
  return design->together[f][g] - 2 * design->crossed[f][g] / n +
         design->shared[f] * design->shared[g] / (n * n);
}

static mixent_status check_factors(const design *design) {
  for (size_t f = 0; f < design->factors; f++) {
    if (design->distinct[f] == 1)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "factor %zu has one level: expected 2 or more; leave the factor out", f);
    if (design->distinct[f] == design->runs)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "factor %zu has a level of its own for every run: leave the factor out and read the "
                         "rest as its component",
                         f);
    for (size_t g = 0; g < f; g++)
      if (design->together[f][g] == design->shared[f] && design->shared[f] == design->shared[g])
        return mixent_fail(MIXENT_ERROR_ARGUMENT, "factors %zu and %zu change together: leave one out", g, f);
  }
  return MIXENT_OK;
}

/* Cholesky's method for the traces, scaled to a diagonal of 1. solution [parts]. */
static mixent_status solve(const design *design, double *solution) {
  size_t parts = design->factors + 1;
  double lower[PARTS][PARTS] = {{0}}, scale[PARTS] = {0};
  for (size_t f = 0; f < parts; f++) scale[f] = sqrt(trace_of(design, f, f));
  for (size_t f = 0; f < parts; f++) {
    for (size_t g = 0; g <= f; g++) {
      double sum = trace_of(design, f, g) / (scale[f] * scale[g]);
      for (size_t k = 0; k < g; k++) sum -= lower[f][k] * lower[g][k];
      if (f == g && !(sum > singular))
        return mixent_fail(MIXENT_ERROR_ARGUMENT,
                           "the runs do not tell the factors apart: vary each factor while others stay");
      lower[f][g] = f == g ? sqrt(sum) : sum / lower[g][g];
    }
  }
  for (size_t f = 0; f < parts; f++) {
    solution[f] = design->forms[f] / scale[f];
    for (size_t k = 0; k < f; k++) solution[f] -= lower[f][k] * solution[k];
    solution[f] /= lower[f][f];
  }
  for (size_t f = parts; f-- > 0;) {
    for (size_t k = f + 1; k < parts; k++) solution[f] -= lower[k][f] * solution[k];
    solution[f] /= lower[f][f];
  }
  for (size_t f = 0; f < parts; f++) solution[f] /= scale[f];
  return MIXENT_OK;
}

static mixent_status measure(design *design) {
  mixent_sample sample = {0};
  double *residuals;
  MIXENT_TRY(mixent_sample_describe(design->values, design->runs, 0.95, &sample));
  MIXENT_TRY(MIXENT_ALLOCATE(design->runs, &residuals));
  for (size_t i = 0; i < design->runs; i++) residuals[i] = design->values[i] - sample.mean;
  for (size_t i = 0; i < design->runs; i++) add_run(design, residuals, i);
  free(residuals);
  return MIXENT_OK;
}

mixent_status mixent_components_measure(const double *values, size_t count, const int64_t *const *levels,
                                        size_t factors, mixent_component *out) {
  MIXENT_NEED(values);
  MIXENT_NEED(levels);
  MIXENT_NEED(out);
  if (factors < 1 || factors > MIXENT_MOST_FACTORS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "factors: expected 1 to %d, got %zu", MIXENT_MOST_FACTORS,
                       factors);
  if (count > MOST_RUNS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "runs: expected at most %d, got %zu", MOST_RUNS, count);
  for (size_t f = 0; f < factors; f++) MIXENT_NEED(levels[f]);
  design design = {.values = values, .levels = levels, .runs = count, .factors = factors};
  double variances[PARTS] = {0}, total = 0;
  MIXENT_TRY(measure(&design));
  MIXENT_TRY(check_factors(&design));
  MIXENT_TRY(solve(&design, variances));
  double scatter = design.forms[factors] / ((double)count - 1); /* the variance of the values */
  for (size_t f = 0; f <= factors; f++) {
    if (fabs(variances[f]) <= rounding * scatter) variances[f] = 0;
    total += variances[f];
  }
  for (size_t f = 0; f <= factors; f++)
    out[f] = (mixent_component){.levels = design.distinct[f],
                                .variance = variances[f],
                                .share = total > 0 ? variances[f] / total : NAN,
                                .negative = variances[f] < 0};
  return MIXENT_OK;
}
