/* Random erasing (Zhong et al. 2017, arXiv 1708.04896): a rectangle of the image becomes background. */
#ifndef MIXENT_DATA_AUGMENT_ERASE_H
#define MIXENT_DATA_AUGMENT_ERASE_H

#include "mixent/data.h"

enum { MIXENT_ERASE_TRIES = 10 };
#define MIXENT_ERASE_LEAST 0.02 /* part of the image */

/* With probability augmentation->erase a rectangle, as torchvision's RandomErasing.get_params draws it. */
void mixent_erase_draw(const mixent_augmentation *augmentation, int side, uint64_t seed, uint64_t epoch,
                       uint64_t index, mixent_transform *transform);
/* image: [side, side, channels] */
void mixent_erase_apply(const mixent_transform *transform, int side, int channels, uint8_t *image);

#endif
