/* Fuzzing the reader of tables in CSV: what is accepted is whole and finite, what is refused says where. */
#include "data/formats/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Twice, so that the second table is held against the first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_table_columns columns = {0};
  mixent_class_names words = {0};
  bool right = true;
  for (int table = 0; table < 2 && right; table++) {
    mixent_images images = {0};
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    right = mixent_table_parse("fuzz", text, size, &columns, &words, &images) == MIXENT_OK;
    if (right) {
      for (size_t i = 0; i < images.count * (size_t)images.channels; i++)
        if (!isfinite(images.features[i])) abort();
      for (size_t i = 0; i < images.count; i++)
        if (images.labels[i] < 0 || images.labels[i] >= words.count) abort();
    } else if (strncmp(mixent_last_error(), "fuzz:", 5) != 0) {
      abort();
    }
    free(text);
    mixent_images_free(&images);
  }
  mixent_table_columns_free(&columns);
  mixent_class_names_free(&words);
  return 0;
}
