/* What may be concluded from several runs, and from a model's predictions: plain numbers in, verdicts out.
 *
 *   double a[] = {94.8, 94.9, 94.7, 94.9, 94.8}, b[] = {94.6, 94.7, 94.6, 94.5, 94.7};    accuracies, run i of both with seed i
 *   mixent_paired paired;
 *   if (mixent_paired_compare(a, b, 5, 0.95, &paired) != MIXENT_OK) puts(mixent_last_error());
 *   paired.difference.mean, .low, .high: the difference and its 95 % interval; paired.p: of no difference
 *
 * The numbers may come from anywhere: runs of mixent, a CSV file, another framework. Every function checks what it is given and returns
 * MIXENT_ERROR_ARGUMENT (NULL, too few values, shares outside of 0 to 1, labels out of range), MIXENT_ERROR_NUMERIC (NaN, infinities) or
 * MIXENT_ERROR_MEMORY, with the message in mixent_last_error(); *out is set only with MIXENT_OK. Arrays are the caller's and are not kept.
 * Accuracies and confidences are fractions, logarithms natural. Tests and intervals are two-sided, but for the two of equivalence. All
 * functions may be called from several threads at once.
 *
 * libmixent-stats (pkg-config mixent-stats; find_package(mixent-stats), mixent::mixent-stats) holds these functions alone and needs libm
 * alone. libmixent holds them, too; there the bootstraps run over the threads of the training. docs/STATISTICS.md says which function
 * answers which question; examples/08_compare_two_methods.c and examples/09_equivalence_and_data_sets.c call them one by one. */
#ifndef MIXENT_STATISTICS_H
#define MIXENT_STATISTICS_H

#include "mixent/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- One number per seed ---- */

typedef struct mixent_sample {
  size_t count;
  double mean;
  double deviation; /* standard deviation, divided by count - 1 */
  double low, high; /* t interval of the mean */
} mixent_sample;

/* The t interval of the mean: values [count], count >= 2; 0 < confidence < 1. */
mixent_status mixent_sample_describe(const double *values, size_t count, double confidence,
                                     mixent_sample *out);

typedef struct mixent_paired {
  mixent_sample difference; /* of a - b */
  double t, p;              /* p of no difference, count - 1 degrees of freedom */
} mixent_paired;

/* Paired t test of a [count] against b [count], where a[i] and b[i] share a seed. Differences that are all equal
 * give t = +-inf and p = 0, or t = 0 and p = 1 where all are 0. */
mixent_status mixent_paired_compare(const double *a, const double *b, size_t count, double confidence,
                                    mixent_paired *out);

/* A difference that is known with a standard error, (mean - the true one) / error following Student's t. */
typedef struct mixent_difference {
  double mean;           /* of a - b */
  double error, freedom; /* its standard error, with how many degrees of freedom that is known */
  double low, high;      /* t interval of the true difference */
  double t, p;           /* p of no difference */
} mixent_difference;

/* Welch's t test of a [count_a] against b [count_b], runs that share no seeds; both counts >= 2. The variances need not be equal:
 * error^2 = s_a^2 / count_a + s_b^2 / count_b, and `freedom` is Satterthwaite's (Welch 1947, Biometrika 34; Satterthwaite 1946,
 * Biometrics Bulletin 2). Samples without any scatter have count_a + count_b - 2 degrees of freedom, error 0, and t and p as
 * mixent_paired_compare has them. Give both methods as many runs: where 2 runs that scatter more meet 4 that scatter less, the test is
 * wrong in 10 % of the studies (bench_few_runs). */
mixent_status mixent_unpaired_compare(const double *a, size_t count_a, const double *b, size_t count_b,
                                      double confidence, mixent_difference *out);

/* The corrected resampled t test: a[i] and b[i] were trained and tested on the same split i of one data set, and the training parts of
 * the splits overlap, so that the differences are not independent (Nadeau and Bengio 2003, Machine Learning 52):
 * error^2 = (1 / count + test_to_train) s^2 with count - 1 degrees of freedom. test_to_train >= 0 is the number of test images over that
 * of training images of a split: 1 / (k - 1) for k folds (of r repetitions all r k folds: Bouckaert and Frank 2004, PAKDD), and 0 for
 * splits that share nothing, which is the paired t test. count >= 2. */
mixent_status mixent_resampled_compare(const double *a, const double *b, size_t count, double test_to_train,
                                       double confidence, mixent_difference *out);

/* Whether a true difference is smaller than what matters, `margin`: two one-sided tests (Schuirmann 1987, Journal of Pharmacokinetics
 * and Biopharmaceutics 15). Both p have a second meaning: under the usual prior, flat in the difference and in the logarithm of the
 * standard deviation, the true difference has the posterior mean + error * Student's t (Gelman et al. 2013, Bayesian Data Analysis,
 * ch. 3), and p_low, p_high and `within` are the probabilities of its three parts; they sum to 1. That is exact for paired runs and an
 * approximation where `freedom` is Satterthwaite's. p < alpha just where the t interval of confidence 1 - 2 alpha lies within +-margin. */
typedef struct mixent_equivalence {
  double t_low, t_high; /* (difference + margin) / error, (difference - margin) / error */
  double p_low, p_high; /* of a true difference of -margin or less, of margin or more */
  double p;             /* of a true difference that matters: the larger of both */
  double within;        /* P(-margin < true difference < margin) */
} mixent_equivalence;

/* From any difference with a standard error >= 0 and degrees of freedom > 0; margin > 0, in the difference's unit, chosen before one
 * looks. Of n paired runs: (difference.mean, difference.deviation / sqrt(n), n - 1); of a mixent_difference: (mean, error, freedom);
 * of a mixent_bootstrap: (difference, error, freedom). Without scatter (error 0) p is 0 within the margin, 1/2 on it, 1 beyond: such
 * runs tell nothing about scatter, and a careful caller does not conclude from them. */
mixent_status mixent_equivalence_test(double difference, double error, double freedom, double margin,
                                      mixent_equivalence *out);

/* adjusted[i]: the p value p[i] after Holm's step-down correction over all `count` comparisons (Holm 1979,
 * Scandinavian Journal of Statistics 6); below a level, the difference is one at that level for the whole family.
 * p [count] within 0 and 1; `adjusted` may be `p`. */
mixent_status mixent_holm_adjust(const double *p, size_t count, double *adjusted);

typedef struct mixent_mcnemar {
  size_t only_a, only_b; /* images that only a, only b has right */
  double p;              /* of both being right equally often */
} mixent_mcnemar;

/* McNemar's exact test of two single models on the same images: right_a, right_b [images], 0 or 1. It speaks of these
 * two models, not of how they were trained. */
mixent_status mixent_mcnemar_test(const uint8_t *right_a, const uint8_t *right_b, size_t images,
                                  mixent_mcnemar *out);

/* Two single models on the same images: the difference of their accuracies, and its standard error over test sets like this one. With
 * n10 and n01 images that only the one or the other has right, d = (n10 - n01) / n, and its variance is that of a mean of n values
 * 1, 0, -1: (n10 + n01 - (n10 - n01)^2 / n) / n^2. */
typedef struct mixent_accuracy_difference {
  size_t only_a, only_b; /* images that only a, only b has right */
  double difference;     /* of a - b, as a fraction */
  double error;          /* its standard error */
} mixent_accuracy_difference;

/* right_a, right_b [images], 0 or 1; images >= 1. */
mixent_status mixent_accuracy_compare(const uint8_t *right_a, const uint8_t *right_b, size_t images,
                                      mixent_accuracy_difference *out);

/* ---- Power ----
 *
 * How many seeds a comparison needs, and what a number of seeds can show, by the two-sided paired t test: its
 * power follows from the noncentral t (Cohen 1988, Statistical Power Analysis, ch. 2). */

enum { MIXENT_MOST_SEEDS = 1000000 };

/* The probability that `seeds` >= 2 pairs show a true mean difference at level `alpha` when single differences have
 * standard deviation `deviation` > 0. */
mixent_status mixent_power_of_seeds(size_t seeds, double difference, double deviation, double alpha,
                                    double *out);

/* The fewest seeds (2 or more) that show a true `difference` with probability `power` or more.
 * MIXENT_ERROR_ARGUMENT where more than MIXENT_MOST_SEEDS would be needed. */
mixent_status mixent_power_least_seeds(double difference, double deviation, double alpha, double power,
                                       size_t *out);

/* The smallest true difference (> 0) that `seeds` pairs show with probability `power`, alpha < power. */
mixent_status mixent_power_least_difference(size_t seeds, double deviation, double alpha, double power,
                                            double *out);

/* The same in standard errors of the mean difference, for a test with any number of degrees of freedom above 0, as
 * the crossed bootstrap has. */
mixent_status mixent_power_least_shift(double freedom, double alpha, double power, double *out);

/* ---- Seeds and images: the crossed bootstrap ----
 *
 * How sure a difference is when both the seeds and the test images are a sample. */

/* Two methods that were trained with the same seeds. */
typedef struct mixent_crossed {
  const uint8_t *const *right_a,
      *const *right_b; /* [seeds] of [images], 1 where the image was classified rightly */
  size_t seeds;        /* 2 to 10,000 */
} mixent_crossed;

typedef struct mixent_bootstrap_options {
  size_t images;     /* that all looked at, 2 to 100,000,000 */
  uint64_t seed;     /* of the resampling, not of a run */
  size_t replicates; /* 100 or more; 10,000 for what is published */
  double confidence;
} mixent_bootstrap_options;

/* Accuracies of a minus b, as fractions. `low`, `high` and `p` are of one distribution: Student's t with `error` and `freedom` of the
 * analysis of variance with two crossed random factors (Searle, Casella, McCulloch 1992, Variance Components, ch. 4; Satterthwaite's
 * degrees of freedom). That variance is never under the one of the t interval over seeds, which takes these images for all there are. The
 * replicates of the bootstrap give the plain percentiles and nothing else: these count what seed and image do together three times over and
 * take few seeds for many (Owen 2007, The pigeonhole bootstrap, Annals of Applied Statistics 1; Hesterberg 2015, The American
 * Statistician 69). */
typedef struct mixent_bootstrap {
  double difference;
  double low, high;         /* the interval to use: difference -+ Student's quantile * error */
  double error, freedom, p; /* standard error and degrees of freedom of that; p of no difference */
  double percentile_low, percentile_high; /* of the replicates as they are */
  double deviation;                       /* of the replicates */
  /* Components of the variance of one entry (seed, image), as they are estimated without bias: one below 0 is too small to be seen. Where
   * seed_variance is, seeds scatter less than the rest alone makes them scatter on average, and the intervals are likely too narrow. */
  double seed_variance, image_variance, rest_variance;
} mixent_bootstrap;

/* Of `count` comparisons, out [count]. Replicate r draws seeds and images with replacement, each for itself, from Philox
 * keyed by (seed, r): the same result on any number of threads, and for each comparison as if it were alone. */
mixent_status mixent_bootstrap_crossed(const mixent_crossed *runs, size_t count,
                                       const mixent_bootstrap_options *options, mixent_bootstrap *out);

/* ---- Several data sets ----
 *
 * What methods do across data sets, by the definitions of rliable (Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the
 * Statistical Precipice, NeurIPS). Each data set counts the same, however many runs it has. Intervals are percentiles of a bootstrap
 * that draws runs anew within each data set; they speak of other runs on these data sets, not of other data sets (for those, describe
 * one difference per data set by mixent_sample_describe). */

/* One method's runs: counts[0] values of the first data set, then counts[1] of the second, … Higher is better: negate losses. For the
 * interquartile mean and the profile all data sets need one scale. */
typedef struct mixent_score_table {
  const double *values; /* [sum of counts] */
  const size_t *counts; /* [data_sets], each 2 or more; 10,000,000 runs at most in all */
  size_t data_sets;     /* 1 or more */
} mixent_score_table;

typedef struct mixent_resampling {
  uint64_t seed;     /* the same seed, the same interval, on any number of threads */
  size_t replicates; /* 100 to 10,000,000; 10,000 for what is published */
  double confidence;
} mixent_resampling;

typedef struct mixent_estimate {
  double value;
  double low, high;
} mixent_estimate;

/* Probability of improvement: that a run of a scores higher than one of b on the same data set, ties counted half, averaged over the
 * data sets (Mann and Whitney's U / (count_a count_b)); 0.5 where neither is better. Both have the same data sets in the same order; the
 * counts may differ, and nothing is paired. A replicate takes the sum over data sets of count_a * count_b steps. */
mixent_status mixent_improvement_measure(const mixent_score_table *a, const mixent_score_table *b,
                                         const mixent_resampling *resampling, mixent_estimate *out);

/* Interquartile mean: the mean of all runs without the lowest and the highest quarter, in whole runs (as many as weigh no more than
 * a quarter, as SciPy's trim_mean). It hangs on single data sets less than the mean, and wastes less than the median. */
mixent_status mixent_interquartile_measure(const mixent_score_table *scores,
                                           const mixent_resampling *resampling, mixent_estimate *out);

/* Performance profile: out[k] is the share of runs that score above thresholds[k], out and thresholds [count], 1 to 10,000. Each
 * interval is for its threshold alone. */
mixent_status mixent_profile_measure(const mixent_score_table *scores, const double *thresholds, size_t count,
                                     const mixent_resampling *resampling, mixent_estimate *out);

/* ---- What makes runs differ ----
 *
 * Seed, split of the data, order of the batches: how much of the variance of single runs each brings (Bouthillier et al. 2021, Accounting
 * for Variance in Machine Learning Benchmarks, MLSys). A run's value is the mean, plus a random effect for its level of each factor, plus
 * a rest (interactions, and what no factor names). The components are MINQUE(0) (Rao 1971, Journal of Multivariate Analysis 1; Hartley,
 * Rao, LaMotte 1978, Biometrics 34): unbiased for any design, balanced or not, and the analysis of variance's where it is balanced. */

enum { MIXENT_MOST_FACTORS = 8 };

/* The variance is in the values' unit, squared. It is unbiased, and therefore falls below 0 at times where the true one is small: read
 * that as "too small to be seen", and do not take it for 0 in a mean over studies. A component of few levels is known badly. */
typedef struct mixent_component {
  size_t levels; /* different ones; of the rest: the runs */
  double variance;
  double share;  /* of the sum of all components; NaN where that is not above 0 */
  bool negative; /* the variance is below 0 */
} mixent_component;

/* values [count], 2 to 10,000 runs; levels[f][i]: a number that names the level of factor f that run i has (a seed, say), 1 to
 * MIXENT_MOST_FACTORS factors; out [factors + 1]: one component each, and the rest last. MIXENT_ERROR_ARGUMENT where the runs do not tell
 * factors apart: a factor with one level, with a level for each run (it is the rest), two that change together. */
mixent_status mixent_components_measure(const double *values, size_t count, const int64_t *const *levels,
                                        size_t factors, mixent_component *out);

/* ---- Calibration ----
 *
 * Whether a model's certainty is worth believing: calibration, temperature, and how well its entropy tells its errors.
 * All refuse logits without a distribution (NaN, +inf, a row of -inf alone; MIXENT_ERROR_NUMERIC), labels out of
 * range and no images (MIXENT_ERROR_ARGUMENT). */

typedef struct mixent_predictions {
  const float *logits;   /* [images, classes] */
  const int32_t *labels; /* [images], 0 to classes - 1 */
  size_t images, classes;
} mixent_predictions;

/* Images with equal confidence share their errors evenly, so that the order of the images leaves no trace. */
typedef struct mixent_calibration {
  double accuracy, nll, brier;
  double ece;            /* 15 bins of equal width, as everywhere: Guo et al. 2017, ICML, eq. 3 */
  double ece_equal_mass; /* 15 bins of equally many images: Nixon et al. 2019, CVPR workshops */
  double entropy;        /* mean over all images */
  double entropy_right, entropy_wrong; /* over those classified rightly, wrongly; NaN where there are none */
  double auroc; /* P(entropy of a wrong one > of a right one) + half P(equal); NaN without either kind */
  double area;  /* mean of the risk-coverage curve (AURC: Geifman, Uziel, El-Yaniv 2019, ICLR) */
} mixent_calibration;

/* Scores of the logits divided by `temperature` (1: as they are), finite and above 0. `risk`, if not NULL, [images]:
 * risk[i] is the share of errors among the i + 1 most confident images, coverage (i + 1) / images. */
mixent_status mixent_calibration_measure(const mixent_predictions *predictions, double temperature,
                                         double *risk, mixent_calibration *out);

typedef struct mixent_temperature {
  double temperature; /* 1 where none was found */
  double nll_before, nll_after;
  bool
      found; /* false: the likelihood goes on rising beyond 1/1000 or 1000, as it does when no image is wrong or
                 the logits say nothing */
} mixent_temperature;

/* The temperature with the least NLL (Guo et al. 2017, section 4.2): where its derivative by 1 / temperature, which only
 * rises, is 0. Also refuses a logit of -inf for the label: no temperature mends it. */
mixent_status mixent_temperature_fit(const mixent_predictions *validation, mixent_temperature *out);

#ifdef __cplusplus
}
#endif
#endif
