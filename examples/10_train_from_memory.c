/* 10: training on arrays of your own, without a file of data.
 *
 * Small images of bars are made here; the class of an image is the angle of its bar. `mixent_dataset_borrow` makes a data
 * set of the arrays without copying them, `mixent_train` trains on it and tells of each epoch, and `mixent_model_save`
 * keeps the model where you want it. Ctrl-C saves the run, which mixent_train_resume would go on with. Build:
 *
 *   cc -std=c17 10_train_from_memory.c $(pkg-config --cflags --libs mixent) -lm */
#include <math.h>
#include <mixent/train.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 16, CLASSES = 4, TRAIN = 600, TEST = 200 };
static uint8_t train_pixels[TRAIN][SIDE][SIDE], test_pixels[TEST][SIDE][SIDE];
static int32_t train_labels[TRAIN], test_labels[TEST];
static const char *const class_names[CLASSES] = {"upright", "falling", "level", "rising"};

static volatile sig_atomic_t stop;
static void ask_to_stop(int signal) {
  stop = signal;
}

/* Uniform in [0, 1): the same numbers everywhere. */
static double uniform(void) {
  static uint32_t state = 1;
  state = state * 1664525 + 1013904223;
  return (state >> 8) * 0x1p-24;
}

static void draw_bars(int count, uint8_t pixels[][SIDE][SIDE], int32_t *labels) {
  for (int i = 0; i < count; i++) {
    double angle = 3.141592653589793 * (labels[i] = i % CLASSES) / CLASSES, shift = 4 * uniform() - 2;
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        double distance = (x - 7.5) * cos(angle) + (y - 7.5) * sin(angle) + shift;
        pixels[i][y][x] = (uint8_t)((fabs(distance) < 1.5 ? 180 : 0) + 70 * uniform());
      }
  }
}

static void tell_epoch(void *context, const mixent_train_epoch *epoch) {
  (void)context;
  printf("epoch %d of %d: loss %.3f, held out %.1f %% right\n", epoch->epoch, epoch->epochs,
         epoch->train.loss, 100 * epoch->validation.accuracy);
}

static void check(mixent_status status) {
  if (status == MIXENT_OK) return;
  fprintf(stderr, "%s\n", mixent_last_error());
  exit(1);
}

int main(void) {
  draw_bars(TRAIN, train_pixels, train_labels);
  draw_bars(TEST, test_pixels, test_labels);
  const mixent_dataset_arrays arrays = {
      .name = "bars",
      .train =
          {.count = TRAIN, .side = SIDE, .channels = 1, .pixels = train_pixels[0][0], .labels = train_labels},
      .test =
          {.count = TEST, .side = SIDE, .channels = 1, .pixels = test_pixels[0][0], .labels = test_labels},
      .classes = CLASSES,
      .class_names = class_names};
  mixent_dataset *dataset;
  check(mixent_dataset_borrow(&arrays, &dataset));

  const mixent_setting settings[] = {{"net", "conv3"},
                                     {"loss.name", "min-ent"},
                                     {"epochs", "3"},
                                     {"batch", "20"},
                                     {"optimizer.learning_rate", "0.02"}};
  signal(SIGINT, ask_to_stop);
  const mixent_train_options options = {.recipe = "demo",
                                        .settings = settings,
                                        .setting_count = sizeof settings / sizeof *settings,
                                        .dataset = dataset,
                                        .run = "bars",
                                        .overwrite = true,
                                        .stop = &stop,
                                        .epoch = tell_epoch};
  mixent_train_summary summary;
  check(mixent_train(&options, &summary));
  printf("test images: %.1f %% right\n", 100 * summary.test.accuracy);

  mixent_model *model;
  check(mixent_model_open("bars/best.safetensors", &model));
  check(mixent_model_save(model, "bars.safetensors"));
  printf("the model is bars.safetensors\n");
  bool learned = summary.test.accuracy > 0.9;
  mixent_model_free(model);
  mixent_train_summary_free(&summary);
  mixent_dataset_free(dataset);
  return !learned;
}
