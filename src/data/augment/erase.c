/* Random erasing: which rectangle, and erasing it. */
#include "data/augment/erase.h"
#include "core/random.h"

#include <math.h>
#include <string.h>

/* A rectangle of a part of the area uniform in [0.02, largest], its ratio of height to width log-uniform in [0.3, 1/0.3]. One
 * that is as large as the image along an axis is drawn again; after ten tries nothing is erased. */
void mixent_erase_draw(const mixent_augmentation *augmentation, int side, uint64_t seed, uint64_t epoch,
                       uint64_t index, mixent_transform *transform) {
  const double log_ratio = log(1 / 0.3);
  const mixent_random random = mixent_random_stream(seed, "erase", "");
  uint32_t word[4];
  mixent_random_block(&random, epoch, index * (MIXENT_ERASE_TRIES + 1), word);
  if (!(word[0] * 0x1p-32 < augmentation->erase)) return;
  for (uint64_t try = 1; try <= MIXENT_ERASE_TRIES; try++) {
    mixent_random_block(&random, epoch, index * (MIXENT_ERASE_TRIES + 1) + try, word);
    double part = MIXENT_ERASE_LEAST + (augmentation->erase_area - MIXENT_ERASE_LEAST) * (word[0] * 0x1p-32);
    double area = part * side * side, ratio = exp(log_ratio * (2 * (word[1] * 0x1p-32) - 1));
    int height = (int)lrint(sqrt(area * ratio)), width = (int)lrint(sqrt(area / ratio));
    if (height >= side || width >= side) continue;
    transform->erase_height = height, transform->erase_width = width;
    transform->erase_top = mixent_uniform_below(word[2], side - height + 1);
    transform->erase_left = mixent_uniform_below(word[3], side - width + 1);
    return;
  }
}

void mixent_erase_apply(const mixent_transform *transform, int side, int channels, uint8_t *image) {
  for (int row = transform->erase_top; row < transform->erase_top + transform->erase_height; row++)
    memset(image + ((size_t)row * (size_t)side + (size_t)transform->erase_left) * (size_t)channels, 0,
           (size_t)transform->erase_width * (size_t)channels);
}
