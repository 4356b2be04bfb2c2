/* 10: training on arrays of your own, without a file of data.
 *
 * Small images of bars are made here; the class of an image is the angle of its bar. `mixent_dataset_borrow` makes a data
 * set of the arrays without copying them, `mixent_train` trains on it and tells of each epoch, and `mixent_model_save`
 * keeps the model where you want it. Ctrl-C saves the run, which mixent_train_resume would go on with. Build:
 *
 *   cc -std=c17 10_train_from_memory.c $(pkg-config --cflags --libs mixent) -lm */
#include <math.h>
#include <mixent/train.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 16, CLASSES = 4, TRAIN = 600, TEST = 200 };
static uint8_t pixels[TRAIN + TEST][SIDE][SIDE]; /* the test images are the last */
static int32_t labels[TRAIN + TEST];
static const char *const class_names[CLASSES] = {"upright", "falling", "level", "rising"};

static void draw_bars(void) {
  for (int i = 0; i < TRAIN + TEST; i++) {
    double angle = 3.141592653589793 * (labels[i] = i % CLASSES) / CLASSES, shift = rand() % 5 - 2;
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        double distance = fabs((x - 7.5) * cos(angle) + (y - 7.5) * sin(angle) + shift);
        pixels[i][y][x] = (uint8_t)((distance < 1.5 ? 180 : 0) + rand() % 70);
      }
  }
}

static volatile sig_atomic_t stop;
static void ask_to_stop(int signal) {
  stop = signal;
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
  draw_bars();
  signal(SIGINT, ask_to_stop);
  mixent_images train = {.count = TRAIN, .side = SIDE, .channels = 1}, test = train;
  train.pixels = pixels[0][0], train.labels = labels;
  test.count = TEST, test.pixels = pixels[TRAIN][0], test.labels = labels + TRAIN;
  const mixent_dataset_arrays arrays = {
      .name = "bars", .train = train, .test = test, .classes = CLASSES, .class_names = class_names};
  mixent_dataset *dataset;
  check(mixent_dataset_borrow(&arrays, &dataset));

  const mixent_setting settings[] = {
      {"net", "conv3"}, {"loss.name", "min-ent"}, {"epochs", "3"}, {"batch", "20"}};
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
