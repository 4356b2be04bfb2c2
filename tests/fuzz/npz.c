/* Fuzzing the readers of NumPy's files: the bytes as an archive, and as an array. */
#include "data/formats/npz.h"
#include "data/formats/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_part(const mixent_images *images, bool impute) {
  size_t values = images->count * (size_t)(images->side * images->side * images->channels);
  for (size_t i = 0; i < values && images->features; i++)
    if (!isfinite(images->features[i]) && !(impute && isnan(images->features[i]))) abort();
  volatile uint8_t last = images->pixels && values ? images->pixels[values - 1] : 0;
  (void)last;
  for (size_t i = 0; i < images->count; i++)
    if (images->labels[i] < 0 || images->labels[i] >= MIXENT_MOST_LABELS) abort();
}

static void read_archive(const uint8_t *data, size_t size) {
  mixent_format_set set = {0};
  const mixent_dataset_options options = {.table = {.missing = size & 1 ? MIXENT_MISSING_IMPUTE : 0}};
  if (mixent_npz_parse("fuzz", data, size, &options, &set) == MIXENT_OK) {
    check_part(&set.train, size & 1);
    check_part(&set.test, size & 1);
  } else if (strncmp(mixent_last_error(), "fuzz", 4) != 0) {
    abort();
  }
  mixent_format_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_npy array;
  read_archive(data, size);
  if (mixent_npy_parse("fuzz", data, size, &array) != MIXENT_OK) {
    if (strncmp(mixent_last_error(), "fuzz: ", 6) != 0) abort();
    return 0;
  }
  if (array.extent[0] == 0) return 0;
  if (mixent_npy_is_text(&array)) {
    char *text = NULL;
    if (array.row == 1 && mixent_npy_text(&array, array.extent[0] - 1, &text) != MIXENT_OK) abort();
    free(text);
    return 0;
  }
  double *row = malloc((array.row + 1) * sizeof *row);
  for (size_t i = 0; row && i < array.extent[0] && i < 4; i++) mixent_npy_row(&array, i, row);
  free(row);
  return 0;
}
