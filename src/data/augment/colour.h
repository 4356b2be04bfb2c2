/* Random changes of brightness, contrast, saturation and hue, as torchvision's ColorJitter makes them on PIL images. */
#ifndef MIXENT_DATA_AUGMENT_COLOUR_H
#define MIXENT_DATA_AUGMENT_COLOUR_H

#include "mixent/data.h"

/* Factors and the order of the changes, for (seed, epoch, index). */
void mixent_colour_draw(const mixent_augmentation *augmentation, uint64_t seed, uint64_t epoch,
                        uint64_t index, mixent_transform *transform);
/* image: [side, side, channels]. Saturation and hue leave grey images as they are. */
void mixent_colour_apply(const mixent_transform *transform, int side, int channels, uint8_t *image);

#endif
