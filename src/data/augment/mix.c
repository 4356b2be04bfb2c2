/* Drawing mixes, and mixing the rows of a batch pair by pair. */
#include "data/augment/mix.h"
#include "core/random.h"
#include "core/threads.h"

#include <math.h>

enum { GRAIN = 4, BLOCKS = 64 }; /* pairs a task; blocks of random words an image */

/* Beta(alpha, alpha) by Jöhnk's method: of U^(1/alpha) and V^(1/alpha), drawn until their sum is at most 1, the share of the first.
 * In logarithms, since a small alpha makes both powers underflow. A pair is accepted with probability 1/2 for alpha 1, 1/6 for 2;
 * from the last block on all are. */
static double draw_beta(const mixent_random *random, uint64_t epoch, uint64_t first, double alpha) {
  double log_x, log_y;
  for (uint64_t block = 0;; block++) {
    uint32_t word[4];
    mixent_random_block(random, epoch, first + block, word);
    log_x = log1p(-mixent_uniform_double(word[0], word[1])) / alpha; /* of a number in (0, 1] */
    log_y = log1p(-mixent_uniform_double(word[2], word[3])) / alpha;
    if (exp(log_x) + exp(log_y) <= 1 || block == BLOCKS - 2) break;
  }
  return 1 / (1 + exp(log_y - log_x));
}

/* A square of (1 - share) of the area about a point anywhere, cut off at the image's edges; the share is then that of the pixels. */
static void draw_box(const uint32_t word[2], int side, mixent_mix *mix) {
  int cut = (int)(side * sqrt(1 - mix->share));
  int x = (int)((uint64_t)word[0] * (uint64_t)side >> 32),
      y = (int)((uint64_t)word[1] * (uint64_t)side >> 32);
  int right = x + cut / 2 < side ? x + cut / 2 : side, bottom = y + cut / 2 < side ? y + cut / 2 : side;
  mix->left = x - cut / 2 > 0 ? x - cut / 2 : 0, mix->top = y - cut / 2 > 0 ? y - cut / 2 : 0;
  mix->width = right - mix->left, mix->height = bottom - mix->top;
  mix->share = 1 - (double)(mix->width * mix->height) / ((double)side * side);
}

mixent_mix mixent_mix_draw(const mixent_mixing *mixing, int side, uint64_t seed, uint64_t epoch,
                           uint64_t index) {
  const mixent_random random = mixent_random_stream(seed, "mix", "");
  mixent_mix mix = {.share = 1};
  uint32_t word[4];
  mixent_random_block(&random, epoch, index * BLOCKS, word);
  if (!mixent_mixing_is_on(mixing) || !(word[0] * 0x1p-32 < mixing->probability)) return mix;
  bool cut = mixing->cutmix > 0 && (mixing->mixup == 0 || word[1] >> 31);
  mix.share = draw_beta(&random, epoch, index * BLOCKS + 1, cut ? mixing->cutmix : mixing->mixup);
  if (cut) draw_box(word + 2, side, &mix);
  return mix;
}

typedef struct job {
  const mixent_mixing *mixing;
  const mixent_mix_batch *batch;
  uint64_t seed, epoch;
} job;

/* a and b become share a + (1 - share) b and the like with b's own share. */
static void blend(float *a, float *b, size_t count, double share_a, double share_b) {
  float own_a = (float)share_a, own_b = (float)share_b;
  for (size_t i = 0; i < count; i++) {
    float was_a = a[i], was_b = b[i];
    a[i] = own_a * was_a + (1 - own_a) * was_b;
    b[i] = own_b * was_b + (1 - own_b) * was_a;
  }
}

static bool is_inside(const mixent_mix *mix, int x, int y) {
  return x >= mix->left && x < mix->left + mix->width && y >= mix->top && y < mix->top + mix->height;
}

/* The share of the row itself in the pixel (x, y). */
static double share_at(const mixent_mix *mix, int x, int y) {
  if (!mix->width || !mix->height) return mix->share;
  return is_inside(mix, x, y) ? 0 : 1;
}

static void mix_pair(void *context, size_t begin, size_t end) {
  const job *job = context;
  const mixent_mix_batch *batch = job->batch;
  size_t channels = (size_t)batch->channels, size = (size_t)batch->side * (size_t)batch->side * channels;
  for (size_t i = begin; i < end; i++) {
    size_t partner = batch->rows - 1 - i;
    mixent_mix a = mixent_mix_draw(job->mixing, batch->side, job->seed, job->epoch, batch->indices[i]);
    mixent_mix b = mixent_mix_draw(job->mixing, batch->side, job->seed, job->epoch, batch->indices[partner]);
    float *row_a = batch->input + i * size, *row_b = batch->input + partner * size;
    for (int y = 0; y < batch->side; y++)
      for (int x = 0; x < batch->side; x++, row_a += channels, row_b += channels)
        blend(row_a, row_b, channels, share_at(&a, x, y), share_at(&b, x, y));
    blend(batch->targets + i * batch->classes, batch->targets + partner * batch->classes, batch->classes,
          a.share, b.share);
  }
}

void mixent_mix_rows(const mixent_mixing *mixing, const mixent_mix_batch *batch, uint64_t seed,
                     uint64_t epoch) {
  job job = {mixing, batch, seed, epoch};
  mixent_parallel_for(batch->rows / 2, GRAIN, mix_pair, &job);
}
