/* A first convolution that whitens (airbench; Coates and Ng 2012): its filters are the eigenvectors of the covariance of image
 * patches, each over the root of its eigenvalue, so that their responses are uncorrelated and of one size. */
#ifndef MIXENT_TRAIN_WHITENING_H
#define MIXENT_TRAIN_WHITENING_H

#include "mixent/data.h"
#include "net/graph/graph.h"

/* The images that patches come from, and how they become the network's input. */
typedef struct mixent_patch_source {
  const mixent_images *images;
  const uint32_t *indices; /* [count] */
  size_t count;
  const float *mean, *deviation; /* [channels] */
} mixent_patch_source;

/* How many numbers, from the first on, of the parameter *index the filters take: of a patch of n numbers 2n filters, each eigenvector
 * and its negative, or as many as the convolution has. Errors: no convolution of a kernel of at most 7 reads the input alone. */
mixent_status mixent_whitening_find(const mixent_graph *graph, int *index, size_t *count);

/* Writes them, those of the largest eigenvalues first, from the patches of at most 5000 of the images. */
mixent_status mixent_whitening_fill(const mixent_graph *graph, const mixent_patch_source *source,
                                    float *parameters);

#endif
