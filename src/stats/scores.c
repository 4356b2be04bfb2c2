/* Scores of many runs on several data sets: probability of improvement, interquartile mean, performance profile, each with a bootstrap
 * interval stratified by data set. */
#include "core/memory.h"
#include "core/random.h"
#include "core/status.h"
#include "core/threads.h"
#include "mixent/statistics.h"
#include "stats/check.h"
#include "stats/resample.h"

#include <math.h>
#include <stdlib.h>

enum { PIECE = 1 << 16, MOST_RUNS = 10000000, MOST_REPLICATES = 10000000, MOST_THRESHOLDS = 10000 };

/* Sums of weights that are a quarter are off by less. */
static const double rounding = 1e-9;

/* A run's score, and what it counts: each data set counts the same, and each of its runs. All weights of a method sum to 1. */
typedef struct score {
  double value, weight;
} score;

typedef struct work work;

/* out [outputs] from the scores of one method or two, a [runs[0]] and b [runs[1]], which it may put into another order. */
typedef void measure_scores(const work *work, score *a, score *b, double *out);

struct work {
  const mixent_score_table *methods[2]; /* the second may be NULL */
  measure_scores *measure;
  const double *thresholds; /* [outputs], of a profile */
  size_t outputs, replicates;
  size_t runs[2];
  score *given;       /* [runs[0] + runs[1]] */
  score *drawn;       /* [threads, runs[0] + runs[1]] */
  double *measured;   /* [threads, outputs] */
  double *replicated; /* [outputs, replicates] */
  mixent_random random[2];
};

static size_t runs_of(const work *work) {
  return work->runs[0] + work->runs[1];
}

/* The mean over data sets of P(a run of a scores higher than one of b), ties counted half: Mann and Whitney's U / (n m). */
static void measure_improvement(const work *work, score *a, score *b, double *out) {
  const mixent_score_table *of_a = work->methods[0], *of_b = work->methods[1];
  double sets = (double)of_a->data_sets, sum = 0;
  for (size_t set = 0; set < of_a->data_sets; a += of_a->counts[set], b += of_b->counts[set], set++) {
    size_t twice = 0;
    for (size_t i = 0; i < of_a->counts[set]; i++)
      for (size_t k = 0; k < of_b->counts[set]; k++)
        twice += (a[i].value > b[k].value) + (a[i].value >= b[k].value);
    sum += (double)twice / (2 * (double)of_a->counts[set] * (double)of_b->counts[set]);
  }
  *out = sum / sets;
}

static int compare_scores(const void *left, const void *right) {
  const score *a = left, *b = right;
  if (a->value != b->value) return a->value > b->value ? 1 : -1;
  return (a->weight > b->weight) - (a->weight < b->weight);
}

/* How many of sorted scores, from one end on, weigh a quarter or less together. */
static size_t quarter_of(const score *sorted, size_t runs, bool from_the_top) {
  size_t count = 0;
  for (double weight = 0;; count++) {
    weight += sorted[from_the_top ? runs - 1 - count : count].weight;
    if (weight > 0.25 + rounding) return count;
  }
}

static void measure_interquartile(const work *work, score *a, score *b, double *out) {
  (void)b;
  size_t runs = work->runs[0];
  qsort(a, runs, sizeof *a, compare_scores);
  size_t below = quarter_of(a, runs, false), above = quarter_of(a, runs, true);
  double sum = 0, weight = 0;
  for (size_t i = below; i < runs - above; i++) sum += a[i].weight * a[i].value, weight += a[i].weight;
  *out = sum / weight;
}

static void measure_profile(const work *work, score *a, score *b, double *out) {
  (void)b;
  for (size_t k = 0; k < work->outputs; k++) {
    double sum = 0;
    for (size_t i = 0; i < work->runs[0]; i++) sum += a[i].value > work->thresholds[k] ? a[i].weight : 0;
    out[k] = fmin(sum, 1);
  }
}

/* As many runs of each data set as it has, with replacement. drawn [runs of the method]. */
static void draw(const work *work, size_t method, size_t replicate, score *drawn) {
  const mixent_score_table *scores = work->methods[method];
  const score *given = work->given + (method ? work->runs[0] : 0);
  uint32_t word[4] = {0};
  size_t first = 0, end = 0;
  for (size_t i = 0, set = 0; i < work->runs[method]; i++) {
    if (i == end) first = end, end += scores->counts[set++];
    if (i % 4 == 0) mixent_random_block(&work->random[method], replicate, i / 4, word);
    drawn[i] = given[first + mixent_resample_index(word[i % 4], end - first)];
  }
}

static void replicate_range(void *context, size_t begin, size_t end) {
  work *work = context;
  size_t thread = (size_t)mixent_thread();
  score *a = work->drawn + thread * runs_of(work), *b = a + work->runs[0];
  double *measured = work->measured + thread * work->outputs;
  for (size_t replicate = begin; replicate < end; replicate++) {
    draw(work, 0, replicate, a);
    if (work->methods[1]) draw(work, 1, replicate, b);
    work->measure(work, a, b, measured);
    for (size_t k = 0; k < work->outputs; k++)
      work->replicated[k * work->replicates + replicate] = measured[k];
  }
}

static mixent_status check_scores(const mixent_score_table *scores, size_t *runs) {
  MIXENT_NEED(scores);
  MIXENT_NEED(scores->values);
  MIXENT_NEED(scores->counts);
  if (scores->data_sets < 1)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "data_sets: expected 1 or more, got 0");
  *runs = 0;
  for (size_t set = 0; set < scores->data_sets; set++) {
    if (scores->counts[set] < 2 || scores->counts[set] > MOST_RUNS - *runs)
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "data set %zu: expected 2 or more runs, and at most %d in all, got %zu", set,
                         MOST_RUNS, scores->counts[set]);
    *runs += scores->counts[set];
  }
  return mixent_values_check("scores", scores->values, *runs);
}

static mixent_status check_resampling(const mixent_resampling *resampling) {
  MIXENT_NEED(resampling);
  MIXENT_TRY(mixent_replicates_check(resampling->replicates));
  if (resampling->replicates > MOST_REPLICATES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "replicates: expected at most %d, got %zu", MOST_REPLICATES,
                       resampling->replicates);
  return mixent_share_check("confidence", resampling->confidence);
}

static void weigh(const mixent_score_table *scores, score *given) {
  const double *value = scores->values;
  for (size_t set = 0; set < scores->data_sets; set++)
    for (size_t i = 0; i < scores->counts[set]; i++)
      *given++ = (score){*value++, 1 / (double)scores->data_sets / (double)scores->counts[set]};
}

/* What the given scores come to, and the interval between two quantiles of the replicates. */
static mixent_status resample(work *work, double confidence, mixent_estimate *out) {
  size_t threads = (size_t)mixent_threads(), replicates = work->replicates;
  MIXENT_TRY(MIXENT_ALLOCATE(runs_of(work), &work->given));
  MIXENT_TRY(MIXENT_ALLOCATE(threads * runs_of(work), &work->drawn));
  MIXENT_TRY(MIXENT_ALLOCATE(threads * work->outputs, &work->measured));
  MIXENT_TRY(MIXENT_ALLOCATE(work->outputs * replicates, &work->replicated));
  weigh(work->methods[0], work->given);
  if (work->methods[1]) weigh(work->methods[1], work->given + work->runs[0]);
  mixent_parallel_for(replicates, PIECE / runs_of(work) + 1, replicate_range, work);
  work->measure(work, work->given, work->given + work->runs[0], work->measured);
  for (size_t k = 0; k < work->outputs; k++) {
    double *sorted = work->replicated + k * replicates, tail = (1 - confidence) / 2;
    mixent_values_sort(sorted, replicates);
    out[k] = (mixent_estimate){work->measured[k], mixent_sorted_quantile(sorted, replicates, tail),
                               mixent_sorted_quantile(sorted, replicates, 1 - tail)};
  }
  return MIXENT_OK;
}

static mixent_status run(work *work, const mixent_resampling *resampling, mixent_estimate *out) {
  MIXENT_NEED(out);
  MIXENT_TRY(check_resampling(resampling));
  MIXENT_TRY(check_scores(work->methods[0], &work->runs[0]));
  if (work->methods[1]) MIXENT_TRY(check_scores(work->methods[1], &work->runs[1]));
  if (work->methods[1] && work->methods[0]->data_sets != work->methods[1]->data_sets)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "data_sets: expected as many of b as of a, %zu, got %zu",
                       work->methods[0]->data_sets, work->methods[1]->data_sets);
  work->replicates = resampling->replicates;
  work->random[0] = mixent_random_stream(resampling->seed, "bootstrap", "scores a");
  work->random[1] = mixent_random_stream(resampling->seed, "bootstrap", "scores b");
  mixent_status status = resample(work, resampling->confidence, out);
  free(work->given);
  free(work->drawn);
  free(work->measured);
  free(work->replicated);
  return status;
}

mixent_status mixent_improvement_measure(const mixent_score_table *a, const mixent_score_table *b,
                                         const mixent_resampling *resampling, mixent_estimate *out) {
  MIXENT_NEED(b);
  work work = {.methods = {a, b}, .measure = measure_improvement, .outputs = 1};
  return run(&work, resampling, out);
}

mixent_status mixent_interquartile_measure(const mixent_score_table *scores,
                                           const mixent_resampling *resampling, mixent_estimate *out) {
  work work = {.methods = {scores}, .measure = measure_interquartile, .outputs = 1};
  return run(&work, resampling, out);
}

mixent_status mixent_profile_measure(const mixent_score_table *scores, const double *thresholds, size_t count,
                                     const mixent_resampling *resampling, mixent_estimate *out) {
  MIXENT_NEED(thresholds);
  if (count < 1 || count > MOST_THRESHOLDS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "thresholds: expected 1 to %d, got %zu", MOST_THRESHOLDS,
                       count);
  MIXENT_TRY(mixent_values_check("thresholds", thresholds, count));
  work work = {.methods = {scores}, .measure = measure_profile, .thresholds = thresholds, .outputs = count};
  return run(&work, resampling, out);
}
