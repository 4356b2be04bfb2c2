/* Images in memory, without a data set. */
#include "data/mapping.h"

#include <stdlib.h>

void mixent_images_free(mixent_images *images) {
  if (!images) return;
  if (images->mapping)
    mixent_mapping_free(images->mapping);
  else
    free(images->pixels);
  free(images->features);
  free(images->labels);
  *images = (mixent_images){0};
}
