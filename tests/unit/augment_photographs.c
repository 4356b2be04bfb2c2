/* Augmentation of photographs: the pixels torchvision makes (tests/golden/photographs.bin.gz), and the distributions it draws
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

enum { BOX, MOVE, COLOUR, ALL, KINDS, MAX_BYTES = 33 * 33 * 3, DRAWS = 20000 };

static void read_exactly(gzFile file, void *out, size_t size) {
  assert_int_equal(gzread(file, out, (unsigned)size), (int)size);
}

static void take_box(const int32_t *numbers, mixent_transform *transform) {
  transform->box_left = numbers[0], transform->box_top = numbers[1];
  transform->box_width = numbers[2], transform->box_height = numbers[3];
}

static void take_move(const int32_t *numbers, mixent_transform *transform) {
  transform->move_x = numbers[0], transform->move_y = numbers[1], transform->flip = numbers[2];
}

static void take_colour(const double factors[4], const uint8_t order[4], mixent_transform *transform) {
  transform->use_colour = true;
  transform->brightness = factors[0], transform->contrast = factors[1];
  transform->saturation = factors[2], transform->hue = factors[3];
  memcpy(transform->colour_order, order, sizeof transform->colour_order);
}

/* The record is described in tests/golden/make_photographs.py. Crops may differ by 1, as Pillow rounds twice; what follows one makes
 * more of that. */
static void test_pixels_are_torchvision_s(void **state) {
  (void)state;
  static const int allowed[KINDS] = {[BOX] = 1};
  gzFile file = gzopen("tests/golden/photographs.bin.gz", "rb");
  assert_non_null(file);
  int cases[KINDS] = {0};
  size_t pixels = 0, far = 0; /* of kind ALL */
  int32_t head[10];
  while (gzread(file, head, sizeof head) == (int)sizeof head) {
    int kind = head[0], side = head[1], channels = head[2];
    size_t bytes = (size_t)side * (size_t)side * (size_t)channels;
    assert_in_range(bytes, 1, MAX_BYTES);
    double factors[4];
    uint8_t order[4], image[MAX_BYTES], expected[MAX_BYTES], out[MAX_BYTES], scratch[MAX_BYTES];
    read_exactly(file, factors, sizeof factors);
    read_exactly(file, order, sizeof order);
    read_exactly(file, image, bytes);
    read_exactly(file, expected, bytes);
    mixent_transform transform = {.scale = 1};
    if (kind == BOX || kind == ALL) take_box(head + 3, &transform);
    if (kind == MOVE || kind == ALL) take_move(head + 7, &transform);
    if (kind == COLOUR || kind == ALL) take_colour(factors, order, &transform);
    mixent_transform_apply(&transform, side, channels, image, out, scratch);
    for (size_t i = 0; i < bytes; i++) {
      int difference = abs(out[i] - expected[i]);
      if (kind == ALL)
        pixels++, far += difference > 4;
      else if (difference > allowed[kind])
        fail_msg("kind %d case %d byte %zu: %d, torchvision %d", kind, cases[kind], i, out[i], expected[i]);
    }
    cases[kind]++;
  }
  gzclose(file);
  for (int kind = 0; kind < KINDS; kind++) assert_int_equal(cases[kind], 40);
  assert_true((double)far < 0.02 * (double)pixels);
}

static void test_draws_are_torchvision_s_distributions(void **state) {
  (void)state;
  enum { SIDE = 64 };
  const mixent_augmentation augmentation = {.resized_crop = 0.25,
                                            .crop_padding = 4,
                                            .flip = 0.3,
                                            .brightness = 0.4,
                                            .contrast = 2,
                                            .saturation = 0.1,
                                            .hue = 0.2};
  double area = 0, least_area = 1, most_ratio = 0, brightness = 0, least_contrast = 9, hue = 0;
  int moved[9] = {0}, flipped = 0, first[MIXENT_COLOUR_CHANGES] = {0};
  for (uint64_t i = 0; i < DRAWS; i++) {
    mixent_transform t = mixent_transform_draw(&augmentation, SIDE, 1, 2, i);
    assert_true(t.box_left >= 0 && t.box_width >= 1 && t.box_left + t.box_width <= SIDE);
    assert_true(t.box_top >= 0 && t.box_height >= 1 && t.box_top + t.box_height <= SIDE);
    double part = (double)t.box_width * t.box_height / (SIDE * SIDE);
    area += part / DRAWS;
    least_area = fmin(least_area, part);
    most_ratio = fmax(most_ratio, (double)t.box_width / t.box_height);
    assert_in_range(t.move_x + 4, 0, 8);
    assert_in_range(t.move_y + 4, 0, 8);
    moved[t.move_x + 4]++;
    flipped += t.flip;
    assert_true(t.brightness >= 0.6 && t.brightness < 1.4 && t.contrast >= 0 && t.contrast < 3);
    assert_true(t.saturation >= 0.9 && t.saturation < 1.1 && fabs(t.hue) <= 0.2);
    brightness += t.brightness / DRAWS, least_contrast = fmin(least_contrast, t.contrast),
                                        hue += t.hue / DRAWS;
    int seen = 0;
    for (int k = 0; k < MIXENT_COLOUR_CHANGES; k++) seen |= 1 << t.colour_order[k];
    assert_int_equal(seen, 15);
    first[t.colour_order[0]]++;
  }
  /* uniform in [0.25, 1], but for large boxes of uneven sides, which do not fit and are drawn again */
  assert_true(area > 0.55 && area < 0.625 && least_area < 0.26 && least_area > 0.24);
  assert_true(most_ratio > 1.3 && most_ratio < 1.37);
  for (int k = 0; k < 9; k++) assert_in_range(moved[k], DRAWS / 9 - 200, DRAWS / 9 + 200);
  assert_in_range(flipped, (int)(0.285 * DRAWS), (int)(0.315 * DRAWS));
  assert_true(fabs(brightness - 1) < 0.01 && least_contrast < 0.01 && fabs(hue) < 0.005);
  for (int k = 0; k < MIXENT_COLOUR_CHANGES; k++) assert_in_range(first[k], DRAWS / 4 - 300, DRAWS / 4 + 300);
}

/* One that is used leaves what the others draw as it was. */
static void test_options_are_drawn_apart(void **state) {
  (void)state;
  mixent_augmentation some = {.affine_rotation = 10, .flip = 0.5}, more = some;
  more.resized_crop = 0.5, more.crop_padding = 3, more.hue = 0.5, more.erase = 1, more.erase_area = 0.3;
  for (uint64_t i = 0; i < 100; i++) {
    mixent_transform a = mixent_transform_draw(&some, 28, 3, 1, i),
                     b = mixent_transform_draw(&more, 28, 3, 1, i);
    assert_true(a.angle == b.angle && a.flip == b.flip);
    assert_true(a.box_width == 0 && a.move_x == 0 && a.move_y == 0 && !a.use_colour);
    assert_true(b.box_width > 0 && b.use_colour);
  }
}

static void test_any_move_is_survived(void **state) {
  (void)state;
  uint8_t image[8 * 8 * 3], out[sizeof image], scratch[sizeof image];
  for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i + 1);
  for (int x = -300; x <= 300; x += 5)
    for (int y = -300; y <= 300; y += 50) {
      const mixent_transform transform = {.scale = 1, .move_x = x, .move_y = y};
      mixent_transform_apply(&transform, 8, 3, image, out, scratch);
      for (int k = 0; k < 64; k++) {
        int from_x = k % 8 + x, from_y = k / 8 + y;
        bool inside = from_x >= 0 && from_x < 8 && from_y >= 0 && from_y < 8;
        assert_int_equal(out[3 * k], inside ? image[3 * (8 * from_y + from_x)] : 0);
      }
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pixels_are_torchvision_s),
                                     cmocka_unit_test(test_draws_are_torchvision_s_distributions),
                                     cmocka_unit_test(test_options_are_drawn_apart),
                                     cmocka_unit_test(test_any_move_is_survived)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
