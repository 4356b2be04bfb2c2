/* Mixed images: mixup (Zhang et al. 2018, arXiv 1710.09412) and CutMix (Yun et al. 2019, arXiv 1905.04899). Row i of a batch takes
 * a part of row rows-1-i, its partner; its target is the same mixture of the two targets. An odd batch's middle row stays. */
#ifndef MIXENT_DATA_AUGMENT_MIX_H
#define MIXENT_DATA_AUGMENT_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mixent_mixing {
  double mixup,
      cutmix; /* alpha of Beta(alpha, alpha), from which a share is drawn; 0: not used. Both: each for half the rows */
  double probability; /* of a row to be mixed */
} mixent_mixing;

static inline bool mixent_mixing_is_on(const mixent_mixing *mixing) {
  return (mixing->mixup > 0 || mixing->cutmix > 0) && mixing->probability > 0;
}

/* What one row gets. */
typedef struct mixent_mix {
  double share;                 /* of the row itself in its target, 0 to 1; the partner has the rest */
  int left, top, width, height; /* CutMix: the pixels that are the partner's; width 0 and share < 1: mixup */
} mixent_mix;

/* Drawn for the image `index`, of `side` pixels. */
mixent_mix mixent_mix_draw(const mixent_mixing *mixing, int side, uint64_t seed, uint64_t epoch,
                           uint64_t index);

/* The rows of a batch, as the network takes them. */
typedef struct mixent_mix_batch {
  size_t rows, classes;
  int side, channels;
  const uint32_t *indices; /* [rows]: of the images, by which the mixes are drawn */
  float *input;            /* [rows, side, side, channels] */
  float *targets;          /* [rows, classes] */
} mixent_mix_batch;

/* Mixes input and targets in place. Runs over the step's threads; what it writes does not depend on their number. */
void mixent_mix_rows(const mixent_mixing *mixing, const mixent_mix_batch *batch, uint64_t seed,
                     uint64_t epoch);

#endif
