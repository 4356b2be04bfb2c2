/* Progressive image sizes: the first epochs train on images of another side, smaller and so cheaper, with the same weights (fast.ai;
 * Tan and Le 2021, arXiv 2104.00298). Scores, batch statistics and the model are always those of the whole images. */
#ifndef MIXENT_TRAIN_RESIZED_H
#define MIXENT_TRAIN_RESIZED_H

#include "train/trainer.h"

typedef struct mixent_resized {
  mixent_graph *graph;
  mixent_replicas *replicas; /* those of both sizes that are not in use: the trainer has the others */
  mixent_images images;
  mixent_augmentation augmentation; /* what is said in pixels, in those of the other size */
  bool active;
} mixent_resized;

/* Images, network and augmentation of the recipe's progressive.side; sharing the trainer's weights. Errors: rows of features, weights
 * whose number depends on the images' side. */
mixent_status mixent_resized_make(mixent_trainer *trainer, mixent_resized **out);
void mixent_resized_free(mixent_resized *resized);

/* Puts the other size's network, images and augmentation into the trainer, or takes them out; does nothing where there are none. */
void mixent_resized_use(mixent_trainer *trainer, bool active);

/* out [to, to, channels]: each pixel the mean of what it covers of in [side, side, channels]. */
void mixent_image_resize(int side, int channels, const uint8_t *in, int to, uint8_t *out);

#endif
