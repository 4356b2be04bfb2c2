/* polarity: a dark letter on white is told from a light one on black; photographs are neither. */
#include "data_files.h"

#include "mixent/data.h"
#include <string.h>

enum { SIDE = 16, MOST = SIDE * SIDE * 3 };
static uint8_t image[MOST];

/* A stroke from top to bottom, which crosses the border, on a background. */
static void draw(int channels, uint8_t background, uint8_t ink) {
  for (int i = 0; i < SIDE * SIDE; i++)
    for (int k = 0; k < channels; k++)
      image[i * channels + k] = i % SIDE >= 6 && i % SIDE < 10 ? ink : background;
}

static bool is_negative(int channels, float mean) {
  return mixent_image_is_negative(image, SIDE, channels, (float[]){mean, mean, mean});
}

static void test_background_decides(void **state) {
  (void)state;
  for (int channels = 1; channels <= 3; channels += 2) {
    draw(channels, 0, 255);
    assert_false(is_negative(channels, 0.17F));
    assert_true(is_negative(channels, 0.83F));
    mixent_image_invert(image, (size_t)(SIDE * SIDE * channels));
    assert_int_equal(image[0], 255);
    assert_true(is_negative(channels, 0.17F));
    assert_false(is_negative(channels, 0.83F));
    draw(channels, 200, 40); /* grey paper */
    assert_true(is_negative(channels, 0.17F));
  }
}

static void test_an_image_without_pixels(void **state) {
  const float mean = 0.17F;
  (void)state;
  assert_false(mixent_image_is_negative(image, 0, 1, &mean));
  assert_non_null(strstr(mixent_last_error(), "side"));
  assert_false(mixent_image_is_negative(image, SIDE, 0, &mean));
}

static void test_photographs_have_no_background(void **state) {
  (void)state;
  for (int background = 0; background <= 255; background += 51) {
    draw(3, (uint8_t)background, 128);
    assert_false(is_negative(3, 0.36F));
    assert_false(is_negative(3, 0.47F));
    assert_false(is_negative(3, 0.64F));
  }
}

static void test_a_model_that_does_not_normalise(void **state) {
  (void)state;
  draw(1, 255, 0);
  assert_true(is_negative(1, 0.01F));
  assert_false(is_negative(1, 0));
}

static void test_the_border_alone_is_looked_at(void **state) {
  (void)state;
  memset(image, 255, sizeof image); /* a large light thing in a dark frame */
  for (int i = 0; i < SIDE; i++)
    image[i] = image[(SIDE - 1) * SIDE + i] = image[i * SIDE] = image[i * SIDE + SIDE - 1] = 0;
  assert_false(is_negative(1, 0.17F));
  image[0] = 255;
  assert_true(mixent_image_is_negative(image, 1, 1, &(float){0.17F})); /* a side of 1 ends */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_background_decides),
      cmocka_unit_test(test_an_image_without_pixels),
      cmocka_unit_test(test_photographs_have_no_background),
      cmocka_unit_test(test_a_model_that_does_not_normalise),
      cmocka_unit_test(test_the_border_alone_is_looked_at),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
