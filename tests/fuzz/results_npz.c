/* Fuzzing the reader of a run in .npz: the bytes as an archive, and as an array of any kind. */
#include "data/formats/npy.h"
#include "lab/results/rows.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_archive(const uint8_t *data, size_t size) {
  const mixent_results_layout layout = {.best = NULL};
  mixent_results results = {0};
  if (mixent_results_parse_npz("fuzz", data, size, &layout, &results) == MIXENT_OK) {
    if (mixent_results_finish(&results) == MIXENT_OK && results.keys.count != 1) abort();
  } else if (strncmp(mixent_last_error(), "fuzz", 4) != 0) {
    abort();
  }
  mixent_results_free(&results);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_npy array;
  read_archive(data, size);
  if (mixent_npy_any("fuzz", data, size, size, &array) != MIXENT_OK) {
    if (strncmp(mixent_last_error(), "fuzz: ", 6) != 0) abort();
    return 0;
  }
  for (size_t i = 0; array.kind == 'U' && i < array.extent[0] * array.row && i < 4; i++) {
    char *text = NULL;
    if (mixent_npy_text(&array, i, &text) == MIXENT_OK && strlen(text) > (size_t)array.bytes) abort();
    free(text);
  }
  return 0;
}
