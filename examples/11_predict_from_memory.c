/* 11: predicting from arrays, with the model that program 10 has saved.
 *
 * A predictor is made once; each call then takes pixels and gives probabilities, and allocates nothing. Build, and run
 * where bars.safetensors is:
 *
 *   cc -std=c17 11_predict_from_memory.c $(pkg-config --cflags --libs mixent) -lm */
#include <math.h>
#include <mixent/model.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 16, CLASSES = 4, ROWS = 5 };

static void check(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "%s\n", mixent_last_error());
  exit(1);
}

/* A bar at that part of half a turn. */
static void draw_bar(double turn, uint8_t pixels[SIDE][SIDE]) {
  double angle = 3.141592653589793 * turn;
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      pixels[y][x] = fabs((x - 7.5) * cos(angle) + (y - 7.5) * sin(angle)) < 1.5 ? 200 : 30;
}

int main(void) {
  static uint8_t pixels[ROWS][SIDE][SIDE];
  float probabilities[ROWS][CLASSES];
  mixent_model *model;
  mixent_predictor *predictor;
  check(mixent_model_open("bars.safetensors", &model));
  if (model->side != SIDE || model->channels != 1 || model->classes != CLASSES)
    return fprintf(stderr, "bars.safetensors is not the model of program 10\n"), 1;
  if (model->fitted_temperature > 0)
    model->temperature = model->fitted_temperature; /* better probabilities */
  check(mixent_predictor_create(model, ROWS, MIXENT_FP32, &predictor));

  for (int row = 0; row < ROWS; row++)
    draw_bar(row / 4.0, pixels[row]); /* the last is the first again, turned over */
  check(mixent_predictor_run(predictor, pixels[0][0], ROWS, NULL, probabilities[0]));
  int right = 0;
  for (int row = 0; row < ROWS; row++) {
    int best = 0;
    for (int k = 1; k < CLASSES; k++)
      if (probabilities[row][k] > probabilities[row][best]) best = k;
    printf("a bar at %3d degrees: %s, %.1f %%\n", 45 * row, model->class_names[best],
           100 * (double)probabilities[row][best]);
    right += best == row % CLASSES;
  }
  mixent_predictor_free(predictor);
  mixent_model_free(model);
  printf("%d of %d are right\n", right, ROWS);
  return right != ROWS;
}
