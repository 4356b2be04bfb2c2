/* Images in memory or mapped, without a data set; files that could not be read. */
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
  for (size_t i = 0; images->files && i < images->count; i++) free(images->files[i]);
  free(images->files);
  *images = (mixent_images){0};
}

void mixent_broken_files_free(mixent_broken_files *broken) {
  if (!broken) return;
  for (size_t i = 0; i < broken->count; i++) free(broken->paths[i]), free(broken->reasons[i]);
  free(broken->paths);
  free(broken->reasons);
  *broken = (mixent_broken_files){0};
}
