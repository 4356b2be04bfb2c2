/* Random crops and mirror images, as torchvision draws them: RandomResizedCrop, RandomCrop with padding,
 * RandomHorizontalFlip. */
#ifndef MIXENT_DATA_AUGMENT_CROP_H
#define MIXENT_DATA_AUGMENT_CROP_H

#include "mixent/data.h"

enum { MIXENT_CROP_TRIES = 10 };

/* Which part of the image is taken, how it is moved and whether it is mirrored, for (seed, epoch, index). */
void mixent_crop_draw(const mixent_augmentation *augmentation, int side, uint64_t seed, uint64_t epoch,
                      uint64_t index, mixent_transform *transform);

/* Whether a part of the image becomes the whole; whether its place changes. */
static inline bool mixent_box_is_used(const mixent_transform *transform) {
  return transform->box_width > 0;
}
static inline bool mixent_move_is_used(const mixent_transform *transform) {
  return transform->move_x != 0 || transform->move_y != 0;
}

/* in and out: [side, side, channels], apart from one another. */
void mixent_box_apply(const mixent_transform *transform, int side, int channels, const uint8_t *in,
                      uint8_t *out);
void mixent_move_apply(const mixent_transform *transform, int side, int channels, const uint8_t *in,
                       uint8_t *out);
void mixent_flip_apply(int side, int channels, const uint8_t *in, uint8_t *out);

#endif
