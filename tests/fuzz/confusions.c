/* Fuzzing the reader of a matrix of confusions: what is accepted has counts, and labels that it changes stay labels. */
#include "data/noise/noise.h"
#include "fuzz/text.h"

#include <math.h>

enum { CLASSES = 3, LABELS = 30 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char *names[] = {"a", "b", "=c"};
  const mixent_dataset dataset = {.name = "three", .classes = CLASSES, .class_names = names};
  char *text = text_of(data, size);
  double *matrix;
  if (text && mixent_confusions_parse("fuzz", text, size, &dataset, &matrix) == MIXENT_OK) {
    int32_t labels[LABELS];
    for (int i = 0; i < CLASSES * CLASSES; i++)
      if (!isfinite(matrix[i]) || matrix[i] < 0) abort();
    for (int i = 0; i < LABELS; i++) labels[i] = i % CLASSES;
    const mixent_noise noise = {
        .kind = MIXENT_NOISE_CONFUSABLE, .fraction = 1, .seed = 1, .confusions = matrix};
    mixent_noise_apply(&noise, labels, LABELS, CLASSES);
    for (int i = 0; i < LABELS; i++) {
      if (labels[i] < 0 || labels[i] >= CLASSES) abort();
      if (labels[i] != i % CLASSES && matrix[i % CLASSES * CLASSES + labels[i]] == 0) abort();
    }
    free(matrix);
  }
  free(text);
  return 0;
}
