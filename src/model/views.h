/* Predictions averaged over several views of each image (test-time augmentation). */
#ifndef MIXENT_MODEL_VIEWS_H
#define MIXENT_MODEL_VIEWS_H

#include "mixent/data.h"
#include "mixent/net.h"

/* Room for a batch's average. */
typedef struct mixent_views {
  int count; /* 1: the image alone */
  size_t batch, classes;
  double *sums;       /* [batch, classes] of probabilities; NULL with one view */
  float *logits;      /* [batch, classes]; NULL where the network's own are given out */
  double temperature; /* what is given out is divided by it; 1: as it is */
} mixent_views;

/* `count` from 1 to MIXENT_MOST_VIEWS; `batch` is the network's; `temperature` above 0. To be freed whatever it returns. */
mixent_status mixent_views_create(int count, size_t batch, size_t classes, double temperature,
                                  mixent_views *out);
void mixent_views_free(mixent_views *views);

/* Runs the network over the views of `batch` images. *logits: with one view the network's own; with several
 * logarithms of the mean of the views' probabilities, whose softmax is that mean. A temperature divides either. */
mixent_status mixent_views_forward(mixent_views *views, mixent_net *net, const mixent_images *images,
                                   const uint32_t *indices, const float *mean, const float *deviation,
                                   const float **logits);

#endif
