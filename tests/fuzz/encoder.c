/* Fuzzing the reader of a checkpoint's encoder of tables: what is accepted encodes any cell finitely and is written as it was read. */
#include "data/encoder.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row of gaps, one of last categories or numbers, and one of what training did not see. */
static void encode_rows(const mixent_encoder *encoder) {
  enum { ROWS = 3 };
  mixent_images images = {.count = ROWS, .side = 1, .channels = (int)encoder->count};
  if (MIXENT_ALLOCATE(ROWS * encoder->count, &images.features) != MIXENT_OK) exit(0);
  for (size_t c = 0; c < encoder->count; c++) {
    const mixent_encoder_column *column = &encoder->columns[c];
    images.features[c] = NAN;
    images.features[encoder->count + c] = column->category ? (float)(column->word_count - 1) : -5;
    images.features[2 * encoder->count + c] = column->category ? -1 : 1e38F;
  }
  if (mixent_encoder_apply(encoder, "fuzz", &images) != MIXENT_OK) abort();
  for (size_t i = 0; i < ROWS * (size_t)images.channels; i++)
    if (!isfinite(images.features[i])) abort();
  mixent_images_free(&images);
}

static void name_features(const mixent_encoder *encoder) {
  int width;
  char **names;
  if (mixent_encoder_width(encoder, "fuzz", &width) != MIXENT_OK) abort();
  if (mixent_encoder_names(encoder, width, &names) != MIXENT_OK) abort();
  for (int k = 0; k < width; k++) {
    if (!names[k]) abort();
    free(names[k]);
  }
  free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixent_encoder *encoder, *again;
  char *text = malloc(size + 1), *first, *second;
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = 0;
  if (mixent_encoder_read(text, "fuzz", &encoder) != MIXENT_OK) {
    if (strncmp(mixent_last_error(), "fuzz", 4) != 0) abort();
    free(text);
    return 0;
  }
  encode_rows(encoder);
  name_features(encoder);
  if (mixent_encoder_write(encoder, &first) != MIXENT_OK) abort();
  if (mixent_encoder_read(first, "fuzz", &again) != MIXENT_OK) abort();
  if (mixent_encoder_write(again, &second) != MIXENT_OK || strcmp(first, second) != 0) abort();
  free(first);
  free(second);
  mixent_encoder_free(encoder);
  mixent_encoder_free(again);
  free(text);
  return 0;
}
