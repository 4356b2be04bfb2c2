/* mix: mixup and CutMix against plain loops; shares are Beta's; pairs exchange as much target as image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/threads.h"
#include "data/augment/mix.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DRAWS = 20000, SIDE = 9, CHANNELS = 3, SIZE = SIDE * SIDE * CHANNELS, ROWS = 11, CLASSES = 5 };

/* Mean 1/2 and variance 1 / (4 (2 alpha + 1)), within five deviations; of alpha 1 the tenths are equally likely. */
static void assert_beta(double alpha) {
  const mixent_mixing mixing = {.mixup = alpha, .probability = 1};
  double sum = 0, squares = 0, variance = 1 / (4 * (2 * alpha + 1));
  int tenths[10] = {0};
  for (uint64_t i = 0; i < DRAWS; i++) {
    double share = mixent_mix_draw(&mixing, SIDE, 3, 1, i).share;
    assert_true(share >= 0 && share <= 1);
    sum += share, squares += (share - 0.5) * (share - 0.5);
    tenths[share < 1 ? (int)(10 * share) : 9]++;
  }
  assert_true(fabs(sum / DRAWS - 0.5) < 5 * sqrt(variance / DRAWS));
  assert_true(fabs(squares / DRAWS / variance - 1) < 5 * sqrt(2.0 / DRAWS));
  for (int i = 0; i < 10 && alpha == 1; i++) assert_in_range(tenths[i], DRAWS / 10 - 220, DRAWS / 10 + 220);
}

static void test_shares(void **state) {
  (void)state;
  const double alphas[] = {0.001, 0.2, 1, 2};
  for (size_t i = 0; i < sizeof alphas / sizeof *alphas; i++) assert_beta(alphas[i]);
}

static void test_which_rows(void **state) {
  (void)state;
  const mixent_mixing both = {.mixup = 1, .cutmix = 1, .probability = 0.6};
  int mixed = 0, cut = 0;
  for (uint64_t i = 0; i < DRAWS; i++) {
    mixent_mix mix = mixent_mix_draw(&both, SIDE, 3, 2, i);
    cut += mix.width > 0, mixed += mix.width == 0 && mix.share < 1;
    if (!mix.width) continue;
    assert_true(mix.left >= 0 && mix.top >= 0 && mix.left + mix.width <= SIDE &&
                mix.top + mix.height <= SIDE);
    assert_true(fabs(mix.share - (1 - mix.width * mix.height / (double)(SIDE * SIDE))) < 1e-12);
  }
  assert_in_range(mixed, 0.3 * DRAWS - 330, 0.3 * DRAWS + 330);
  assert_in_range(cut, 0.22 * DRAWS, 0.3 * DRAWS); /* some squares are smaller than a pixel */
  assert_false(mixent_mixing_is_on(&(mixent_mixing){.mixup = 1}));
  assert_false(mixent_mixing_is_on(&(mixent_mixing){.probability = 1}));
}

static float input[ROWS][SIZE], targets[ROWS][CLASSES], mixed_input[ROWS][SIZE], mixed_targets[ROWS][CLASSES];
static uint32_t indices[ROWS];

static void fill_rows(void) {
  for (int i = 0; i < ROWS; i++) {
    indices[i] = (uint32_t)(i * 37 % 100);
    for (int k = 0; k < SIZE; k++) input[i][k] = (float)((i * SIZE + k) * 7919 % 1000) / 250 - 1;
    for (int k = 0; k < CLASSES; k++) targets[i][k] = k == i % CLASSES ? 1 : 0;
  }
  memcpy(mixed_input, input, sizeof input);
  memcpy(mixed_targets, targets, sizeof targets);
}

static void mix_rows(const mixent_mixing *mixing) {
  const mixent_mix_batch batch = {.rows = ROWS,
                                  .classes = CLASSES,
                                  .side = SIDE,
                                  .channels = CHANNELS,
                                  .indices = indices,
                                  .input = &mixed_input[0][0],
                                  .targets = &mixed_targets[0][0]};
  fill_rows();
  mixent_mix_rows(mixing, &batch, 5, 2);
}

/* Row by row, from the rows as they were. */
static void assert_mixed(const mixent_mixing *mixing) {
  mix_rows(mixing);
  for (int i = 0; i < ROWS; i++) {
    int partner = ROWS - 1 - i;
    mixent_mix mix = {.share = 1};
    if (partner != i) mix = mixent_mix_draw(mixing, SIDE, 5, 2, indices[i]);
    for (int k = 0; k < SIZE; k++) {
      int x = k / CHANNELS % SIDE, y = k / CHANNELS / SIDE;
      bool inside = x >= mix.left && x < mix.left + mix.width && y >= mix.top && y < mix.top + mix.height;
      double share = mix.width ? !inside : mix.share;
      assert_true(fabs(mixed_input[i][k] - (share * input[i][k] + (1 - share) * input[partner][k])) < 1e-6);
    }
    double sum = 0;
    for (int k = 0; k < CLASSES; k++) {
      double expected = mix.share * targets[i][k] + (1 - mix.share) * targets[partner][k];
      assert_true(fabs(mixed_targets[i][k] - expected) < 1e-6);
      sum += mixed_targets[i][k];
    }
    assert_true(fabs(sum - 1) < 1e-6);
  }
}

static const mixent_mixing kinds[] = {{.mixup = 1, .probability = 1},
                                      {.cutmix = 1, .probability = 1},
                                      {.mixup = 0.4, .cutmix = 1, .probability = 0.7}};

static void test_against_plain_loops(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) assert_mixed(&kinds[i]);
}

static void test_same_for_any_threads(void **state) {
  (void)state;
  static float alone[ROWS][SIZE];
  mixent_threads_set(1);
  mix_rows(&kinds[2]);
  memcpy(alone, mixed_input, sizeof alone);
  for (int threads = 2; threads <= 3; threads++) {
    mixent_threads_set(threads);
    mix_rows(&kinds[2]);
    assert_memory_equal(alone, mixed_input, sizeof alone);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shares),
      cmocka_unit_test(test_which_rows),
      cmocka_unit_test(test_against_plain_loops),
      cmocka_unit_test(test_same_for_any_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
