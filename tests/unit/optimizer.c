/* optimisers: PyTorch's formulas written out for one parameter, segments, EMA, threads. (Whole trajectories
 * against PyTorch itself: tests/python/test_optimizer_torch.py.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "core/threads.h"
#include "optimize/clip.h"
#include "optimize/optimizer.h"
#include <math.h>
#include <string.h>

enum { COUNT = 70001, STEPS = 3 };

static float theta[COUNT], gradient[COUNT], state_arrays[2 * COUNT], ema[COUNT];

static void draw_all(uint64_t seed) {
  mixent_random random = mixent_random_stream(seed, "test", "optimizer");
  for (size_t i = 0; i < COUNT; i++) {
    uint32_t word[4];
    mixent_random_block(&random, 0, i, word);
    theta[i] = mixent_uniform_float(word[0]) - 0.5f;
    gradient[i] = mixent_uniform_float(word[1]) - 0.5f;
    ema[i] = theta[i];
  }
  memset(state_arrays, 0, sizeof state_arrays);
}

static void assert_close(double value, double wanted) {
  if (!(fabs(value - wanted) <= 1e-6 * (1 + fabs(wanted)))) fail_msg("%.9g is not %.9g", value, wanted);
}

static void test_registry(void **state) {
  (void)state;
  for (int i = 0; mixent_optimizer_types[i]; i++) {
    assert_string_equal(mixent_optimizer_names[i], mixent_optimizer_types[i]->name);
    assert_ptr_equal(mixent_optimizer_find(mixent_optimizer_names[i]), mixent_optimizer_types[i]);
    for (int a = 0; a < mixent_optimizer_types[i]->state_arrays; a++)
      assert_non_null(mixent_optimizer_types[i]->state_names[a]);
  }
  assert_null(mixent_optimizer_find("lion"));
}

/* What a step is to do to one parameter, as PyTorch's documentation writes it. */
static void step_by_hand(const mixent_optimizer *o, double decay, double rate, int step, double g,
                         double value[4]) {
  bool apart = strcmp(o->type->name, "adamw") == 0;
  if (apart) value[0] -= rate * decay * value[0];
  if (!apart) g += decay * value[0];
  if (strncmp(o->type->name, "adam", 4) != 0) {
    value[1] = step == 1 ? g : o->momentum * value[1] + g;
    value[0] -= rate * (o->nesterov ? g + o->momentum * value[1] : value[1]);
  } else {
    value[1] = o->beta1 * value[1] + (1 - o->beta1) * g;
    value[2] = o->beta2 * value[2] + (1 - o->beta2) * g * g;
    double m = value[1] / (1 - pow(o->beta1, step)), v = value[2] / (1 - pow(o->beta2, step));
    value[0] -= rate * m / (sqrt(v) + o->epsilon);
  }
  value[3] = 0.9 * value[3] + 0.1 * value[0];
}

/* Segments that decay, that do not, and elements in none; each element follows the formula for its segment.
 */
static void check_steps(const char *name, double momentum, bool nesterov) {
  const mixent_optimizer_segment segments[] = {
      {0, 1000, true}, {1000, 24, false}, {1024, 40000, true}, {50000, 20000, false}};
  mixent_optimizer optimizer = mixent_optimizer_defaults(mixent_optimizer_find(name));
  optimizer.momentum = momentum, optimizer.nesterov = nesterov, optimizer.weight_decay = 0.02;
  optimizer.count = COUNT, optimizer.segments = segments, optimizer.segment_count = 4;
  draw_all(1);
  static const size_t watched[] = {0,     999,   1000,  1023,  1024,  16383, 16384,
                                   41023, 41024, 49999, 50000, 69999, 70000};
  enum { WATCHED = sizeof watched / sizeof *watched };
  double wanted[WATCHED][4];
  for (int k = 0; k < WATCHED; k++)
    memcpy(wanted[k], (double[]){theta[watched[k]], 0, 0, ema[watched[k]]}, sizeof wanted[k]);
  for (int step = 1; step <= STEPS; step++) {
    double rate = 0.1 / step;
    mixent_optimizer_step(&optimizer, rate, (uint64_t)step, theta, gradient, state_arrays, ema, 0.9);
    for (int k = 0; k < WATCHED; k++) {
      size_t i = watched[k];
      bool decays = i < 1000 || (i >= 1024 && i < 41024), none = (i >= 41024 && i < 50000) || i >= 70000;
      if (!none) step_by_hand(&optimizer, decays ? 0.02 : 0, rate, step, gradient[i], wanted[k]);
    }
  }
  for (int k = 0; k < WATCHED; k++) {
    assert_close(theta[watched[k]], wanted[k][0]);
    for (int a = 0; a < optimizer.type->state_arrays; a++)
      assert_close(state_arrays[(size_t)a * COUNT + watched[k]], wanted[k][1 + a]);
    assert_close(ema[watched[k]], wanted[k][3]);
  }
}

static void test_formulas_and_segments(void **state) {
  (void)state;
  check_steps("sgd", 0, false);
  check_steps("sgd", 0.9, false);
  check_steps("sgd", 0.9, true);
  check_steps("adam", 0, false);
  check_steps("adamw", 0, false);
}

static void test_result_does_not_depend_on_threads(void **state) {
  (void)state;
  static float first[COUNT], first_ema[COUNT];
  for (int type = 0; mixent_optimizer_types[type]; type++) {
    mixent_optimizer_segment all = {0, COUNT, true};
    mixent_optimizer optimizer = mixent_optimizer_defaults(mixent_optimizer_types[type]);
    optimizer.momentum = 0.9, optimizer.weight_decay = 1e-3;
    optimizer.count = COUNT, optimizer.segments = &all, optimizer.segment_count = 1;
    for (int threads = 1; threads <= 3; threads++) {
      mixent_threads_set(threads);
      draw_all(2);
      for (int step = 1; step <= STEPS; step++)
        mixent_optimizer_step(&optimizer, 0.01, (uint64_t)step, theta, gradient, state_arrays, ema, 0.99);
      if (threads == 1) memcpy(first, theta, sizeof theta), memcpy(first_ema, ema, sizeof ema);
      assert_memory_equal(theta, first, sizeof theta);
      assert_memory_equal(ema, first_ema, sizeof ema);
    }
  }
}

/* Without an EMA the parameters go the same way. */
static void test_ema_is_a_follower(void **state) {
  (void)state;
  static float with[COUNT];
  mixent_optimizer_segment all = {0, COUNT, true};
  mixent_optimizer optimizer = mixent_optimizer_defaults(mixent_optimizer_find("adam"));
  optimizer.count = COUNT, optimizer.segments = &all, optimizer.segment_count = 1;
  draw_all(3);
  mixent_optimizer_step(&optimizer, 0.01, 1, theta, gradient, state_arrays, ema, 0.99);
  memcpy(with, theta, sizeof theta);
  draw_all(3);
  mixent_optimizer_step(&optimizer, 0.01, 1, theta, gradient, state_arrays, NULL, 0);
  assert_memory_equal(with, theta, sizeof theta);
}

/* The version for loss parameters is the same rule without decay. */
static void test_doubles_follow_the_same_rule(void **state) {
  (void)state;
  for (int type = 0; mixent_optimizer_types[type]; type++) {
    mixent_optimizer optimizer = mixent_optimizer_defaults(mixent_optimizer_types[type]);
    optimizer.momentum = 0.9, optimizer.nesterov = true, optimizer.weight_decay = 0.5;
    double values[4] = {1, -2, 0, 3}, arrays[8] = {0}, wanted[4][4];
    for (int k = 0; k < 4; k++) memcpy(wanted[k], (double[]){values[k], 0, 0, 0}, sizeof wanted[k]);
    for (int step = 1; step <= 10; step++) {
      double slopes[4];
      for (int k = 0; k < 4; k++) {
        slopes[k] = values[k] - 0.1 * k;
        step_by_hand(&optimizer, 0, 0.05, step, slopes[k], wanted[k]);
      }
      mixent_optimizer_step_double(&optimizer, 0.05, (uint64_t)step, 4, values, slopes, arrays);
      for (int k = 0; k < 4; k++) assert_true(fabs(values[k] - wanted[k][0]) < 1e-12);
    }
  }
}

/* As clip_grad_norm_: direction kept, norm at most the largest; a short gradient stays to the bit. */
static void test_clipping(void **state) {
  (void)state;
  static float before[COUNT];
  draw_all(4);
  memcpy(before, gradient, sizeof gradient);
  double sum = 0;
  for (int i = 0; i < COUNT; i++) sum += (double)gradient[i] * gradient[i];
  double norm = sqrt(sum);
  assert_true(fabs(mixent_gradient_clip(gradient, COUNT, norm + 1) - norm) < 1e-9 * norm);
  assert_memory_equal(before, gradient, sizeof gradient);
  mixent_gradient_clip(gradient, COUNT, 2);
  for (int i = 0; i < COUNT; i++) assert_true(fabs(gradient[i] - before[i] * 2 / (norm + 1e-6)) < 1e-8);
  assert_true(fabs(mixent_gradient_clip(gradient, 3, 1e9) -
                   sqrt((double)gradient[0] * gradient[0] + (double)gradient[1] * gradient[1] +
                        (double)gradient[2] * gradient[2])) < 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_registry),
      cmocka_unit_test(test_formulas_and_segments),
      cmocka_unit_test(test_result_does_not_depend_on_threads),
      cmocka_unit_test(test_ema_is_a_follower),
      cmocka_unit_test(test_doubles_follow_the_same_rule),
      cmocka_unit_test(test_clipping),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
