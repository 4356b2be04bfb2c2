/* augmentation: the pixels torchvision makes (tests/golden/augment.bin.gz), and the distributions it draws
 * from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mixent/data.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { PERSPECTIVE, ROTATION, AFFINE, ALL, KINDS, MAX_BYTES = 33 * 33 * 3, DRAWS = 20000 };

static void read_exactly(gzFile file, void *out, size_t size) {
  assert_int_equal(gzread(file, out, (unsigned)size), (int)size);
}

/* The record is described in tests/golden/make_augment.py. */
static void test_pixels_are_torchvision_s(void **state) {
  (void)state;
  gzFile file = gzopen("tests/golden/augment.bin.gz", "rb");
  assert_non_null(file);
  int cases[KINDS] = {0};
  size_t pixels = 0, different = 0;
  int32_t head[5];
  while (gzread(file, head, sizeof head) == (int)sizeof head) {
    int kind = head[0], side = head[1], channels = head[2];
    size_t area = (size_t)side * (size_t)side, bytes = area * (size_t)channels;
    assert_in_range(bytes, 1, MAX_BYTES);
    double numbers[12];
    uint8_t image[MAX_BYTES], expected[MAX_BYTES], allowance[MAX_BYTES], out[MAX_BYTES], scratch[MAX_BYTES];
    read_exactly(file, numbers, sizeof numbers);
    read_exactly(file, image, bytes);
    read_exactly(file, expected, bytes);
    read_exactly(file, allowance, area);

    mixent_transform transform = {.use_perspective = kind == PERSPECTIVE || kind == ALL,
                                  .rotation = kind == ROTATION || kind == ALL ? numbers[8] : 0,
                                  .use_affine = kind == AFFINE || kind == ALL,
                                  .angle = numbers[9],
                                  .scale = numbers[10],
                                  .shear = numbers[11],
                                  .shift_x = head[3],
                                  .shift_y = head[4]};
    memcpy(transform.corners, numbers, sizeof transform.corners);
    mixent_transform_apply(&transform, side, channels, image, out, scratch);
    for (size_t i = 0; i < bytes; i++) {
      int difference = abs(out[i] - expected[i]), allowed = allowance[i / (size_t)channels];
      if (difference > allowed)
        fail_msg("kind %d case %d pixel %zu: %d, torchvision %d", kind, cases[kind], i, out[i], expected[i]);
      if (allowed < 255) pixels++, different += difference != 0;
    }
    cases[kind]++;
  }
  gzclose(file);
  for (int kind = 0; kind < KINDS; kind++) assert_int_equal(cases[kind], 100);
  assert_true((double)different < 1e-3 * (double)pixels);
}

static void test_nothing_asked_nothing_changed(void **state) {
  (void)state;
  uint8_t image[28 * 28 * 3], out[sizeof image], scratch[sizeof image];
  for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i * 37);
  mixent_augmentation none = {0};
  mixent_transform transform = mixent_transform_draw(&none, 28, 1, 2, 3);
  mixent_transform_apply(&transform, 28, 3, image, out, scratch);
  assert_memory_equal(image, out, sizeof image);
}

/* Corners on one line, or any other: every output pixel is inside the input or 0, and nothing is read beyond
 * it. */
static void test_any_corners_are_survived(void **state) {
  (void)state;
  uint8_t image[16 * 16], out[16 * 16], scratch[16 * 16];
  memset(image, 200, sizeof image);
  mixent_augmentation wild = {.perspective = 1, .perspective_probability = 1};
  for (uint64_t index = 0; index < 2000; index++) {
    mixent_transform transform = mixent_transform_draw(&wild, 16, 1, 0, index);
    if (index == 0) memset(transform.corners, 0, sizeof transform.corners);
    mixent_transform_apply(&transform, 16, 1, image, out, scratch);
    for (size_t i = 0; i < sizeof out; i++) assert_true(out[i] == 0 || out[i] == 200 || out[i] == 199);
  }
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov: the largest gap between the sample's distribution and the uniform one on [low, high]
 * stays under 1.95 / sqrt(n), which a right generator passes 999 times in 1000 (the seed is fixed, so it is
 * the same each time). */
static void assert_uniform(double *values, double low, double high) {
  qsort(values, DRAWS, sizeof *values, compare_doubles);
  double gap = 0;
  for (int i = 0; i < DRAWS; i++) {
    double expected = (values[i] - low) / (high - low);
    gap = fmax(gap, fmax(fabs(expected - (double)i / DRAWS), fabs(expected - (double)(i + 1) / DRAWS)));
  }
  assert_true(values[0] >= low && values[DRAWS - 1] <= high);
  assert_true(gap < 1.95 / sqrt(DRAWS));
}

/* Chi-square of counts against probabilities; mean + 4 standard deviations of its distribution is the limit.
 */
static void assert_counts(const int *counts, const double *probabilities, int bins, int draws) {
  double chi_square = 0;
  for (int i = 0; i < bins; i++) {
    double expected = probabilities[i] * draws;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  assert_true(chi_square < bins - 1 + 4 * sqrt(2.0 * (bins - 1)));
}

/* tests/python/test_augment_golden.py holds torchvision's get_params to these same distributions. */
static const mixent_augmentation everything = {.perspective = 0.5,
                                               .perspective_probability = 0.3,
                                               .rotation = 10,
                                               .affine_rotation = 12,
                                               .affine_shift = 2.5,
                                               .affine_scale = 0.1,
                                               .affine_shear = 7};

static void test_numbers_are_uniform(void **state) {
  (void)state;
  static double rotation[DRAWS], angle[DRAWS], scale[DRAWS], shear[DRAWS];
  int shifts[2][7] = {{0}};
  for (int i = 0; i < DRAWS; i++) {
    mixent_transform transform = mixent_transform_draw(&everything, 28, 7, 1, (uint64_t)i);
    rotation[i] = transform.rotation, angle[i] = transform.angle;
    scale[i] = transform.scale, shear[i] = transform.shear;
    assert_true(transform.use_affine);
    assert_in_range(transform.shift_x + 3, 0, 6);
    assert_in_range(transform.shift_y + 3, 0, 6);
    shifts[0][transform.shift_x + 3]++, shifts[1][transform.shift_y + 3]++;
  }
  assert_uniform(rotation, -10, 10);
  assert_uniform(angle, -12, 12);
  assert_uniform(scale, 0.9, 1.1);
  assert_uniform(shear, -7, 7);
  /* [-2.5, 2.5] rounded: five whole numbers, each from an interval of length 1 */
  for (int axis = 0; axis < 2; axis++) {
    assert_counts(shifts[axis] + 1, (double[]){0.2, 0.2, 0.2, 0.2, 0.2}, 5, DRAWS);
    assert_int_equal(shifts[axis][0] + shifts[axis][6], 0);
  }
}

static void test_corners_are_uniform(void **state) {
  (void)state;
  int sides[] = {28, 33};
  for (int s = 0; s < 2; s++) {
    int side = sides[s], used = 0, reach = side / 2 / 2;
    int counts[4][2][9] = {{{0}}};
    for (int i = 0; i < DRAWS; i++) {
      mixent_transform transform = mixent_transform_draw(&everything, side, 7, 2, (uint64_t)i);
      if (!transform.use_perspective) continue;
      used++;
      for (int corner = 0; corner < 4; corner++)
        for (int axis = 0; axis < 2; axis++) {
          bool far = axis == 0 ? corner == 1 || corner == 2 : corner >= 2;
          double value = transform.corners[corner][axis];
          int inwards = (int)(far ? side - 1 - value : value);
          assert_true(inwards == (far ? side - 1 - value : value));
          assert_in_range(inwards, 0, reach);
          counts[corner][axis][inwards]++;
        }
    }
    double mean = 0.3 * DRAWS;
    assert_true(fabs(used - mean) < 4 * sqrt(mean * 0.7));
    double even[9];
    for (int i = 0; i <= reach; i++) even[i] = 1.0 / (reach + 1);
    for (int corner = 0; corner < 4; corner++)
      for (int axis = 0; axis < 2; axis++) assert_counts(counts[corner][axis], even, reach + 1, used);
  }
}

/* No two numbers of one image move together: correlations of n independent pairs have a deviation of 1 /
 * sqrt(n). */
static void test_numbers_are_independent(void **state) {
  (void)state;
  enum { NUMBERS = 15 };
  static double values[NUMBERS][DRAWS];
  mixent_augmentation always = everything;
  always.perspective_probability = 1;
  for (int i = 0; i < DRAWS; i++) {
    mixent_transform transform = mixent_transform_draw(&always, 28, 7, 3, (uint64_t)i);
    for (int k = 0; k < 8; k++) values[k][i] = transform.corners[k / 2][k % 2];
    double rest[] = {transform.rotation, transform.angle,   transform.scale,
                     transform.shear,    transform.shift_x, transform.shift_y};
    for (int k = 0; k < 6; k++) values[8 + k][i] = rest[k];
    values[14][i] = mixent_transform_draw(&always, 28, 7, 4, (uint64_t)i).rotation; /* another epoch */
  }
  for (int k = 0; k < NUMBERS; k++) {
    double mean = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) mean += values[k][i] / DRAWS;
    for (int i = 0; i < DRAWS; i++) squares += (values[k][i] - mean) * (values[k][i] - mean);
    for (int i = 0; i < DRAWS; i++) values[k][i] = (values[k][i] - mean) / sqrt(squares);
  }
  for (int k = 0; k < NUMBERS; k++)
    for (int j = 0; j < k; j++) {
      double correlation = 0;
      for (int i = 0; i < DRAWS; i++) correlation += values[k][i] * values[j][i];
      assert_true(fabs(correlation) < 4 / sqrt(DRAWS));
    }
}

static void test_stages_do_not_disturb_one_another(void **state) {
  (void)state;
  mixent_augmentation rotation_only = {.rotation = everything.rotation};
  for (uint64_t index = 0; index < 100; index++) {
    mixent_transform alone = mixent_transform_draw(&rotation_only, 28, 7, 1, index);
    mixent_transform among = mixent_transform_draw(&everything, 28, 7, 1, index);
    assert_true(alone.rotation == among.rotation);
    assert_false(alone.use_perspective || alone.use_affine);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pixels_are_torchvision_s),
      cmocka_unit_test(test_nothing_asked_nothing_changed),
      cmocka_unit_test(test_any_corners_are_survived),
      cmocka_unit_test(test_numbers_are_uniform),
      cmocka_unit_test(test_corners_are_uniform),
      cmocka_unit_test(test_numbers_are_independent),
      cmocka_unit_test(test_stages_do_not_disturb_one_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
