/* Classes of unequal size: weights for their images, and epochs in which each class comes equally often. */
#ifndef MIXENT_DATA_BALANCE_H
#define MIXENT_DATA_BALANCE_H

#include "mixent/data.h"

/* How much a class counts: not by its size, inversely to its number of images n_k, or to their effective number
 * (1 - beta^n_k) / (1 - beta) (Cui et al. 2019, arXiv 1901.05555). */
typedef enum mixent_class_weighting {
  MIXENT_WEIGHTS_NONE,
  MIXENT_WEIGHTS_BALANCED,
  MIXENT_WEIGHTS_EFFECTIVE
} mixent_class_weighting;
extern const char *const mixent_class_weighting_names[]; /* "none", "balanced", "effective", NULL */
/* out [classes]: weights whose mean over the chosen images is 1, 0 for a class without images. Balanced weights are
 * n / (K n_k) of n images in K classes with images, as scikit-learn's. */
mixent_status mixent_class_weights(const mixent_images *images, const uint32_t *indices, size_t count,
                                   int classes, mixent_class_weighting weighting, double beta, double *out);

/* The chosen images by class, from which epochs are drawn that have each class equally often. */
typedef struct mixent_balance {
  size_t count;       /* images chosen */
  size_t classes;     /* with images */
  size_t *starts;     /* [classes + 1]: where each class begins in `places` */
  uint32_t *places;   /* [count]: of the images in `indices`, class by class */
  uint32_t *shuffled; /* [count]: room for a draw */
} mixent_balance;
mixent_status mixent_balance_make(const mixent_images *images, const uint32_t *indices, size_t count,
                                  int classes, mixent_balance *out);
void mixent_balance_free(mixent_balance *balance);
/* order [count]: places in `indices` for that epoch. The classes take turns, in a new order in each round. So each has as many in the epoch
 * as any other, or one more, and in any part of it two more at most. Within a class each image comes once before any comes twice. */
void mixent_balance_draw(const mixent_balance *balance, uint64_t seed, uint64_t epoch, uint32_t *order);

#endif
