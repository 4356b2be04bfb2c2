/* augmentation: the pixels torchvision makes (tests/golden/augment.bin.gz), and the distributions it draws
 * from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/augment/elastic.h"
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
                                               .affine_shear = 7,
                                               .affine_stretch = 0.2,
                                               .elastic = 3};

static void test_numbers_are_uniform(void **state) {
  (void)state;
  static double rotation[DRAWS], angle[DRAWS], scale[DRAWS], shear[DRAWS], stretch[DRAWS], bend[2][DRAWS];
  int shifts[2][7] = {{0}};
  for (int i = 0; i < DRAWS; i++) {
    mixent_transform transform = mixent_transform_draw(&everything, 28, 7, 1, (uint64_t)i);
    rotation[i] = transform.rotation, angle[i] = transform.angle;
    scale[i] = transform.scale, shear[i] = transform.shear, stretch[i] = transform.stretch;
    for (int axis = 0; axis < 2; axis++)
      bend[axis][i] =
          (double)(&transform.bend[axis][0][0])[i % (MIXENT_ELASTIC_POINTS * MIXENT_ELASTIC_POINTS)];
    assert_true(transform.use_affine);
    assert_in_range(transform.shift_x + 3, 0, 6);
    assert_in_range(transform.shift_y + 3, 0, 6);
    shifts[0][transform.shift_x + 3]++, shifts[1][transform.shift_y + 3]++;
  }
  assert_uniform(rotation, -10, 10);
  assert_uniform(angle, -12, 12);
  assert_uniform(scale, 0.9, 1.1);
  assert_uniform(shear, -7, 7);
  assert_uniform(stretch, -0.2, 0.2);
  for (int axis = 0; axis < 2; axis++) assert_uniform(bend[axis], -3, 3);
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

/* As often as asked, within the image, from 0.02 to the largest part of it, as flat as high; its pixels alone become 0. */
static void test_erased_rectangles(void **state) {
  (void)state;
  enum { SIDE = 28, PIXELS = SIDE * SIDE };
  const mixent_augmentation erasing = {.erase = 0.4, .erase_area = 0.33};
  static double parts[DRAWS];
  int erased = 0, flat = 0, high = 0;
  for (int i = 0; i < DRAWS; i++) {
    mixent_transform t = mixent_transform_draw(&erasing, SIDE, 7, 1, (uint64_t)i);
    if (!t.erase_height) continue;
    parts[erased++] = t.erase_width * t.erase_height / (double)PIXELS;
    flat += t.erase_width > t.erase_height, high += t.erase_width < t.erase_height;
    assert_true(t.erase_left >= 0 && t.erase_left + t.erase_width <= SIDE && t.erase_width < SIDE);
    assert_true(t.erase_top >= 0 && t.erase_top + t.erase_height <= SIDE && t.erase_height < SIDE);
    if (i > 200) continue;
    uint8_t image[PIXELS * 3], out[PIXELS * 3], scratch[PIXELS * 3];
    memset(image, 9, sizeof image);
    mixent_transform_apply(&t, SIDE, 3, image, out, scratch);
    for (int k = 0; k < PIXELS * 3; k++) {
      int x = k / 3 % SIDE - t.erase_left, y = k / 3 / SIDE - t.erase_top;
      bool inside = x >= 0 && x < t.erase_width && y >= 0 && y < t.erase_height;
      assert_int_equal(out[k], inside ? 0 : 9);
    }
  }
  assert_true(fabs(erased - 0.4 * DRAWS) < 4 * sqrt(0.24 * DRAWS));
  assert_true(abs(flat - high) < 5 * sqrt(erased));
  qsort(parts, (size_t)erased, sizeof *parts, compare_doubles);
  assert_true(parts[0] > 0.012 && parts[erased - 1] < 0.35);
  assert_true(fabs(parts[erased / 2] - (0.02 + 0.33) / 2) <
              0.01); /* the median of a uniform part, in whole pixels */
}

/* No two numbers of one image move together: correlations of n independent pairs have a deviation of 1 /
 * sqrt(n). */
static void test_numbers_are_independent(void **state) {
  (void)state;
  enum { LAST = MIXENT_ELASTIC_POINTS - 1, NUMBERS = 22 };
  static double values[NUMBERS][DRAWS];
  mixent_augmentation always = everything;
  always.perspective_probability = 1;
  for (int i = 0; i < DRAWS; i++) {
    mixent_transform transform = mixent_transform_draw(&always, 28, 7, 3, (uint64_t)i);
    for (int k = 0; k < 8; k++) values[k][i] = transform.corners[k / 2][k % 2];
    double rest[] = {transform.rotation, transform.angle,   transform.scale,
                     transform.shear,    transform.shift_x, transform.shift_y};
    for (int k = 0; k < 6; k++) values[8 + k][i] = rest[k];
    double elastic[] = {transform.stretch, (double)transform.bend[0][0][0], (double)transform.bend[0][0][1],
                        (double)transform.bend[0][LAST][LAST], (double)transform.bend[1][LAST][LAST]};
    for (int k = 0; k < 5; k++) values[14 + k][i] = elastic[k];
    transform = mixent_transform_draw(&always, 28, 7, 4, (uint64_t)i); /* another epoch */
    values[19][i] = transform.rotation, values[20][i] = (double)transform.bend[0][0][0];
    transform = mixent_transform_draw(&always, 28, 7, 3, (uint64_t)i + DRAWS); /* other images */
    values[21][i] = (double)transform.bend[0][0][0];
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
    assert_false(alone.use_perspective || alone.use_affine || alone.use_elastic);
  }
}

/* The displacement at a point by the definition: the sum of all control points times the cubic B-spline of
 * their distance. */
static double basis(double distance) {
  double d = fabs(distance);
  return d < 1 ? 2.0 / 3 - d * d + d * d * d / 2 : d < 2 ? (2 - d) * (2 - d) * (2 - d) / 6 : 0;
}

static double displacement(const float points[MIXENT_ELASTIC_POINTS][MIXENT_ELASTIC_POINTS], double x,
                           double y) {
  double sum = 0;
  for (int i = 0; i < MIXENT_ELASTIC_POINTS; i++)
    for (int j = 0; j < MIXENT_ELASTIC_POINTS; j++)
      sum += basis(y - (i - 1)) * basis(x - (j - 1)) * (double)points[i][j];
  return sum;
}

static void test_elastic_displacement_is_its_spline(void **state) {
  (void)state;
  const mixent_augmentation elastic = {.elastic = 3};
  for (uint64_t index = 0; index < 50; index++) {
    mixent_transform transform = mixent_transform_draw(&elastic, 28, 7, 1, index);
    for (double y = 0; y < MIXENT_ELASTIC_CELLS; y += 0.19) {
      mixent_elastic_line line;
      mixent_elastic_cut(transform.bend, y, &line);
      for (double x = 0; x < MIXENT_ELASTIC_CELLS; x += 0.23) {
        double move[2];
        mixent_elastic_at(&line, x, move);
        for (int axis = 0; axis < 2; axis++) {
          assert_true(fabs(move[axis] - displacement(transform.bend[axis], x, y)) < 1e-12);
          assert_true(fabs(move[axis]) <= 3);
        }
      }
    }
  }
}

/* Control points that are all alike shift the image; with none it stays as it is. */
static void test_an_even_displacement_is_a_shift(void **state) {
  (void)state;
  enum { SIDE = 20 };
  uint8_t image[SIDE * SIDE * 3], out[sizeof image], scratch[sizeof image];
  for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i * 37);
  for (int channels = 1; channels <= 3; channels += 2)
    for (int shift = -2; shift <= 2; shift++) {
      mixent_transform transform = {.scale = 1, .use_elastic = true};
      for (int i = 0; i < MIXENT_ELASTIC_POINTS * MIXENT_ELASTIC_POINTS; i++) /* along x alone */
        (&transform.bend[0][0][0])[i] = (float)shift + 0.001F; /* what is cut off stays above the whole */
      mixent_transform_apply(&transform, SIDE, channels, image, out, scratch);
      for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE * channels; x++) {
          int from = x + shift * channels, row = y * SIDE * channels;
          bool inside = from >= 0 && from < SIDE * channels, last = from + channels >= SIDE * channels;
          int wanted = inside ? image[row + from] : 0;
          int next = inside && !last ? image[row + from + channels] : wanted;
          if (abs(out[row + x] - wanted) > 1 + abs(next - wanted) / 500)
            fail_msg("shift %d at %d, %d: %d, not %d", shift, x, y, out[row + x], wanted);
        }
    }
  mixent_transform none = {.scale = 1, .use_elastic = true};
  mixent_transform_apply(&none, SIDE, 3, image, out, scratch);
  assert_memory_equal(out, image, sizeof image);
}

/* However large: every pixel is one of the input's or 0. */
static void test_any_displacement_is_survived(void **state) {
  (void)state;
  uint8_t image[17 * 17], out[17 * 17], scratch[17 * 17];
  memset(image, 200, sizeof image);
  for (uint64_t index = 0; index < 2000; index++) {
    mixent_augmentation wild = {.elastic = index % 2 ? 256 : 5, .affine_stretch = 0.9, .affine_scale = 0.9};
    mixent_transform transform = mixent_transform_draw(&wild, 17, 1, 0, index);
    mixent_transform_apply(&transform, 17, 1, image, out, scratch);
    for (size_t i = 0; i < sizeof out; i++) assert_true(out[i] == 0 || out[i] == 200 || out[i] == 199);
  }
}

/* A disc becomes an ellipse of the same area. */
static void test_stretch(void **state) {
  (void)state;
  enum { SIDE = 64 };
  uint8_t image[SIDE * SIDE], out[SIDE * SIDE], scratch[SIDE * SIDE];
  for (int i = 0; i < SIDE * SIDE; i++) image[i] = hypot(i % SIDE - 31.5, i / SIDE - 31.5) < 20 ? 255 : 0;
  mixent_transform transform = {.scale = 1, .use_affine = true, .stretch = 0.25};
  mixent_transform_apply(&transform, SIDE, 1, image, out, scratch);
  int width = 0, height = 0, area[2] = {0};
  for (int i = 0; i < SIDE; i++) width += out[32 * SIDE + i] > 127, height += out[i * SIDE + 32] > 127;
  for (int i = 0; i < SIDE * SIDE; i++) area[0] += image[i] > 127, area[1] += out[i] > 127;
  assert_in_range(width, 49, 51);
  assert_in_range(height, 31, 33);
  assert_true(abs(area[1] - area[0]) < area[0] / 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pixels_are_torchvision_s),
      cmocka_unit_test(test_nothing_asked_nothing_changed),
      cmocka_unit_test(test_any_corners_are_survived),
      cmocka_unit_test(test_numbers_are_uniform),
      cmocka_unit_test(test_corners_are_uniform),
      cmocka_unit_test(test_numbers_are_independent),
      cmocka_unit_test(test_erased_rectangles),
      cmocka_unit_test(test_stages_do_not_disturb_one_another),
      cmocka_unit_test(test_elastic_displacement_is_its_spline),
      cmocka_unit_test(test_an_even_displacement_is_a_shift),
      cmocka_unit_test(test_any_displacement_is_survived),
      cmocka_unit_test(test_stretch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
