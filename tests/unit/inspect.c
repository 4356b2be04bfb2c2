/* Duplicates found among images: all that are equal, and nearly all that nearly are, by the correlations of all pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "core/status.h"
#include "data/inspect/inspect.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = 3000, TEST = 1000, SIDE = 24, SIZE = SIDE * SIDE, CLASSES = 3 };
static uint8_t pixels[TRAIN + TEST][SIZE];
static int32_t labels[TRAIN + TEST];
static mixent_random generator;

static uint32_t draw(size_t image, size_t element, uint32_t below) {
  uint32_t words[4];
  mixent_random_block(&generator, image, element, words);
  return (uint32_t)((uint64_t)words[0] * below >> 32);
}

static mixent_dataset make_set(void) {
  return (mixent_dataset){
      .train = {.count = TRAIN, .side = SIDE, .channels = 1, .pixels = *pixels, .labels = labels},
      .test = {.count = TEST, .side = SIDE, .channels = 1, .pixels = pixels[TRAIN], .labels = labels + TRAIN},
      .classes = CLASSES};
}

/* Coarse random blocks; every tenth image is another one with noise of its own strength. */
static void draw_images(void) {
  generator = mixent_random_stream(1, "test", "inspect");
  for (size_t i = 0; i < TRAIN + TEST; i++) {
    labels[i] = (int32_t)(i % CLASSES);
    for (size_t p = 0; p < SIZE; p++)
      pixels[i][p] = (uint8_t)(40 + draw(i, p / SIDE / 4 * 6 + p % SIDE / 4, 160));
    if (i % 10 != 9) continue;
    size_t from = draw(i, 100, (uint32_t)i);
    uint32_t strength = 2 + draw(i, 101, 60);
    for (size_t p = 0; p < SIZE; p++) pixels[i][p] = (uint8_t)(pixels[from][p] + draw(i, 1000 + p, strength));
  }
}

static void test_near(void **state) {
  (void)state;
  enum { CELLS = 12, LENGTH = CELLS * CELLS };
  static double signatures[TRAIN + TEST][LENGTH];
  const double near = 0.99;
  draw_images();
  const mixent_dataset dataset = make_set();
  for (size_t i = 0; i < TRAIN + TEST; i++) { /* means of 2 x 2 pixels, centred, of norm 1 */
    double mean = 0, norm = 0;
    for (size_t p = 0; p < SIZE; p++) signatures[i][p / SIDE / 2 * CELLS + p % SIDE / 2] += pixels[i][p];
    for (size_t k = 0; k < LENGTH; k++) mean += signatures[i][k] / LENGTH;
    for (size_t k = 0; k < LENGTH; k++) signatures[i][k] -= mean, norm += signatures[i][k] * signatures[i][k];
    for (size_t k = 0; k < LENGTH; k++) signatures[i][k] /= sqrt(norm);
  }
  mixent_inspection found;
  assert_int_equal(mixent_dataset_inspect(&dataset, near, &found), MIXENT_OK);
  size_t wanted = 0, hit = 0;
  for (size_t a = 0; a < TRAIN + TEST; a++)
    for (size_t b = a + 1; b < TRAIN + TEST; b++) {
      double sum = 0;
      for (size_t k = 0; k < LENGTH; k++) sum += signatures[a][k] * signatures[b][k];
      wanted += sum >= near && memcmp(pixels[a], pixels[b], SIZE) != 0;
    }
  for (size_t i = 0; i < found.near_count; i++) {
    const mixent_near_pair *pair = &found.near[i];
    double sum = 0;
    for (size_t k = 0; k < LENGTH; k++) sum += signatures[pair->a][k] * signatures[pair->b][k];
    assert_true(pair->a < pair->b && fabs(sum - (double)pair->correlation) < 1e-4);
    assert_int_equal(pair->across, pair->a < TRAIN && pair->b >= TRAIN);
    assert_int_equal(pair->conflict, labels[pair->a] != labels[pair->b]);
    hit++;
  }
  assert_true(wanted > 200);
  assert_in_range(hit, wanted - wanted / 50, wanted); /* 98 % at least, and each once */
  mixent_inspection_free(&found);
}

static void test_equal(void **state) {
  (void)state;
  draw_images();
  memcpy(pixels[7], pixels[3000], SIZE), memcpy(pixels[2000], pixels[3000], SIZE); /* labels 1, 0, 2 */
  memcpy(pixels[30], pixels[60], SIZE);                                            /* both 0 */
  memset(pixels[11], 255, SIZE), memset(pixels[3011], 0, SIZE), memset(pixels[3500], 255, SIZE);
  const mixent_dataset dataset = make_set();
  mixent_inspection found;
  assert_int_equal(mixent_dataset_inspect(&dataset, 0, &found), MIXENT_OK);
  assert_int_equal(found.near_count, 0);
  assert_int_equal(found.constant_count, 3);
  assert_true(found.constant[0] == 11 && found.constant[1] == 3011 && found.constant[2] == 3500);
  assert_int_equal(found.group_count, 3);
  static const size_t members[3][3] = {{7, 2000, 3000}, {11, 3500}, {30, 60}};
  for (size_t i = 0; i < 3; i++) {
    const mixent_duplicate_group *group = &found.groups[i];
    assert_int_equal(group->count, i ? 2 : 3);
    assert_memory_equal(found.duplicates + group->begin, members[i], group->count * sizeof *members[i]);
    assert_int_equal(group->across, i < 2);
    assert_int_equal(group->conflict, i == 0);
  }
  for (int part = 0; part < 2; part++)
    for (int k = 0; k < CLASSES; k++)
      assert_in_range(found.counts[part][k], (part ? TEST : TRAIN) / CLASSES,
                      (part ? TEST : TRAIN) / CLASSES + 1);
  mixent_inspection_free(&found);
}

/* One colour is constant, though its channels differ; one other channel of one pixel is not. */
static void test_constant_colours(void **state) {
  (void)state;
  enum { IMAGES = 3, COLOUR = 3 * SIZE };
  static uint8_t colours[IMAGES][COLOUR];
  static int32_t classes[IMAGES] = {0, 1, 1};
  for (size_t i = 0; i < COLOUR; i++)
    for (size_t k = 0; k < IMAGES; k++) colours[k][i] = (uint8_t)(10 + 90 * (i % 3) + k);
  colours[1][COLOUR - 1]++;
  const mixent_dataset dataset = {
      .train = {.count = 2, .side = SIDE, .channels = 3, .pixels = *colours, .labels = classes},
      .test = {.count = 1, .side = SIDE, .channels = 3, .pixels = colours[2], .labels = classes + 2},
      .classes = 2};
  mixent_inspection found;
  assert_int_equal(mixent_dataset_inspect(&dataset, 0.5, &found), MIXENT_OK);
  assert_int_equal(found.near_count, 0); /* colours alone are no likeness */
  assert_int_equal(found.constant_count, 2);
  assert_true(found.constant[0] == 0 && found.constant[1] == 2);
  mixent_inspection_free(&found);
}

/* Many images alike are no square of comparisons: within seconds though all are one image with a little noise. */
static void test_many_alike(void **state) {
  (void)state;
  draw_images();
  for (size_t i = 1; i < TRAIN + TEST; i++) {
    memcpy(pixels[i], pixels[0], SIZE);
    pixels[i][i % SIZE] = (uint8_t)(pixels[i][i % SIZE] ^ (1 + i / SIZE));
  }
  const mixent_dataset dataset = make_set();
  mixent_inspection found;
  assert_int_equal(mixent_dataset_inspect(&dataset, 0.99, &found), MIXENT_OK);
  assert_in_range(found.near_count, TRAIN + TEST, 12 * 64 * (TRAIN + TEST));
  mixent_inspection_free(&found);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_near), cmocka_unit_test(test_equal),
                                     cmocka_unit_test(test_constant_colours),
                                     cmocka_unit_test(test_many_alike)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
