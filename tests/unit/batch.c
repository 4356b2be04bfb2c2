/* batch: rows are the images that were asked for, changed as drawn for (seed, epoch, index), normalised; the
 * same whatever the number of threads. */
#include "data_files.h"

#include "core/threads.h"
#include "mixent/data.h"

enum { COUNT = 30, SIDE = 29, ROWS = 23, MOST = SIDE * SIDE * 3 };

static uint8_t pixels[COUNT * MOST];
static float out[ROWS * MOST], alone[ROWS * MOST];
static uint32_t indices[ROWS];
static const float mean[3] = {0.1722f, 0.5f, 0.9f}, deviation[3] = {0.3309f, 0.25f, 0.01f};

static mixent_images make_images(int channels) {
  start_drawing((uint64_t)channels);
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)random_below(256);
  for (size_t i = 0; i < ROWS; i++) indices[i] = random_below(COUNT);
  return (mixent_images){.count = COUNT, .side = SIDE, .channels = channels, .pixels = pixels};
}

static void assert_rows(const mixent_images *images, const mixent_augmentation *augmentation) {
  size_t size = (size_t)(SIDE * SIDE * images->channels);
  mixent_batch_fill(images, indices, ROWS, augmentation, 11, 4, mean, deviation, out);
  for (size_t row = 0; row < ROWS; row++) {
    const uint8_t *image = pixels + indices[row] * size;
    uint8_t changed[MOST], scratch[MOST];
    if (augmentation) {
      mixent_transform transform = mixent_transform_draw(augmentation, SIDE, 11, 4, indices[row]);
      mixent_transform_apply(&transform, SIDE, images->channels, image, changed, scratch);
      image = changed;
    }
    for (size_t i = 0; i < size; i++) {
      size_t channel = i % (size_t)images->channels;
      float expected = ((float)image[i] / 255.0f - mean[channel]) / deviation[channel];
      assert_true(out[row * size + i] == expected);
    }
  }
}

static const mixent_augmentation augmentation = {.perspective = 0.5,
                                                 .perspective_probability = 0.5,
                                                 .rotation = 10,
                                                 .affine_rotation = 5,
                                                 .affine_shift = 2,
                                                 .affine_scale = 0.1,
                                                 .affine_shear = 5,
                                                 .affine_stretch = 0.05,
                                                 .elastic = 2};

static void test_rows(void **state) {
  (void)state;
  for (int channels = 1; channels <= 3; channels += 2) {
    mixent_images images = make_images(channels);
    assert_rows(&images, NULL);
    assert_rows(&images, &augmentation);
  }
}

static void test_same_for_any_threads(void **state) {
  (void)state;
  mixent_images images = make_images(1);
  mixent_threads_set(1);
  mixent_batch_fill(&images, indices, ROWS, &augmentation, 7, 2, mean, deviation, alone);
  for (int threads = 2; threads <= 5; threads++) {
    mixent_threads_set(threads);
    memset(out, 0, sizeof out);
    mixent_batch_fill(&images, indices, ROWS, &augmentation, 7, 2, mean, deviation, out);
    assert_memory_equal(out, alone, sizeof(float) * ROWS * SIDE * SIDE);
  }
}

/* The largest image, whose row serves as its own scratch. */
static void test_largest_image(void **state) {
  (void)state;
  enum { LARGE = 256, SIZE = LARGE * LARGE * 3 };
  uint8_t *image = malloc(SIZE), *changed = malloc(SIZE), *scratch = malloc(SIZE);
  float *row = malloc(SIZE * sizeof *row);
  for (size_t i = 0; i < SIZE; i++) image[i] = (uint8_t)(i * 2654435761u >> 13);
  mixent_images images = {.count = 1, .side = LARGE, .channels = 3, .pixels = image};
  mixent_batch_fill(&images, (uint32_t[]){0}, 1, &augmentation, 1, 1, mean, deviation, row);
  mixent_transform transform = mixent_transform_draw(&augmentation, LARGE, 1, 1, 0);
  mixent_transform_apply(&transform, LARGE, 3, image, changed, scratch);
  for (size_t i = 0; i < SIZE; i++)
    assert_true(row[i] == ((float)changed[i] / 255.0f - mean[i % 3]) / deviation[i % 3]);
  free(image), free(changed), free(scratch), free(row);
}

/* Rows of features: normalised each by its own mean and deviation, neither augmented nor seen otherwise. */
static void test_features(void **state) {
  (void)state;
  enum { COUNT = 40, FEATURES = 5 };
  float features[COUNT * FEATURES], means[FEATURES], deviations[FEATURES];
  for (int i = 0; i < COUNT * FEATURES; i++) features[i] = (float)(i * i % 97) - 40;
  for (int k = 0; k < FEATURES; k++) means[k] = (float)k, deviations[k] = 0.5f + (float)k;
  const mixent_images images = {.count = COUNT, .side = 1, .channels = FEATURES, .features = features};
  float row[COUNT * FEATURES], same[COUNT * FEATURES];
  uint32_t order[COUNT];
  for (uint32_t i = 0; i < COUNT; i++) order[i] = i * 7 % COUNT;
  mixent_batch_fill(&images, order, COUNT, &augmentation, 7, 2, means, deviations, row);
  for (int i = 0; i < COUNT; i++)
    for (int k = 0; k < FEATURES; k++)
      assert_true(row[i * FEATURES + k] ==
                  (features[order[i] * FEATURES + (uint32_t)k] - means[k]) / deviations[k]);
  mixent_batch_view(&images, order, COUNT, 3, means, deviations, same);
  assert_memory_equal(row, same, sizeof row);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_same_for_any_threads),
      cmocka_unit_test(test_largest_image),
      cmocka_unit_test(test_features),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
