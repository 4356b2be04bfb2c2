/* Crossed bootstrap over seeds and images. A replicate sums whole numbers, so the order leaves no trace. */
#include "core/memory.h"
#include "core/random.h"
#include "core/status.h"
#include "core/threads.h"
#include "mixent/statistics.h"
#include "stats/check.h"
#include "stats/distributions.h"
#include "stats/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 20, MOST_SEEDS = 10000, MOST_IMAGES = 100000000 };

/* A comparison, of the images alone that one of its seeds has right with one method and not with the other: the rest
 * adds nothing. */
typedef struct contest {
  size_t seeds, changed;
  uint32_t *images;    /* [changed] which */
  int8_t *differences; /* [seeds, changed]: right a - right b */
  double *replicated;  /* [replicates] */
} contest;

typedef struct resampling {
  size_t images, replicates, count, most_seeds, most_changed;
  contest *contests; /* [count] */
  mixent_random random_seeds, random_images;
  uint32_t *drawn_images,
      *drawn_seeds; /* [threads, images], [threads, most_seeds]: how often each was drawn */
  int32_t *times;   /* [threads, most_changed]: that of the images of a comparison */
} resampling;

/* drawn [count]: how often each of `count` came up in `count` draws. */
static void draw(const mixent_random *random, size_t replicate, size_t count, uint32_t *drawn) {
  memset(drawn, 0, count * sizeof *drawn);
  for (size_t i = 0; i < count; i += 4) {
    uint32_t word[4];
    mixent_random_block(random, replicate, i / 4, word);
    for (size_t k = 0; k < 4 && i + k < count; k++) drawn[mixent_resample_index(word[k], count)]++;
  }
}

/* The sum over seeds and images of the differences times how often both were drawn. */
static int64_t weigh(const contest *contest, const uint32_t *drawn_seeds, const int32_t *restrict times) {
  int64_t sum = 0;
  for (size_t seed = 0; seed < contest->seeds; seed++) {
    if (!drawn_seeds[seed]) continue;
    const int8_t *restrict row = contest->differences + seed * contest->changed;
    int32_t of_seed = 0; /* at most the number of images */
    for (size_t i = 0; i < contest->changed; i++) of_seed += times[i] * row[i];
    sum += (int64_t)drawn_seeds[seed] * of_seed;
  }
  return sum;
}

static void replicate_range(void *context, size_t begin, size_t end) {
  resampling *work = context;
  size_t thread = (size_t)mixent_thread();
  uint32_t *drawn_images = work->drawn_images + thread * work->images;
  uint32_t *drawn_seeds = work->drawn_seeds + thread * work->most_seeds;
  int32_t *times = work->times + thread * work->most_changed;
  for (size_t replicate = begin; replicate < end; replicate++) {
    draw(&work->random_images, replicate, work->images, drawn_images);
    for (size_t c = 0; c < work->count; c++) {
      const contest *contest = &work->contests[c];
      draw(&work->random_seeds, replicate, contest->seeds, drawn_seeds);
      for (size_t i = 0; i < contest->changed; i++) times[i] = (int32_t)drawn_images[contest->images[i]];
      contest->replicated[replicate] =
          (double)weigh(contest, drawn_seeds, times) / ((double)contest->seeds * (double)work->images);
    }
  }
}

/* Replicates that are worth handing to a thread; small studies are done before another one wakes. */
static size_t grain_of(const resampling *work) {
  size_t entries = 4 * work->images;
  for (size_t c = 0; c < work->count; c++)
    entries += work->contests[c].changed * (work->contests[c].seeds / 8 + 1);
  return PIECE / entries + 1;
}

/* Mean, the standard error of that mean with its degrees of freedom, and the components of one entry's variance. */
typedef struct variance {
  double mean, error, freedom;
  double seeds, images, rest;
} variance;

/* From the mean squares of rows (seeds), columns (images) and rest. Images that seem to differ by less than chance
 * lets them count as equal. Satterthwaite's approximation knows differences of mean squares badly: there is
 * one degree of freedom at least, as with two seeds. */
static mixent_status analyse(const contest *contest, size_t images, variance *out) {
  double n = (double)contest->seeds, m = (double)images;
  int64_t total = 0, entries = 0;
  double seed_squares = 0, image_squares = 0;
  int32_t *totals;
  MIXENT_TRY(MIXENT_ALLOCATE(contest->changed, &totals));
  for (size_t seed = 0; seed < contest->seeds; seed++) {
    const int8_t *row = contest->differences + seed * contest->changed;
    int64_t sum = 0;
    for (size_t i = 0; i < contest->changed; i++)
      sum += row[i], entries += row[i] * row[i], totals[i] += row[i];
    total += sum, seed_squares += (double)sum * (double)sum;
  }
  for (size_t i = 0; i < contest->changed; i++) image_squares += (double)totals[i] * totals[i];
  free(totals);
  double correction = (double)total * (double)total / n / m;
  double of_seeds = fmax(0, seed_squares / m - correction),
         of_images = fmax(0, image_squares / n - correction);
  double of_rest = fmax(0, (double)entries - correction - of_seeds - of_images);
  double seed_mean = of_seeds / (n - 1), image_mean = of_images / (m - 1);
  double rest_mean = of_rest / ((n - 1) * (m - 1)), parts = seed_mean,
         fourths = seed_mean * seed_mean / (n - 1);
  if (image_mean > rest_mean) {
    parts += image_mean - rest_mean;
    fourths += image_mean * image_mean / (m - 1) + rest_mean * rest_mean / ((n - 1) * (m - 1));
  }
  double freedom = parts > 0 ? fmax(1, parts * parts / fourths) : n - 1;
  *out = (variance){.mean = (double)total / n / m,
                    .error = sqrt(parts / n / m),
                    .freedom = freedom,
                    .seeds = (seed_mean - rest_mean) / m,
                    .images = (image_mean - rest_mean) / n,
                    .rest = rest_mean};
  return MIXENT_OK;
}

/* From sorted replicates. */
static void describe(const double *replicated, size_t replicates, const variance *variance, double confidence,
                     mixent_bootstrap *out) {
  double tail = (1 - confidence) / 2, sum = 0, squares = 0, count = (double)replicates;
  for (size_t r = 0; r < replicates; r++) sum += replicated[r];
  for (size_t r = 0; r < replicates; r++)
    squares += (replicated[r] - sum / count) * (replicated[r] - sum / count);
  double deviation = sqrt(squares / (count - 1)), mean = variance->mean;
  double reach = -mixent_student_quantile(tail, variance->freedom) * variance->error;
  double t = mean == 0 ? 0 : fabs(mean) / variance->error;
  *out = (mixent_bootstrap){.difference = mean,
                            .low = mean - reach,
                            .high = mean + reach,
                            .error = variance->error,
                            .freedom = variance->freedom,
                            .p = fmin(1, 2 * mixent_student_cdf(-t, variance->freedom)),
                            .percentile_low = mixent_sorted_quantile(replicated, replicates, tail),
                            .percentile_high = mixent_sorted_quantile(replicated, replicates, 1 - tail),
                            .deviation = deviation,
                            .seed_variance = variance->seeds,
                            .image_variance = variance->images,
                            .rest_variance = variance->rest};
}

static mixent_status check(const mixent_crossed *runs, size_t count,
                           const mixent_bootstrap_options *options) {
  if (options->images < 2 || options->images > MOST_IMAGES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu images: the crossed bootstrap takes 2 to %d",
                       options->images, MOST_IMAGES);
  MIXENT_TRY(mixent_replicates_check(options->replicates));
  MIXENT_TRY(mixent_share_check("confidence", options->confidence));
  for (size_t c = 0; c < count; c++) {
    if (runs[c].seeds < 2 || runs[c].seeds > MOST_SEEDS)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu seeds: the crossed bootstrap takes 2 to %d",
                         runs[c].seeds, MOST_SEEDS);
    MIXENT_NEED(runs[c].right_a);
    MIXENT_NEED(runs[c].right_b);
    for (size_t seed = 0; seed < runs[c].seeds; seed++) {
      MIXENT_NEED(runs[c].right_a[seed]);
      MIXENT_NEED(runs[c].right_b[seed]);
      MIXENT_TRY(mixent_right_check("first method", runs[c].right_a[seed], options->images));
      MIXENT_TRY(mixent_right_check("second method", runs[c].right_b[seed], options->images));
    }
  }
  return MIXENT_OK;
}

/* Marks [images] and counts the images that differ in a seed. */
static size_t mark_changed(const mixent_crossed *runs, size_t images, uint8_t *marks) {
  size_t changed = 0;
  memset(marks, 0, images);
  for (size_t seed = 0; seed < runs->seeds; seed++)
    for (size_t i = 0; i < images; i++) marks[i] |= runs->right_a[seed][i] ^ runs->right_b[seed][i];
  for (size_t i = 0; i < images; i++) changed += marks[i];
  return changed;
}

static mixent_status make_contest(const mixent_crossed *runs, const resampling *work, uint8_t *marks,
                                  contest *out) {
  out->seeds = runs->seeds;
  out->changed = mark_changed(runs, work->images, marks);
  MIXENT_TRY(MIXENT_ALLOCATE(out->changed, &out->images));
  MIXENT_TRY(MIXENT_ALLOCATE(out->seeds * out->changed, &out->differences));
  MIXENT_TRY(MIXENT_ALLOCATE(work->replicates, &out->replicated));
  for (size_t i = 0, k = 0; i < work->images; i++)
    if (marks[i]) out->images[k++] = (uint32_t)i;
  for (size_t seed = 0; seed < out->seeds; seed++)
    for (size_t k = 0; k < out->changed; k++) {
      uint32_t i = out->images[k];
      out->differences[seed * out->changed + k] = (int8_t)(runs->right_a[seed][i] - runs->right_b[seed][i]);
    }
  return MIXENT_OK;
}

static mixent_status make_contests(const mixent_crossed *runs, resampling *work) {
  uint8_t *marks;
  MIXENT_TRY(MIXENT_ALLOCATE(work->images, &marks));
  mixent_status status = MIXENT_OK;
  for (size_t c = 0; c < work->count && status == MIXENT_OK; c++) {
    const contest *contest = &work->contests[c];
    status = make_contest(&runs[c], work, marks, &work->contests[c]);
    if (contest->seeds > work->most_seeds) work->most_seeds = contest->seeds;
    if (contest->changed > work->most_changed) work->most_changed = contest->changed;
  }
  free(marks);
  return status;
}

static mixent_status resample(const mixent_crossed *runs, resampling *work, double confidence,
                              mixent_bootstrap *out) {
  size_t threads = (size_t)mixent_threads();
  MIXENT_TRY(MIXENT_ALLOCATE(work->count, &work->contests));
  MIXENT_TRY(make_contests(runs, work));
  MIXENT_TRY(MIXENT_ALLOCATE(threads * work->images, &work->drawn_images));
  MIXENT_TRY(MIXENT_ALLOCATE(threads * work->most_seeds, &work->drawn_seeds));
  MIXENT_TRY(MIXENT_ALLOCATE(threads * work->most_changed, &work->times));
  mixent_parallel_for(work->replicates, grain_of(work), replicate_range, work);
  for (size_t c = 0; c < work->count; c++) {
    double *replicated = work->contests[c].replicated;
    variance variance;
    MIXENT_TRY(analyse(&work->contests[c], work->images, &variance));
    mixent_values_sort(replicated, work->replicates);
    describe(replicated, work->replicates, &variance, confidence, &out[c]);
  }
  return MIXENT_OK;
}

mixent_status mixent_bootstrap_crossed(const mixent_crossed *runs, size_t count,
                                       const mixent_bootstrap_options *options, mixent_bootstrap *out) {
  MIXENT_NEED(options);
  if (count) MIXENT_NEED(runs);
  if (count) MIXENT_NEED(out);
  MIXENT_TRY(check(runs, count, options));
  resampling work = {.images = options->images,
                     .replicates = options->replicates,
                     .count = count,
                     .random_seeds = mixent_random_stream(options->seed, "bootstrap", "seeds"),
                     .random_images = mixent_random_stream(options->seed, "bootstrap", "images")};
  mixent_status status = count ? resample(runs, &work, options->confidence, out) : MIXENT_OK;
  for (size_t c = 0; work.contests && c < count; c++) {
    free(work.contests[c].images);
    free(work.contests[c].differences);
    free(work.contests[c].replicated);
  }
  free(work.contests);
  free(work.drawn_images);
  free(work.drawn_seeds);
  free(work.times);
  return status;
}
