/* How often the tests of mixent/statistics.h are wrong with few runs, and how often they see what is there: the t test of paired runs,
 * Welch's test of unpaired ones, two one-sided tests of equivalence, and the corrected resampled t test beside the paired one that it
 * corrects. Runs are drawn from distributions; splits come from small data sets on which two classifiers are really trained.
 *
 *   bench_few_runs [--studies N] [--splits N] */
#include "bench/simulate.h"
#include "core/threads.h"
#include "mixent/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MOST_RUNS = 40, MOST_OUTCOMES = 4 };
static const size_t numbers_of_runs[] = {2, 3, 5, 10, 20};
enum { NUMBERS = sizeof numbers_of_runs / sizeof *numbers_of_runs };

/* A world, in standard deviations of a run of b. */
typedef struct world {
  const char *name;
  double deviation;  /* of a run of a */
  size_t times;      /* b has as many times the runs of a */
  bool skewed;       /* runs fall far below their mean at times, and never far above */
  double difference; /* the true one, of a - b */
  double margin;
} world;

/* What one simulated study of `runs` runs shows: a bit for each outcome. */
typedef unsigned judge(const world *world, size_t runs, const mixent_random *random);

static double draw(const world *world, const mixent_random *random, uint64_t step, uint64_t element) {
  double value = normal(random, step, element);
  return world->skewed ? 1 + log(mixent_normal_cdf(value)) : value; /* mean 0 and deviation 1 both */
}

static bool is_equivalent(const world *world, double mean, double error, double freedom) {
  mixent_equivalence equivalence;
  must(mixent_equivalence_test(mean, error, freedom, world->margin, &equivalence));
  return equivalence.p < level;
}

/* Runs that share nothing: whether a difference is seen, and whether they are called equivalent. */
static unsigned judge_unpaired(const world *world, size_t runs, const mixent_random *random) {
  double a[MOST_RUNS], b[MOST_RUNS];
  for (size_t i = 0; i < runs; i++) a[i] = world->difference + world->deviation * draw(world, random, 0, i);
  for (size_t i = 0; i < runs * world->times; i++) b[i] = draw(world, random, 1, i);
  mixent_difference found;
  must(mixent_unpaired_compare(a, runs, b, runs * world->times, 1 - level, &found));
  return (found.p < level) | (unsigned)is_equivalent(world, found.mean, found.error, found.freedom) << 1;
}

/* The same of differences between runs that share their seeds, drawn themselves. */
static unsigned judge_paired(const world *world, size_t runs, const mixent_random *random) {
  double a[MOST_RUNS], b[MOST_RUNS] = {0}, n = (double)runs;
  for (size_t i = 0; i < runs; i++) a[i] = world->difference + draw(world, random, 0, i);
  mixent_paired found;
  must(mixent_paired_compare(a, b, runs, 1 - level, &found));
  const mixent_sample *difference = &found.difference;
  return (found.p < level) |
         (unsigned)is_equivalent(world, difference->mean, difference->deviation / sqrt(n), n - 1) << 1;
}

/* A data set of two classes and twice FEATURES features, of which one classifier has the first half and the other the second. */
enum { EXAMPLES = 120, FEATURES = 4, TEST = EXAMPLES / 10 };
static const double signal =
    0.4; /* means of a feature in both classes are this far from 0, in its deviations */

typedef struct examples {
  double features[EXAMPLES][2 * FEATURES];
  int classes[EXAMPLES]; /* -1 or 1 */
} examples;

static void draw_examples(const world *world, const mixent_random *random, examples *out) {
  for (size_t i = 0; i < EXAMPLES; i++) {
    out->classes[i] = i % 2 ? 1 : -1;
    for (size_t k = 0; k < 2 * FEATURES; k++) {
      double mean = k < FEATURES ? signal + world->difference : signal;
      out->features[i][k] = out->classes[i] * mean + normal(random, i, k);
    }
  }
}

/* Accuracy on order[first..last) of the nearest class mean, by features from `feature` on, of the rest. */
static double accuracy_of(const examples *data, const uint32_t *order, size_t first, size_t last,
                          size_t feature) {
  double sums[2][FEATURES] = {{0}}, counts[2] = {0};
  size_t right = 0;
  for (size_t at = 0; at < EXAMPLES; at++) {
    if (at >= first && at < last) continue;
    int side = data->classes[order[at]] > 0;
    counts[side]++;
    for (size_t k = 0; k < FEATURES; k++) sums[side][k] += data->features[order[at]][feature + k];
  }
  for (size_t at = first; at < last; at++) {
    double score = 0;
    for (size_t k = 0; k < FEATURES; k++) {
      double low = sums[0][k] / counts[0], high = sums[1][k] / counts[1];
      score += (data->features[order[at]][feature + k] - (low + high) / 2) * (high - low);
    }
    right += (score > 0) == (data->classes[order[at]] > 0);
  }
  return (double)right / (double)(last - first);
}

/* Random splits with a tenth for testing, and then as many folds: whether the paired and the corrected test see a difference. */
static unsigned judge_splits(const world *world, size_t runs, const mixent_random *random) {
  examples data;
  uint32_t order[EXAMPLES];
  unsigned outcome = 0;
  draw_examples(world, random, &data);
  for (unsigned folds = 0; folds < 2; folds++) {
    double a[MOST_RUNS], b[MOST_RUNS];
    size_t test = TEST;
    for (size_t i = 0; i < runs; i++) {
      mixent_random_permutation(random, EXAMPLES + (folds ? 0 : 1 + i), order, EXAMPLES);
      if (folds) test = EXAMPLES / runs;
      size_t first = folds ? i * test : 0;
      a[i] = accuracy_of(&data, order, first, first + test, 0);
      b[i] = accuracy_of(&data, order, first, first + test, FEATURES);
    }
    mixent_difference paired, corrected;
    must(mixent_resampled_compare(a, b, runs, 0, 1 - level, &paired));
    must(mixent_resampled_compare(a, b, runs, (double)test / (double)(EXAMPLES - test), 1 - level,
                                  &corrected));
    bool scatters = paired.error > 0; /* nobody should conclude from differences that are all the same */
    outcome |= (unsigned)((scatters && paired.p < level) | (scatters && corrected.p < level) << 1)
               << (2 * folds);
  }
  return outcome;
}

typedef struct simulation {
  judge *judge;
  const world *world;
  size_t runs;
  uint8_t *outcomes; /* [studies] */
} simulation;

static void run_studies(void *context, size_t begin, size_t end) {
  simulation *simulation = context;
  for (size_t study = begin; study < end; study++) {
    mixent_random random = mixent_random_stream(study, "few runs", simulation->world->name);
    simulation->outcomes[study] = (uint8_t)simulation->judge(simulation->world, simulation->runs, &random);
  }
}

/* A line for each outcome that has a name. */
static void print_world(const world *world, judge *judge, size_t studies,
                        const char *const names[MOST_OUTCOMES]) {
  size_t counts[MOST_OUTCOMES][NUMBERS] = {{0}};
  simulation simulation = {judge, world, 0, room_for(studies, 1)};
  for (size_t k = 0; k < NUMBERS; k++) {
    simulation.runs = numbers_of_runs[k];
    mixent_parallel_for(studies, 64, run_studies, &simulation);
    for (size_t study = 0; study < studies; study++)
      for (size_t bit = 0; bit < MOST_OUTCOMES; bit++)
        counts[bit][k] += simulation.outcomes[study] >> bit & 1;
  }
  free(simulation.outcomes);
  for (size_t bit = 0; bit < MOST_OUTCOMES; bit++) {
    if (!names[bit]) continue;
    printf("%-34s %-34s", world->name, names[bit]);
    for (size_t k = 0; k < NUMBERS; k++) printf(" %6.2f", 100.0 * (double)counts[bit][k] / (double)studies);
    printf("\n");
  }
}

static void print_head(const char *title, const char *what) {
  printf("\n%s\n\n%-34s %-34s", title, "world", what);
  for (size_t k = 0; k < NUMBERS; k++) printf(" %6zu", numbers_of_runs[k]);
  printf("\n");
}

/* Worlds without a difference, and then the first of them with one. */
static void print_seen(const char *title, const world *worlds, size_t count, judge *judge, size_t studies) {
  print_head(title, "a difference is seen, %");
  for (size_t i = 0; i < count; i++)
    print_world(&worlds[i], judge, studies, (const char *const[MOST_OUTCOMES]){"without one: false"});
  world better = worlds[0];
  for (int difference = 1; difference <= 3; difference++) {
    char name[64];
    snprintf(name, sizeof name, "of %d deviation%s: power", difference, difference > 1 ? "s" : "");
    better.difference = difference;
    print_world(&better, judge, studies, (const char *const[MOST_OUTCOMES]){name});
  }
}

int main(int argc, char **argv) {
  size_t studies = option(argc, argv, "--studies", 10000), of_splits = option(argc, argv, "--splits", 5000);
  const world paired_worlds[] = {{"normal", 1, 1, false, 0, 1}, {"skewed", 1, 1, true, 0, 1}};
  const world unpaired_worlds[] = {{"normal", 1, 1, false, 0, 1},
                                   {"deviations 3 and 1", 3, 1, false, 0, 1},
                                   {"deviations 3 and 1, b runs twice", 3, 2, false, 0, 1},
                                   {"skewed", 1, 1, true, 0, 1},
                                   {"skewed, b runs twice", 1, 2, true, 0, 1}};
  printf("%zu studies of each kind, %zu of splits; tests at %g; columns: runs, or splits\n", studies,
         of_splits, level);
  print_seen("Paired runs, t test; deviations are those of a difference", paired_worlds,
             sizeof paired_worlds / sizeof *paired_worlds, judge_paired, studies);
  print_seen("Unpaired runs, Welch's test; deviations are those of a run", unpaired_worlds,
             sizeof unpaired_worlds / sizeof *unpaired_worlds, judge_unpaired, studies);
  for (int paired = 1; paired >= 0; paired--) {
    print_head(paired ? "Equivalence of paired runs; margins in deviations of a difference"
                      : "Equivalence of unpaired runs; margins in deviations of a run",
               "called equivalent, %");
    /* below the margin, not above it: where runs are skewed, few of them seldom show how low they fall */
    for (int margin = 1; margin <= 4; margin *= 2)
      for (int skewed = 0; skewed < 2; skewed++)
        for (int at = 1; at >= 0; at--) {
          char name[64];
          snprintf(name, sizeof name, "margin %d%s", margin, skewed ? ", skewed" : "");
          const world world = {name, 1, 1, skewed, -at * margin, margin};
          print_world(&world, paired ? judge_paired : judge_unpaired, studies,
                      (const char *const[MOST_OUTCOMES]){NULL, at ? "the margin below: false"
                                                                  : "without a difference: power"});
        }
  }
  print_head("Splits of one data set of 120", "a difference is seen, %");
  static const char *const tests[MOST_OUTCOMES] = {"random splits, paired t", "random splits, corrected",
                                                   "folds, paired t", "folds, corrected"};
  const world same = {"no difference: false", 1, 1, false, 0, 1},
              better = {"one is better: power", 1, 1, false, 0.4, 1};
  print_world(&same, judge_splits, of_splits, tests);
  print_world(&better, judge_splits, of_splits, tests);
}
