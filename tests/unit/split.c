/* split: every image on one side, stratified, drawn from the seed alone; moments against a plain sum in
 * double. */
#include "data_files.h"

#include "core/memory.h"
#include "mixent/data.h"
#include <math.h>

enum { MOST = 3000 };

static int32_t labels[MOST];

/* Random classes of very different sizes. */
static mixent_images make_images(size_t count, int classes) {
  for (size_t i = 0; i < count; i++) {
    int32_t a = (int32_t)random_below((uint32_t)classes);
    labels[i] = a ? (int32_t)random_below((uint32_t)a) : 0;
  }
  return (mixent_images){.count = count, .side = 1, .channels = 1, .labels = labels};
}

static void assert_ascending(const uint32_t *indices, size_t count, uint8_t *seen) {
  for (size_t i = 0; i < count; i++) {
    if (i) assert_true(indices[i - 1] < indices[i]);
    assert_int_equal(seen[indices[i]]++, 0);
  }
}

static void test_stratified(void **state) {
  (void)state;
  start_drawing(5);
  const double fractions[] = {0, 0.01, 0.05, 0.2, 0.5, 0.97};
  for (int round = 0; round < 120; round++) {
    int classes = 1 + (int)random_below(40);
    mixent_images images = make_images(random_below(MOST), classes);
    double fraction = fractions[round % 6];
    mixent_split split;
    assert_int_equal(mixent_split_make(&images, classes, fraction, 0, (uint64_t)round, &split), MIXENT_OK);
    assert_int_equal(split.train_count + split.validation_count, images.count);
    uint8_t seen[MOST] = {0};
    assert_ascending(split.train, split.train_count, seen);
    assert_ascending(split.validation, split.validation_count, seen); /* with the counts: each image once */
    size_t all[64] = {0}, held[64] = {0};
    for (size_t i = 0; i < images.count; i++) all[labels[i]]++;
    for (size_t i = 0; i < split.validation_count; i++) held[labels[split.validation[i]]]++;
    for (int k = 0; k < classes; k++) {
      double share = fraction * (double)all[k];
      if (fraction == 0 || all[k] < 2)
        assert_int_equal(held[k], 0);
      else
        assert_true(held[k] >= 1 && held[k] < all[k] &&
                    (fabs((double)held[k] - share) <= 0.5 || held[k] == 1 || held[k] == all[k] - 1));
    }
    mixent_split_free(&split);
  }
}

static void test_drawn_from_the_seed(void **state) {
  (void)state;
  for (int i = 0; i < MOST; i++) labels[i] = i % 10;
  mixent_images images = {.count = MOST, .labels = labels};
  int hits[MOST] = {0};
  mixent_split split, again;
  enum { SEEDS = 400 };
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    assert_int_equal(mixent_split_make(&images, 10, 0.1, 0, seed, &split), MIXENT_OK);
    assert_int_equal(mixent_split_make(&images, 10, 0.1, 0, seed, &again), MIXENT_OK);
    assert_int_equal(split.validation_count, MOST / 10);
    assert_memory_equal(split.validation, again.validation,
                        split.validation_count * sizeof *split.validation);
    for (size_t i = 0; i < split.validation_count; i++) hits[split.validation[i]]++;
    mixent_split_free(&split), mixent_split_free(&again);
  }
  /* each image is held out about SEEDS / 10 times: binomial, standard deviation 6; 3000 images stay within 6
   * of those */
  for (int i = 0; i < MOST; i++) assert_in_range(hits[i], 40 - 36, 40 + 36);
}

static void test_refuses(void **state) {
  (void)state;
  mixent_images images = {.count = 3, .labels = labels};
  mixent_split split;
  labels[0] = labels[1] = 0, labels[2] = 5;
  assert_int_equal(mixent_split_make(&images, 5, 0.1, 0, 0, &split), MIXENT_ERROR_ARGUMENT);
  assert_message_has("image 2: its label 5 is not in 0..4");
  const double wrong[] = {-0.1, 1, NAN};
  for (int i = 0; i < 3; i++)
    assert_int_equal(mixent_split_make(&images, 6, wrong[i], 0, 0, &split), MIXENT_ERROR_ARGUMENT);
}

/* Stratified; validation stays; the smaller part lies within the larger one. */
static void test_thinned(void **state) {
  (void)state;
  start_drawing(7);
  for (int round = 0; round < 40; round++) {
    int classes = 1 + (int)random_below(40);
    mixent_images images = make_images(1 + random_below(MOST), classes);
    uint8_t before[MOST];
    const double fractions[] = {1, 0.6, 0.25, 0.001};
    memset(before, 1, sizeof before);
    for (int f = 0; f < 4; f++) {
      mixent_split split, whole;
      uint8_t now[MOST] = {0}, seen[MOST] = {0};
      size_t all[64] = {0}, kept[64] = {0};
      assert_int_equal(mixent_split_make(&images, classes, 0.2, 0, (uint64_t)round, &whole), MIXENT_OK);
      assert_int_equal(mixent_split_make(&images, classes, 0.2, 0, (uint64_t)round, &split), MIXENT_OK);
      assert_int_equal(mixent_split_thin(&images, classes, fractions[f], 3, &split), MIXENT_OK);
      assert_ascending(split.train, split.train_count, seen);
      assert_ascending(split.validation, split.validation_count, seen);
      assert_int_equal(split.validation_count, whole.validation_count);
      for (size_t i = 0; i < whole.train_count; i++) all[labels[whole.train[i]]]++;
      for (size_t i = 0; i < split.train_count; i++) {
        assert_true(before[split.train[i]]);
        kept[labels[split.train[i]]]++;
        now[split.train[i]] = 1;
      }
      for (int k = 0; k < classes; k++)
        assert_true(fabs((double)kept[k] - fractions[f] * (double)all[k]) <= 0.5 || (kept[k] == 1 && all[k]));
      memcpy(before, now, sizeof before);
      mixent_split_free(&split), mixent_split_free(&whole);
    }
  }
  mixent_split split = {0};
  mixent_images images = {.count = 0};
  assert_int_equal(mixent_split_thin(&images, 1, 0, 0, &split), MIXENT_ERROR_ARGUMENT);
}

static void test_label_noise(void **state) {
  (void)state;
  enum { COUNT = 60000, CLASSES = 7 };
  static int32_t clean[COUNT], some[COUNT], more[COUNT], other[COUNT];
  for (int i = 0; i < COUNT; i++) clean[i] = some[i] = more[i] = other[i] = i * 31 % CLASSES;
  mixent_labels_spoil(some, COUNT, CLASSES, 0, 5);
  assert_memory_equal(some, clean, sizeof clean);
  mixent_labels_spoil(some, COUNT, CLASSES, 0.2, 5);
  mixent_labels_spoil(more, COUNT, CLASSES, 0.4, 5);
  mixent_labels_spoil(other, COUNT, CLASSES, 0.2, 6);
  int changed = 0, both = 0, pairs[CLASSES][CLASSES] = {{0}};
  for (int i = 0; i < COUNT; i++) {
    assert_in_range(some[i], 0, CLASSES - 1);
    changed += some[i] != clean[i];
    both += some[i] != clean[i] && other[i] != clean[i];
    pairs[clean[i]][some[i]]++;
    if (some[i] != clean[i]) assert_int_equal(more[i], some[i]);
  }
  /* binomial: within 5 standard deviations */
  assert_true(abs(changed - COUNT / 5) < 5 * 98);
  assert_true(abs(both - COUNT / 25) < 5 * 48);
  for (int k = 0; k < CLASSES * CLASSES; k++) /* about 286 each */
    if (k / CLASSES != k % CLASSES) assert_in_range(pairs[k / CLASSES][k % CLASSES], 286 - 85, 286 + 85);
  memcpy(some, clean, sizeof clean);
  mixent_labels_spoil(some, COUNT, CLASSES, 1, 5);
  for (int i = 0; i < COUNT; i++) assert_int_not_equal(some[i], clean[i]);
  int32_t alone[] = {0, 0};
  mixent_labels_spoil(alone, 2, 1, 1, 5); /* there is no other class */
  assert_true(alone[0] == 0 && alone[1] == 0);
}

static void test_moments(void **state) {
  (void)state;
  enum { COUNT = 20, SIDE = 17 };
  start_drawing(6);
  static uint8_t pixels[COUNT * SIDE * SIDE * 3];
  for (int channels = 1; channels <= 3; channels += 2) {
    mixent_images images = {.count = COUNT, .side = SIDE, .channels = channels, .pixels = pixels};
    size_t size = (size_t)(SIDE * SIDE * channels);
    for (size_t i = 0; i < COUNT * size; i++)
      pixels[i] = (uint8_t)random_below(60 + 90 * (uint32_t)(i % (size_t)channels));
    uint32_t indices[] = {3, 19, 0, 7, 7};
    double sum[3] = {0}, squares[3] = {0};
    for (int i = 0; i < 5; i++)
      for (size_t j = 0; j < size; j++) {
        double value = pixels[indices[i] * size + j] / 255.0;
        sum[j % (size_t)channels] += value, squares[j % (size_t)channels] += value * value;
      }
    float mean[3], deviation[3];
    mixent_images_moments(&images, indices, 5, mean, deviation);
    for (int k = 0; k < channels; k++) {
      double m = sum[k] / (5 * SIDE * SIDE);
      assert_true(fabs(mean[k] - m) < 1e-6);
      assert_true(fabs(deviation[k] - sqrt(squares[k] / (5 * SIDE * SIDE) - m * m)) < 1e-6);
    }
    memset(pixels, 77, sizeof pixels); /* one value: nothing to divide by */
    mixent_images_moments(&images, indices, 5, mean, deviation);
    assert_true(fabsf(mean[0] - 77 / 255.0f) < 1e-7f && deviation[0] == 1);
  }
}

/* Features of any size: the moments are those of their own column, and one that never changes is left alone. */
static void test_feature_moments(void **state) {
  (void)state;
  enum { COUNT = 50, FEATURES = 131 };
  static float features[COUNT * FEATURES];
  start_drawing(9);
  for (int i = 0; i < COUNT; i++)
    for (int k = 0; k < FEATURES; k++)
      features[i * FEATURES + k] = (float)(k % 7 ? 1e6 * k + (double)random_below(1000) : 0.1 * k);
  const mixent_images images = {.count = COUNT, .side = 1, .channels = FEATURES, .features = features};
  const uint32_t indices[] = {3, 49, 0, 7, 7};
  float mean[FEATURES], deviation[FEATURES];
  mixent_images_moments(&images, indices, 5, mean, deviation);
  for (int k = 0; k < FEATURES; k++) {
    double sum = 0, squares = 0;
    for (int i = 0; i < 5; i++) sum += features[indices[i] * FEATURES + (size_t)k];
    for (int i = 0; i < 5; i++) squares += pow(features[indices[i] * FEATURES + (size_t)k] - sum / 5, 2);
    assert_true(fabs(mean[k] - sum / 5) <= 1e-6 * fabs(sum / 5));
    if (k % 7)
      assert_true(fabs(deviation[k] / sqrt(squares / 5) - 1) < 1e-5);
    else
      assert_true(deviation[k] == 1 && mean[k] == features[k]);
  }
}

/* A part of each class goes to test, the rest stays, each row with its label; features and pixels alike. */
static void test_cut(void **state) {
  (void)state;
  enum { COUNT = 103, SIZE = 3 };
  for (int bytes = 0; bytes < 2; bytes++) {
    mixent_images train = {.count = COUNT, .side = 1, .channels = SIZE}, test;
    train.labels = calloc(COUNT, sizeof *train.labels);
    train.pixels = bytes ? calloc(COUNT, SIZE) : NULL;
    train.features = bytes ? NULL : calloc(COUNT * SIZE, sizeof *train.features);
    for (int i = 0; i < COUNT; i++) {
      train.labels[i] = i % 3;
      for (int k = 0; k < SIZE && bytes; k++) train.pixels[SIZE * i + k] = (uint8_t)i;
      for (int k = 0; k < SIZE && !bytes; k++) train.features[SIZE * i + k] = (float)i;
    }
    assert_int_equal(mixent_images_cut(&train, 3, &test), MIXENT_OK);
    assert_int_equal(test.count, 21);
    assert_int_equal(train.count, 82);
    int seen[COUNT] = {0};
    for (int part = 0; part < 2; part++) {
      const mixent_images *images = part ? &test : &train;
      for (size_t i = 0; i < images->count; i++) {
        int row = bytes ? images->pixels[SIZE * i + 2] : (int)images->features[SIZE * i + 2];
        assert_int_equal(images->labels[i], row % 3);
        seen[row]++;
      }
    }
    for (int i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
    mixent_images_free(&train);
    mixent_images_free(&test);
  }
}

static void test_order(void **state) {
  (void)state;
  enum { COUNT = 500 };
  uint32_t first[COUNT], again[COUNT], other[COUNT];
  int seen[COUNT] = {0};
  mixent_order_draw(1, 3, first, COUNT);
  mixent_order_draw(1, 3, again, COUNT);
  assert_memory_equal(first, again, sizeof first);
  mixent_order_draw(1, 4, other, COUNT);
  assert_memory_not_equal(first, other, sizeof first);
  mixent_order_draw(2, 3, other, COUNT);
  assert_memory_not_equal(first, other, sizeof first);
  for (int i = 0; i < COUNT; i++) seen[first[i]]++;
  for (int i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stratified),  cmocka_unit_test(test_drawn_from_the_seed),
      cmocka_unit_test(test_refuses),     cmocka_unit_test(test_thinned),
      cmocka_unit_test(test_label_noise), cmocka_unit_test(test_moments),
      cmocka_unit_test(test_order),       cmocka_unit_test(test_feature_moments),
      cmocka_unit_test(test_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
