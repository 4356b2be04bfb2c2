/* Fuzzing the reader of CIFAR's binary form: what is accepted is all there, what is refused leaves nothing. */
#include "data/formats/cifar.h"
#include "core/status.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t label_bytes = 1; label_bytes <= 2; label_bytes++) {
    mixent_images images = {0};
    if (mixent_cifar_parse("fuzz", data, size, label_bytes, &images) == MIXENT_OK) {
      if (images.count * (label_bytes + 3072) != size) abort();
      for (size_t i = 0; i < images.count; i++)
        if (images.labels[i] < 0 || images.labels[i] > 99) abort();
      volatile uint8_t last = images.pixels[images.count * 3072 - 1];
      (void)last;
    } else if (images.count || strncmp(mixent_last_error(), "fuzz: ", 6) != 0) {
      abort();
    }
    free(images.pixels);
    free(images.labels);
  }
  return 0;
}
