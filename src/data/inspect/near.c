/* Near duplicates. An image becomes a signature: scaled down to CELLS x CELLS means per channel, its mean taken off, divided by its norm. The product
 * of two signatures is the correlation of the images. Pairs to be compared come from hashing: each of TABLES keys has BITS signs of
 * projections onto random directions, and images with a key in common are compared. A pair with correlation 0.99 differs in a
 * sign with probability arccos(0.99) / pi = 0.045, so it shares one key of 16 signs with probability 0.48, and at least one of 12 keys with
 * 0.9996. An image of one colour has no correlation. */
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "data/inspect/inspect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  CELLS = 12,
  TABLES = 12,
  BITS = 16,
  GRAIN = 64,
  MOST_BESIDE =
      64 /* images with one key that each is compared with, so that many alike cost no square of their number */
};

typedef struct search {
  const mixent_dataset *dataset;
  size_t count, length; /* length: of a signature */
  float *signatures;    /* [count, length]; zeros of a constant image */
  float *directions;    /* [TABLES * BITS, length] */
  float *middle;        /* [TABLES * BITS]: projections of the mean signature, so that signs are even */
  uint16_t *keys;       /* [TABLES, count] */
  uint32_t *order;      /* [count]: images by their key */
} search;

/* Sum of the pixels [x0, x1) x [y0, y1) of a channel over their number. */
static float mean_of_cell(const mixent_images *images, const uint8_t *pixels, int channel, const int x[2],
                          const int y[2]) {
  long sum = 0;
  for (int row = y[0]; row < y[1]; row++)
    for (int column = x[0]; column < x[1]; column++)
      sum += pixels[(row * images->side + column) * images->channels + channel];
  return (float)sum / (float)((x[1] - x[0]) * (y[1] - y[0]));
}

static void sign_image(const mixent_images *images, size_t index, int cells, float *out) {
  int side = images->side, at = 0;
  const uint8_t *pixels = images->pixels + index * (size_t)side * (size_t)side * (size_t)images->channels;
  double sum = 0, sums[3] = {0}, squares = 0, within = 0; /* within: the channels, 0 of one colour */
  for (int row = 0; row < cells; row++)
    for (int column = 0; column < cells; column++)
      for (int channel = 0; channel < images->channels; channel++) {
        const int x[2] = {column * side / cells, (column + 1) * side / cells};
        const int y[2] = {row * side / cells, (row + 1) * side / cells};
        out[at++] = mean_of_cell(images, pixels, channel, x, y);
      }
  for (int k = 0; k < at; k++) sum += (double)out[k], sums[k % images->channels] += (double)out[k];
  for (int k = 0; k < at; k++) {
    double own = (double)out[k] - sums[k % images->channels] / (cells * cells);
    within += own * own;
    out[k] -= (float)(sum / at), squares += (double)out[k] * (double)out[k];
  }
  for (int k = 0; k < at; k++) out[k] = within > 1e-6 ? out[k] / (float)sqrt(squares) : 0;
}

static int cells_of(const mixent_dataset *dataset) {
  return dataset->train.side < CELLS ? dataset->train.side : CELLS;
}

static void sign_range(void *context, size_t begin, size_t end) {
  const search *search = context;
  for (size_t i = begin; i < end; i++) {
    size_t index;
    const mixent_images *images = mixent_inspection_find(search->dataset, i, &index);
    sign_image(images, index, cells_of(search->dataset), search->signatures + i * search->length);
  }
}

static float product(const float *a, const float *b, size_t length) {
  float sums[8] = {0}, sum = 0;
  size_t k = 0;
  for (; k + 8 <= length; k += 8)
    for (size_t j = 0; j < 8; j++) sums[j] += a[k + j] * b[k + j];
  for (; k < length; k++) sum += a[k] * b[k];
  for (size_t j = 0; j < 8; j++) sum += sums[j];
  return sum;
}

/* Random directions of plus and minus one. */
static void draw_directions(const search *search) {
  const mixent_random random = mixent_random_stream(0, "near", "");
  for (size_t d = 0; d < (size_t)TABLES * BITS; d++)
    for (size_t k = 0; k < search->length; k++) {
      uint32_t words[4];
      mixent_random_block(&random, d, k, words);
      search->directions[d * search->length + k] = words[0] & 1 ? 1 : -1;
    }
}

static void find_middle(const search *search, float *mean) {
  for (size_t i = 0; i < search->count; i++)
    for (size_t k = 0; k < search->length; k++)
      mean[k] += search->signatures[i * search->length + k] / (float)search->count;
  for (size_t d = 0; d < (size_t)TABLES * BITS; d++)
    search->middle[d] = product(mean, search->directions + d * search->length, search->length);
}

static void hash_range(void *context, size_t begin, size_t end) {
  const search *search = context;
  for (size_t i = begin; i < end; i++)
    for (size_t table = 0; table < TABLES; table++) {
      unsigned key = 0;
      for (size_t bit = 0; bit < BITS; bit++) {
        size_t d = table * BITS + bit;
        float projection = product(search->signatures + i * search->length,
                                   search->directions + d * search->length, search->length);
        key = key << 1 | (projection > search->middle[d]);
      }
      search->keys[table * search->count + i] = (uint16_t)key;
    }
}

/* order: images by key, then by number. Returns where each key begins in `starts` [65537]. */
static void sort_by_key(const search *search, const uint16_t *keys, size_t *starts) {
  memset(starts, 0, ((1u << BITS) + 1) * sizeof *starts);
  for (size_t i = 0; i < search->count; i++) starts[keys[i] + 1]++;
  for (size_t key = 0; key < 1u << BITS; key++) starts[key + 1] += starts[key];
  for (size_t i = 0; i < search->count; i++) search->order[starts[keys[i]]++] = (uint32_t)i;
  memmove(starts + 1, starts, (1u << BITS) * sizeof *starts);
  starts[0] = 0;
}

/* Images begin to end - 1 of the order, which have one key. */
static mixent_status compare_key(const search *search, size_t begin, size_t end, double near,
                                 mixent_inspection *out) {
  const mixent_dataset *dataset = search->dataset;
  for (size_t i = begin; i < end; i++)
    for (size_t j = i + 1; j < end && j <= i + MOST_BESIDE; j++) {
      size_t a = search->order[i], b = search->order[j];
      float correlation = product(search->signatures + a * search->length,
                                  search->signatures + b * search->length, search->length);
      if (!((double)correlation >= near)) continue; /* of a constant image 0 */
      MIXENT_TRY(MIXENT_GROW(&out->near, out->near_count, "a list of near duplicates"));
      out->near[out->near_count++] = (mixent_near_pair){
          .a = a,
          .b = b,
          .correlation = correlation < 1 ? correlation : 1,
          .across = a < dataset->train.count && b >= dataset->train.count,
          .conflict = mixent_inspection_label(dataset, a) != mixent_inspection_label(dataset, b)};
    }
  return MIXENT_OK;
}

static int compare_numbers(const void *left, const void *right) {
  const mixent_near_pair *x = left, *y = right;
  if (x->a != y->a) return x->a < y->a ? -1 : 1;
  return (x->b > y->b) - (x->b < y->b);
}

static int compare_pairs(const void *left, const void *right) {
  const mixent_near_pair *x = left, *y = right;
  if (x->conflict != y->conflict) return x->conflict ? -1 : 1;
  if (x->across != y->across) return x->across ? -1 : 1;
  if (x->correlation != y->correlation) return x->correlation > y->correlation ? -1 : 1;
  return compare_numbers(left, right);
}

/* Each pair once, and none of images that are equal byte for byte. */
static void leave_once(const mixent_dataset *dataset, mixent_inspection *out) {
  size_t kept = 0;
  if (out->near_count) qsort(out->near, out->near_count, sizeof *out->near, compare_numbers);
  for (size_t i = 0; i < out->near_count; i++) {
    const mixent_near_pair *pair = &out->near[i];
    if (kept && compare_numbers(pair, &out->near[kept - 1]) == 0) continue;
    if (!mixent_inspection_equal(dataset, pair->a, pair->b)) out->near[kept++] = *pair;
  }
  out->near_count = kept;
}

static mixent_status compare_tables(const search *search, double near, mixent_inspection *out) {
  size_t *starts;
  mixent_status status = MIXENT_OK;
  MIXENT_TRY(MIXENT_ALLOCATE((1u << BITS) + 1, &starts));
  for (size_t table = 0; table < TABLES && status == MIXENT_OK; table++) {
    sort_by_key(search, search->keys + table * search->count, starts);
    for (size_t key = 0; key < 1u << BITS && status == MIXENT_OK; key++)
      status = compare_key(search, starts[key], starts[key + 1], near, out);
    leave_once(search->dataset, out);
  }
  free(starts);
  if (out->near_count) qsort(out->near, out->near_count, sizeof *out->near, compare_pairs);
  return status;
}

static mixent_status run(search *search, double near, mixent_inspection *out) {
  size_t directions = (size_t)TABLES * BITS;
  float *mean;
  MIXENT_TRY(MIXENT_ALLOCATE(search->count * search->length, &search->signatures));
  MIXENT_TRY(MIXENT_ALLOCATE(directions * search->length, &search->directions));
  MIXENT_TRY(MIXENT_ALLOCATE(directions, &search->middle));
  MIXENT_TRY(MIXENT_ALLOCATE(TABLES * search->count, &search->keys));
  MIXENT_TRY(MIXENT_ALLOCATE(search->count, &search->order));
  MIXENT_TRY(MIXENT_ALLOCATE(search->length, &mean));
  mixent_parallel_for(search->count, GRAIN, sign_range, search);
  draw_directions(search);
  find_middle(search, mean);
  free(mean);
  mixent_parallel_for(search->count, GRAIN, hash_range, search);
  return compare_tables(search, near, out);
}

mixent_status mixent_near_find(const mixent_dataset *dataset, double near, mixent_inspection *out) {
  size_t cells = (size_t)cells_of(dataset);
  search search = {.dataset = dataset,
                   .count = dataset->train.count + dataset->test.count,
                   .length = cells * cells * (size_t)dataset->train.channels};
  mixent_status status = search.count ? run(&search, near, out) : MIXENT_OK;
  free(search.signatures);
  free(search.directions);
  free(search.middle);
  free(search.keys);
  free(search.order);
  return status;
}
