/* loss: each of the monitor's warnings provoked, given once, and not given without cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mixent/monitor.h"
#include <math.h>
#include <string.h>

typedef struct told {
  int times[MIXENT_WARNINGS];
  char last[512];
} told;

static void hear(void *context, mixent_warning warning, const char *message) {
  told *told = context;
  told->times[warning]++;
  strncpy(told->last, message, sizeof told->last - 1);
}

static int told_in_all(const told *told) {
  int sum = 0;
  for (int i = 0; i < MIXENT_WARNINGS; i++) sum += told->times[i];
  return sum;
}

/* A healthy epoch: accuracy rises, entropy is what it should be. */
static mixent_observation healthy(double epoch) {
  return (mixent_observation){.epoch = epoch,
                              .epochs = 20,
                              .loss = 1 / epoch,
                              .gradient_finite = true,
                              .validation_accuracy = 0.9 + 0.004 * epoch,
                              .validation_rows = 1000,
                              .entropy = 0.2,
                              .baseline_accuracy = NAN};
}

typedef struct scene {
  mixent_loss_options options;
  mixent_loss_state state;
  mixent_monitor monitor;
  told told;
} scene;

static scene begin(void) {
  scene scene = {.options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT)};
  scene.options.w[1] = 1;
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) scene.options.learn[k] = k % MIXENT_LOSS_PARTS < 2;
  scene.state = mixent_loss_start(&scene.options);
  return scene;
}

static void show(scene *scene, const mixent_observation *seen) {
  mixent_monitor_observe(&scene->monitor, &scene->options, &scene->state, seen, hear, &scene->told);
}

static void test_a_healthy_run_is_left_alone(void **state) {
  (void)state;
  scene s = begin();
  for (int epoch = 1; epoch <= 20; epoch++) {
    mixent_observation seen = healthy(epoch);
    seen.baseline_accuracy = 0.93;
    show(&s, &seen);
  }
  assert_int_equal(told_in_all(&s.told), 0);
}

static void test_a_weight_near_zero(void **state) {
  (void)state;
  scene s = begin();
  s.state.value[1] = 0.005;
  for (int epoch = 3; epoch < 6; epoch++) {
    mixent_observation seen = healthy(epoch);
    show(&s, &seen);
  }
  assert_int_equal(s.told.times[MIXENT_WARNING_WEIGHT_NEAR_ZERO], 1);
  assert_int_equal(told_in_all(&s.told), 1);
  assert_non_null(strstr(s.told.last, "w2 has fallen to 0.005 after epoch 3"));
  assert_non_null(strstr(s.told.last, "loss.learn"));
  scene past = begin(); /* from one look to the next it may have run through zero */
  past.state.value[1] = -3;
  mixent_observation early = healthy(2);
  show(&past, &early);
  assert_int_equal(past.told.times[MIXENT_WARNING_WEIGHT_NEAR_ZERO], 1);
  scene late = begin(); /* late is no news, nor is what a schedule does, nor a weight that is not learned */
  late.state.value[1] = 0.005;
  mixent_observation seen = healthy(15);
  show(&late, &seen);
  scene scheduled = begin();
  scheduled.options.style = MIXENT_STYLE_SQUARE_DECAY, scheduled.options.max_interval = 3;
  seen = healthy(4);
  show(&scheduled, &seen);
  scene fixed = begin();
  fixed.state.value[1] = 0.005, fixed.options.learn[1] = false;
  show(&fixed, &seen);
  assert_int_equal(told_in_all(&late.told) + told_in_all(&scheduled.told) + told_in_all(&fixed.told), 0);
}

static void test_a_base_at_its_bound(void **state) {
  (void)state;
  for (int high = 0; high < 2; high++) {
    scene s = begin();
    mixent_observation seen = healthy(2);
    s.state.value[MIXENT_LOSS_PARTS + 1] = log(s.options.b_bounds[high]);
    show(&s, &seen);
    show(&s, &seen);
    assert_int_equal(s.told.times[MIXENT_WARNING_BASE_AT_BOUND], 1);
    assert_int_equal(told_in_all(&s.told), 1);
    assert_non_null(
        strstr(s.told.last, high ? "b2 has reached its bound 1000" : "b2 has reached its bound 1.1"));
  }
}

static void test_a_plateau_below_the_baseline(void **state) {
  (void)state;
  for (int above = 0; above < 2; above++) {
    scene s = begin();
    for (int epoch = 1; epoch <= 10; epoch++) {
      mixent_observation seen = healthy(epoch);
      seen.validation_accuracy = 0.9 + 0.01 * fmin(epoch, 3);
      seen.baseline_accuracy = above ? 0.93 : 0.95;
      show(&s, &seen);
      if (epoch < 6) assert_int_equal(told_in_all(&s.told), 0); /* it may still rise */
    }
    assert_int_equal(s.told.times[MIXENT_WARNING_BELOW_BASELINE], !above);
    assert_int_equal(told_in_all(&s.told), !above);
  }
  scene fallen = begin(); /* good once, and no longer */
  for (int epoch = 1; epoch <= 8; epoch++) {
    mixent_observation seen = healthy(epoch);
    seen.validation_accuracy = epoch == 1 ? 0.96 : 0.8;
    seen.baseline_accuracy = 0.95;
    show(&fallen, &seen);
  }
  assert_int_equal(fallen.told.times[MIXENT_WARNING_BELOW_BASELINE], 1);
}

static void test_a_collapse(void **state) {
  (void)state;
  scene s = begin();
  for (int epoch = 1; epoch <= 8; epoch++) {
    mixent_observation seen = healthy(epoch);
    if (epoch > 5) seen.entropy = 0.001, seen.validation_accuracy = 0.7;
    show(&s, &seen);
  }
  assert_int_equal(s.told.times[MIXENT_WARNING_COLLAPSE], 1);
  assert_int_equal(told_in_all(&s.told), 1);
  scene sure = begin(); /* sure and right is no collapse */
  mixent_observation seen = healthy(1);
  seen.entropy = 0.001;
  show(&sure, &seen);
  assert_int_equal(told_in_all(&sure.told), 0);
}

/* A warning blames what the loss has, and names options that it has. */
static void test_each_warning_looks_at_the_loss(void **state) {
  (void)state;
  static const struct {
    mixent_loss_kind kind;
    double w2, smoothing; /* w2 0: the loss's own */
    const char *collapse, *below;
  } cases[] = {
      {MIXENT_LOSS_CE, 0, 0, "no term that rewards it: lower optimizer.learning_rate",
       "compare the other options"},
      {MIXENT_LOSS_CE, 0, 0.1, "no term that rewards it", "lower loss.smoothing or raise the learning rate"},
      {MIXENT_LOSS_MIN_ENT, 2, 0,
       "the entropy term (2) outweighs cross entropy (1): lower its weight (loss.w2)",
       "lower loss.w2 or raise"},
      {MIXENT_LOSS_MIN_ENT, 0.1, 0,
       "lower optimizer.learning_rate, or the weight of the term that rewards it (loss.w2)", "lower loss.w2"},
      {MIXENT_LOSS_MIX_ENT, 3, 0, "the swapped cross entropy (3) outweighs", "lower loss.w2"},
      {MIXENT_LOSS_CONFIDENCE_PENALTY, 0, 0, "no term that rewards it", "raise loss.w2"},
      {MIXENT_LOSS_POLY1, 0, 0, "no term that rewards it", "lower loss.w2"},
      {MIXENT_LOSS_FOCAL, 0, 0, "no term that rewards it", "lower loss.focal_gamma or raise"},
      {MIXENT_LOSS_GCE, 0, 0, "no term that rewards it", "lower loss.gce_q"},
      {MIXENT_LOSS_BI_TEMPERED, 0, 0, "no term that rewards it", "bring loss.t1 and loss.t2 nearer to 1"},
      {MIXENT_LOSS_MAE, 0, 0, "no term that rewards it", "holds the network back; raise the learning rate"},
      {MIXENT_LOSS_LABEL_SMOOTHING, 0, 0.1, "no term that rewards it", "lower loss.smoothing"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int collapsed = 0; collapsed < 2; collapsed++) {
      scene s = {.options = mixent_loss_defaults(cases[i].kind)};
      if (cases[i].w2 != 0) s.options.w[1] = cases[i].w2;
      s.options.smoothing = cases[i].smoothing;
      s.state = mixent_loss_start(&s.options);
      for (int epoch = 1; epoch <= 8; epoch++) {
        mixent_observation seen = healthy(epoch);
        if (collapsed && epoch > 5) seen.entropy = 0.001, seen.validation_accuracy = 0.7;
        if (!collapsed) seen.validation_accuracy = 0.8, seen.baseline_accuracy = 0.95;
        show(&s, &seen);
      }
      const char *expected = collapsed ? cases[i].collapse : cases[i].below;
      assert_int_equal(told_in_all(&s.told), 1);
      if (!strstr(s.told.last, expected)) fail_msg("%s\nlacks: %s", s.told.last, expected);
      if (cases[i].kind == MIXENT_LOSS_CE) assert_null(strstr(s.told.last, "loss.w2"));
    }
}

/* What is not learned is not to be changed, and a style that the loss may not have is not advised. */
static void test_advice_names_what_is_learned(void **state) {
  (void)state;
  mixent_observation seen = healthy(1);
  scene plain = {.options = mixent_loss_defaults(MIXENT_LOSS_CE)}, bases = begin(), split = begin(),
        free = begin();
  plain.state = mixent_loss_start(&plain.options);
  seen.loss = NAN, seen.validation_accuracy = NAN;
  show(&plain, &seen);
  assert_null(strstr(plain.told.last, "loss."));
  show(&bases, &seen);
  assert_non_null(strstr(bases.told.last, "or loss.weight_learning_rate or loss.base_learning_rate"));
  split.options = mixent_loss_defaults(MIXENT_LOSS_MIX_ENT_SPLIT);
  split.options.learn[1] = true;
  split.state.value[1] = free.state.value[1] = 0.001;
  seen = healthy(2);
  show(&split, &seen);
  show(&free, &seen);
  assert_null(strstr(split.told.last, "uncertainty"));
  assert_non_null(strstr(free.told.last, ", or take loss.style uncertainty"));
  scene low = begin();
  low.state.value[MIXENT_LOSS_PARTS] = log(low.options.b_bounds[0]);
  show(&low, &seen);
  assert_null(strstr(low.told.last, "only grows"));
}

static void test_what_is_not_finite(void **state) {
  (void)state;
  for (int what = 0; what < 3; what++) {
    scene s = begin();
    mixent_observation seen = healthy(1);
    if (what == 0) seen.loss = NAN;
    if (what == 1) seen.gradient_finite = false;
    if (what == 2) s.state.value[0] = INFINITY;
    seen.validation_accuracy = NAN; /* not known in the middle of an epoch */
    show(&s, &seen);
    show(&s, &seen);
    assert_int_equal(s.told.times[MIXENT_WARNING_NOT_FINITE], 1);
    assert_int_equal(told_in_all(&s.told), 1);
  }
}

static void test_names(void **state) {
  (void)state;
  for (int i = 0; i < MIXENT_WARNINGS; i++) assert_non_null(mixent_warning_names[i]);
  assert_null(mixent_warning_names[MIXENT_WARNINGS]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_healthy_run_is_left_alone),
      cmocka_unit_test(test_a_weight_near_zero),
      cmocka_unit_test(test_a_base_at_its_bound),
      cmocka_unit_test(test_a_plateau_below_the_baseline),
      cmocka_unit_test(test_a_collapse),
      cmocka_unit_test(test_each_warning_looks_at_the_loss),
      cmocka_unit_test(test_advice_names_what_is_learned),
      cmocka_unit_test(test_what_is_not_finite),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
