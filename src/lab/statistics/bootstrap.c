/* Crossed bootstrap over seeds and images. A replicate sums whole numbers, so the order leaves no trace. */
#include "lab/statistics/bootstrap.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "lab/statistics/distributions.h"
#include "lab/statistics/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 20, FEWEST_REPLICATES = 100, MOST_SEEDS = 10000, MOST_IMAGES = 100000000 };

typedef struct resampling {
  size_t seeds, images, replicates;
  const int8_t *differences; /* [seeds, images]: right a - right b */
  mixent_random random_seeds, random_images;
  int32_t *room;      /* [threads, images]: per image, its differences over the seeds drawn */
  uint32_t *drawn;    /* [threads, seeds]: how often each seed was drawn */
  double *replicated; /* [replicates] */
} resampling;

static uint32_t index_of(uint32_t word, size_t count) {
  return (uint32_t)(((uint64_t)word * count) >> 32); /* biased by under count / 2^32 */
}

static void draw_seeds(const resampling *work, size_t replicate, uint32_t *drawn) {
  memset(drawn, 0, work->seeds * sizeof *drawn);
  for (size_t i = 0; i < work->seeds; i += 4) {
    uint32_t word[4];
    mixent_random_block(&work->random_seeds, replicate, i / 4, word);
    for (size_t k = 0; k < 4 && i + k < work->seeds; k++) drawn[index_of(word[k], work->seeds)]++;
  }
}

/* totals [images] = sum over seeds of drawn[seed] * differences[seed, image] */
static void add_seeds(const resampling *work, const uint32_t *drawn, int32_t *restrict totals) {
  memset(totals, 0, work->images * sizeof *totals);
  for (size_t seed = 0; seed < work->seeds; seed++) {
    if (!drawn[seed]) continue;
    const int8_t *restrict row = work->differences + seed * work->images;
    int32_t times = (int32_t)drawn[seed];
    for (size_t i = 0; i < work->images; i++) totals[i] += times * row[i];
  }
}

static int64_t draw_images(const resampling *work, size_t replicate, const int32_t *totals) {
  int64_t sum = 0;
  for (size_t i = 0; i < work->images; i += 4) {
    uint32_t word[4];
    mixent_random_block(&work->random_images, replicate, i / 4, word);
    for (size_t k = 0; k < 4 && i + k < work->images; k++) sum += totals[index_of(word[k], work->images)];
  }
  return sum;
}

static void replicate_range(void *context, size_t begin, size_t end) {
  resampling *work = context;
  size_t thread = (size_t)mixent_thread();
  int32_t *totals = work->room + thread * work->images;
  uint32_t *drawn = work->drawn + thread * work->seeds;
  for (size_t replicate = begin; replicate < end; replicate++) {
    draw_seeds(work, replicate, drawn);
    add_seeds(work, drawn, totals);
    work->replicated[replicate] =
        (double)draw_images(work, replicate, totals) / ((double)work->seeds * (double)work->images);
  }
}

/* Replicates that are worth handing to a thread; small studies are done before another one wakes. */
static size_t grain_of(const resampling *work) {
  return PIECE / (work->images * (work->seeds / 8 + 4)) + 1;
}

/* Mean, and the standard error of that mean with its degrees of freedom. */
typedef struct variance {
  double mean, error, freedom;
} variance;

/* From the mean squares of rows (seeds), columns (images) and rest. Images that seem to differ by less than chance
 * lets them count as equal. */
static mixent_status analyse(const resampling *work, variance *out) {
  double n = (double)work->seeds, m = (double)work->images;
  int64_t total = 0, entries = 0;
  double seed_squares = 0, image_squares = 0;
  int32_t *totals;
  MIXENT_TRY(MIXENT_ALLOCATE(work->images, &totals));
  for (size_t seed = 0; seed < work->seeds; seed++) {
    const int8_t *row = work->differences + seed * work->images;
    int64_t sum = 0;
    for (size_t i = 0; i < work->images; i++) sum += row[i], entries += row[i] * row[i], totals[i] += row[i];
    total += sum, seed_squares += (double)sum * (double)sum;
  }
  for (size_t i = 0; i < work->images; i++) image_squares += (double)totals[i] * totals[i];
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
  *out = (variance){(double)total / n / m, sqrt(parts / n / m), parts > 0 ? parts * parts / fourths : n - 1};
  return MIXENT_OK;
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Between the two nearest in order, as NumPy does by default. */
static double quantile_of(const double *sorted, size_t count, double p) {
  double place = p * (double)(count - 1);
  size_t below = (size_t)place;
  if (below + 1 >= count) return sorted[count - 1];
  return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* From sorted replicates. */
static void describe(const resampling *work, const variance *variance, double confidence,
                     mixent_bootstrap *out) {
  double tail = (1 - confidence) / 2, sum = 0, squares = 0, count = (double)work->replicates;
  for (size_t r = 0; r < work->replicates; r++) sum += work->replicated[r];
  for (size_t r = 0; r < work->replicates; r++)
    squares += (work->replicated[r] - sum / count) * (work->replicated[r] - sum / count);
  double deviation = sqrt(squares / (count - 1)), mean = variance->mean;
  double low = quantile_of(work->replicated, work->replicates, tail);
  double high = quantile_of(work->replicated, work->replicates, 1 - tail);
  double student = mixent_student_quantile(tail, variance->freedom) / mixent_normal_quantile(tail);
  double stretch = deviation > 0 ? student * variance->error / deviation : 1;
  double t = mean == 0 ? 0 : fabs(mean) / variance->error;
  *out = (mixent_bootstrap){.difference = mean,
                            .low = mean + (low - sum / count) * stretch,
                            .high = mean + (high - sum / count) * stretch,
                            .error = variance->error,
                            .freedom = variance->freedom,
                            .p = fmin(1, 2 * mixent_student_cdf(-t, variance->freedom)),
                            .percentile_low = low,
                            .percentile_high = high,
                            .deviation = deviation};
}

static mixent_status check(const mixent_crossed *runs, const mixent_bootstrap_options *options) {
  if (runs->seeds < 2 || runs->seeds > MOST_SEEDS)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu seeds: the crossed bootstrap takes 2 to %d", runs->seeds,
                       MOST_SEEDS);
  if (runs->images < 2 || runs->images > MOST_IMAGES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu images: the crossed bootstrap takes 2 to %d", runs->images,
                       MOST_IMAGES);
  if (options->replicates < FEWEST_REPLICATES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "%zu replicates: at least %d are needed for an interval",
                       options->replicates, FEWEST_REPLICATES);
  MIXENT_TRY(mixent_share_check("confidence", options->confidence));
  MIXENT_TRY(mixent_right_check("first method", runs->right_a, runs->seeds * runs->images));
  return mixent_right_check("second method", runs->right_b, runs->seeds * runs->images);
}

static mixent_status resample(resampling *work, int8_t *differences, const mixent_crossed *runs,
                              double confidence, mixent_bootstrap *out) {
  for (size_t i = 0; i < runs->seeds * runs->images; i++)
    differences[i] = (int8_t)(runs->right_a[i] - runs->right_b[i]);
  variance variance;
  MIXENT_TRY(analyse(work, &variance));
  mixent_parallel_for(work->replicates, grain_of(work), replicate_range, work);
  qsort(work->replicated, work->replicates, sizeof *work->replicated, compare_doubles);
  describe(work, &variance, confidence, out);
  return MIXENT_OK;
}

mixent_status mixent_bootstrap_crossed(const mixent_crossed *runs, const mixent_bootstrap_options *options,
                                       mixent_bootstrap *out) {
  MIXENT_TRY(check(runs, options));
  size_t threads = (size_t)mixent_threads();
  int8_t *differences = NULL;
  resampling work = {.seeds = runs->seeds,
                     .images = runs->images,
                     .replicates = options->replicates,
                     .random_seeds = mixent_random_stream(options->seed, "bootstrap", "seeds"),
                     .random_images = mixent_random_stream(options->seed, "bootstrap", "images")};
  mixent_status status = MIXENT_ALLOCATE(runs->seeds * runs->images, &differences);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(threads * runs->images, &work.room);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(threads * runs->seeds, &work.drawn);
  if (status == MIXENT_OK) status = MIXENT_ALLOCATE(options->replicates, &work.replicated);
  work.differences = differences;
  if (status == MIXENT_OK) status = resample(&work, differences, runs, options->confidence, out);
  free(differences);
  free(work.room);
  free(work.drawn);
  free(work.replicated);
  return status;
}
