/* schedules: their shapes as properties, and the one that follows validation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "optimize/schedule.h"
#include <math.h>

static mixent_schedule schedule_named(const char *name, double warmup) {
  mixent_schedule schedule = {.type = mixent_schedule_find(name), .rate = 0.15, .warmup = warmup};
  assert_non_null(schedule.type);
  return schedule;
}

static void assert_near(double value, double wanted) {
  if (!(fabs(value - wanted) <= 1e-12)) fail_msg("%.17g is not %.17g", value, wanted);
}

static void test_registry(void **state) {
  (void)state;
  for (int i = 0; mixent_schedule_types[i]; i++)
    assert_string_equal(mixent_schedule_names[i], mixent_schedule_types[i]->name);
  assert_null(mixent_schedule_find("one_cycle"));
  assert_near(mixent_schedule_find("one-cycle")->default_warmup, 0.25);
}

static void test_constant(void **state) {
  (void)state;
  mixent_schedule schedule = schedule_named("constant", 0);
  mixent_schedule_state at = mixent_schedule_start();
  for (uint64_t step = 1; step <= 10; step++)
    assert_near(mixent_schedule_rate(&schedule, step, 10, &at), 0.15);
}

/* Up, then down; never 0, never above the peak; the mean is half the peak and each half a straight line. */
static void test_one_cycle(void **state) {
  (void)state;
  mixent_schedule_state at = mixent_schedule_start();
  for (double warmup = 0; warmup <= 1; warmup += 0.25) {
    mixent_schedule schedule = schedule_named("one-cycle", warmup);
    const uint64_t total = 1000;
    double sum = 0, previous = 0, first = 0, before = 0;
    for (uint64_t step = 1; step <= total; step++) {
      double rate = mixent_schedule_rate(&schedule, step, total, &at);
      assert_true(rate > 0 && rate <= 0.15);
      double up = warmup * (double)total, place = (double)step;
      if (step > 1 && (place <= up || place > up + 1)) assert_int_equal(rate > previous, place <= up);
      if (step > 2 && (place <= up || place > up + 2)) assert_near(rate - previous, previous - before);
      if (step == 1) first = rate;
      sum += rate, before = previous, previous = rate;
    }
    assert_near(sum / (double)total, 0.075);
    if (warmup > 0) assert_near(first, 0.15 * 0.5 / (warmup * (double)total));
    if (warmup < 1) assert_near(previous, 0.15 * 0.5 / ((1 - warmup) * (double)total));
  }
  mixent_schedule schedule = schedule_named("one-cycle", 0.25);
  assert_near(mixent_schedule_rate(&schedule, 1, 1, &at),
              0.15 * 0.5 / 0.75); /* a run of one step still moves */
}

static void test_cosine(void **state) {
  (void)state;
  mixent_schedule_state at = mixent_schedule_start();
  mixent_schedule schedule = schedule_named("cosine", 0);
  for (uint64_t step = 1; step <= 100; step++) {
    double rate = mixent_schedule_rate(&schedule, step, 100, &at);
    assert_near(rate + mixent_schedule_rate(&schedule, 101 - step, 100, &at),
                0.15); /* even about its middle */
    assert_near(rate, 0.075 * (1 + cos(M_PI * ((double)step - 0.5) / 100)));
  }
  schedule.warmup = 0.1; /* 10 steps straight up, then a cosine over the other 90 */
  mixent_schedule plain = schedule_named("cosine", 0);
  for (uint64_t step = 1; step <= 10; step++)
    assert_near(mixent_schedule_rate(&schedule, step, 100, &at), 0.15 * ((double)step - 0.5) / 10);
  for (uint64_t step = 11; step <= 100; step++)
    assert_near(mixent_schedule_rate(&schedule, step, 100, &at),
                mixent_schedule_rate(&plain, step - 10, 90, &at));
}

static void test_spinal(void **state) {
  (void)state;
  mixent_schedule schedule = schedule_named("spinal", 0);
  mixent_schedule_state at = mixent_schedule_start();
  for (uint64_t epoch = 0; epoch < 5; epoch++) mixent_schedule_epoch_end(&schedule, &at, 7, epoch, true);
  assert_near(mixent_schedule_rate(&schedule, 3, 10, &at), 0.15); /* as long as it gets better */
  /* drawn from seed and epoch alone, and kept by a new best */
  mixent_schedule_state other = {0.3};
  mixent_schedule_epoch_end(&schedule, &at, 7, 5, false);
  mixent_schedule_epoch_end(&schedule, &other, 7, 5, false);
  double drawn = at.factor;
  assert_true(drawn == other.factor && drawn != 1);
  mixent_schedule_epoch_end(&schedule, &at, 7, 6, true);
  assert_true(at.factor == drawn);
  mixent_schedule_epoch_end(&schedule, &other, 8, 5, false);
  assert_true(drawn != other.factor);
  /* U^3 with U uniform: P(factor < x) = cbrt(x), mean 1/4; four standard errors of 20,000 draws */
  enum { DRAWS = 20000 };
  double sum = 0;
  int below[9] = {0};
  for (uint64_t epoch = 0; epoch < DRAWS; epoch++) {
    mixent_schedule_epoch_end(&schedule, &at, 7, epoch, false);
    assert_true(at.factor >= 0 && at.factor < 1);
    sum += at.factor;
    for (int k = 1; k <= 9; k++) below[k - 1] += cbrt(at.factor) < k / 10.0;
  }
  assert_true(fabs(sum / DRAWS - 0.25) < 4 * sqrt((1 / 7.0 - 1 / 16.0) / DRAWS));
  for (int k = 1; k <= 9; k++)
    assert_true(fabs(below[k - 1] / (double)DRAWS - k / 10.0) < 4 * sqrt(k / 10.0 * (1 - k / 10.0) / DRAWS));
  /* the others do not listen */
  mixent_schedule constant = schedule_named("constant", 0);
  mixent_schedule_state still = mixent_schedule_start();
  mixent_schedule_epoch_end(&constant, &still, 7, 1, false);
  assert_true(still.factor == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_registry), cmocka_unit_test(test_constant), cmocka_unit_test(test_one_cycle),
      cmocka_unit_test(test_cosine),   cmocka_unit_test(test_spinal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
