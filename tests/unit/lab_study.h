/* For the tests of comparisons: a study that a test fills in, and what its pairs are to say. */
#ifndef LAB_STUDY_H
#define LAB_STUDY_H

#include "core/random.h"
#include "lab/compare/runs.h"

#include <string.h>

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
static inline void begin(size_t variants, size_t seed_count, size_t images) {
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

static inline mixent_result *run_at(size_t variant, size_t seed) {
  return &results[variant * input.seed_count + seed];
}

static inline void remove_run(size_t variant, size_t seed) {
  places[variant * input.seed_count + seed] = NULL;
}

static inline const mixent_compare_pair *pair_at(size_t index) {
  return &comparison->data[0].pairs[index];
}

/* Accuracies from the images, then the comparison; returns the first pair. */
static inline const mixent_compare_pair *compare(void) {
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

static inline int clean(void **state) {
  (void)state;
  mixent_runs_compared_free(&compared);
  return 0;
}

static inline double uniform(uint64_t step, uint64_t element) {
  mixent_random random = mixent_random_stream(1, "test", "compare");
  uint32_t word[4];
  mixent_random_block(&random, step, element, word);
  return mixent_uniform_double(word[0], word[1]);
}

/* Images from `first` on are right with probability `chance`, each run and image for itself. */
static inline void scatter(size_t variant, size_t first, double chance) {
  for (size_t seed = 0; seed < input.seed_count; seed++)
    for (size_t i = first; i < run_at(variant, seed)->test_images; i++)
      run_at(variant, seed)->right[i] = uniform(variant * MOST_SEEDS + seed, i) < chance;
}

/* Images first to last - 1 are right with every seed. */
static inline void always(size_t variant, size_t first, size_t last) {
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
static inline void fill_study(void) {
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

#endif
