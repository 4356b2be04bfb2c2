/* What the library says of images, for comparison with other programs.
 *   predict_dump CHECKPOINT BATCH < in > out
 * in: pixels [rows, side, side, channels], bytes; out: float32 logits [rows, classes]. BATCH rows are computed
 * together. */
#include "mixent/train.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_BYTES = 1 << 24 };

static void check(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "predict_dump: %s\n", mixent_last_error());
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  mixent_model *model;
  mixent_predictor *predictor;
  check(mixent_model_open(argv[1], &model));
  check(mixent_predictor_create(model, atoi(argv[2]), MIXENT_FP32, &predictor));
  uint8_t *pixels = malloc(MOST_BYTES);
  if (!pixels) return 1;
  size_t image = (size_t)(model->side * model->side * model->channels);
  size_t rows = fread(pixels, 1, MOST_BYTES, stdin) / image;
  float *logits = malloc((rows + 1) * (size_t)model->classes * sizeof *logits);
  if (!logits) return 1;
  check(mixent_predictor_run(predictor, pixels, rows, logits, NULL));
  fwrite(logits, sizeof *logits, rows * (size_t)model->classes, stdout);
  free(logits);
  free(pixels);
  mixent_predictor_free(predictor);
  mixent_model_free(model);
  return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
