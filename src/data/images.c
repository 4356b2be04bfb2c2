/* Images in memory, without a data set. */
#include "mixent/data.h"

#include <stdlib.h>

void mixent_images_free(mixent_images *images) {
  if (!images) return;
  free(images->pixels);
  free(images->features);
  free(images->labels);
  *images = (mixent_images){0};
}
