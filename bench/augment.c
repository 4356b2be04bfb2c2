/* How long the changes of one training image take, in processor time of one thread: microseconds per image,
 * each kind by itself and in the combinations the recipes use. Usage: bench_augment */
#include "mixent/data.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The best of five rounds, so that what else runs on the machine counts little. */
static double measure(const mixent_augmentation *augmentation, int side, int channels) {
  enum { ROUNDS = 5, IMAGES = 4000, LARGEST = 32 * 32 * 3 };
  static uint8_t image[LARGEST], out[LARGEST], scratch[LARGEST];
  for (size_t i = 0; i < LARGEST; i++) image[i] = (uint8_t)(i * i >> 3);
  double best = INFINITY;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    double start = seconds();
    for (uint64_t index = 0; index < IMAGES; index++) {
      mixent_transform transform = mixent_transform_draw(augmentation, side, 0, round, index);
      mixent_transform_apply(&transform, side, channels, image, out, scratch);
    }
    best = fmin(best, (seconds() - start) / IMAGES);
  }
  return best * 1e6;
}

int main(void) {
  const struct {
    const char *name;
    mixent_augmentation augmentation;
  } kinds[] = {
      {.name = "none"},
      {"perspective, each image", {.perspective = 0.5, .perspective_probability = 1}},
      {"rotation", {.rotation = 10}},
      {"affine", {.affine_rotation = 10, .affine_shift = 2, .affine_scale = 0.08}},
      {"affine, elastic", {.affine_rotation = 10, .affine_shift = 2, .affine_scale = 0.08, .elastic = 2}},
      {"perspective (p 0.5), rotation", {.perspective = 0.5, .perspective_probability = 0.5, .rotation = 10}},
  };
  printf("%-32s %14s %14s\n", "microseconds per image", "28x28 grey", "32x32 RGB");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    printf("%-32s %14.2f %14.2f\n", kinds[i].name, measure(&kinds[i].augmentation, 28, 1),
           measure(&kinds[i].augmentation, 32, 3));
  return 0;
}
