/* A whole training step (batch, augmentation, network, loss, scores, optimiser, EMA) allocates nothing:
 * counted between the fifth step of a run and the one before the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "allocations.h"
#include "mixent/train.h"
#include "small_run.h"

static void count_after_some_steps(void *context, const mixent_train_progress *progress) {
  (void)context;
  atomic_store(&counting, progress->step >= 5 && progress->step < progress->steps - 1);
}

/* A run of that name in the directory, which has the data. */
static void train_run(const char *directory, const char *name, const char *const (*changes)[2],
                      size_t change_count) {
  char data[64], net[64], run[64];
  snprintf(data, sizeof data, "%s/data", directory);
  snprintf(net, sizeof net, "%s/small.yaml", directory);
  snprintf(run, sizeof run, "%s/%s", directory, name);
  mixent_setting settings[16] = {{"data", data}, {"net", net},     {"epochs", "1"},
                                 {"batch", "2"}, {"threads", "2"}, {"validation.fraction", "0.2"}};
  for (size_t i = 0; i < change_count; i++) settings[6 + i] = (mixent_setting){changes[i][0], changes[i][1]};
  const mixent_train_options options = {.settings = settings,
                                        .setting_count = 6 + change_count,
                                        .run = run,
                                        .progress = count_after_some_steps};
  mixent_train_summary summary;
  if (mixent_train(&options, &summary) != MIXENT_OK) fail_msg("%s", mixent_last_error());
  mixent_train_summary_free(&summary);
}

static void train_with(const char *const (*changes)[2], size_t change_count) {
  char directory[] = "/tmp/mixent-test-XXXXXX";
  assert_non_null(mkdtemp(directory));
  assert_true(small_run_make(directory, 4));
  train_run(directory, "run", changes, change_count);
  assert_int_equal(mixent_directory_remove(directory), MIXENT_OK);
  assert_int_equal(atomic_load(&allocations), 0);
}

static void test_sgd(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  static const char *const changes[][2] = {{"loss.name", "mix-ent"}, {"precision", "auto"}};
  train_with(changes, 2);
}

static void test_adam_with_everything(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  static const char *const changes[][2] = {{"loss.name", "min-ent"},   {"loss.learn", "w1 w2 b1 b2"},
                                           {"optimizer.name", "adam"}, {"optimizer.learning_rate", "0.01"},
                                           {"ema.decay", "0.9"},       {"augment.perspective", "0.5"},
                                           {"augment.rotation", "10"}, {"precision", "fp32"}};
  train_with(changes, 8);
}

static void test_mixing(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  static const char *const changes[][2] = {
      {"augment.mixup", "1"}, {"augment.cutmix", "1"}, {"augment.erase", "0.5"}, {"loss.name", "mix-ent"}};
  train_with(changes, 4);
}

static void test_pruning_and_clipping(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  static const char *const changes[][2] = {{"prune.fraction", "0.5"}, {"optimizer.clip_norm", "1"}};
  train_with(changes, 2);
}

/* Teachers that are asked in each step. */
static void test_teachers(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  char directory[] = "/tmp/mixent-test-XXXXXX", teacher[64];
  assert_non_null(mkdtemp(directory));
  assert_true(small_run_make(directory, 4));
  train_run(directory, "teacher", NULL, 0);
  snprintf(teacher, sizeof teacher, "%s/teacher", directory);
  const char *const changes[][2] = {
      {"distill.teacher", teacher}, {"distill.augmented", "true"}, {"augment.mixup", "1"}};
  train_run(directory, "run", changes, 3);
  assert_int_equal(mixent_directory_remove(directory), MIXENT_OK);
  assert_int_equal(atomic_load(&allocations), 0);
}

static void test_looking_ahead(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  static const char *const changes[][2] = {
      {"loss.name", "min-ent"},          {"loss.style", "hypergradient"},   {"loss.learn", "w2"},
      {"loss.hypergradient_every", "2"}, {"loss.held_out_fraction", "0.2"}, {"loss.smoothing", "0.1"}};
  train_with(changes, 6);
}

/* Each replica on a thread of its own. */
static void test_replicas(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  static const char *const changes[][2] = {{"replicas", "2"},
                                           {"batch", "4"},
                                           {"loss.name", "mix-ent"},
                                           {"ema.decay", "0.9"},
                                           {"augment.mixup", "1"}};
  train_with(changes, 5);
}

static void test_the_counter_counts(void **state) {
  (void)state;
  if (!allocations_are_counted()) skip();
  atomic_store(&counting, 1);
  void *volatile probe = malloc(8);
  atomic_store(&counting, 0);
  free(probe);
  assert_int_equal(atomic_exchange(&allocations, 0), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_replicas), cmocka_unit_test(test_the_counter_counts),
      cmocka_unit_test(test_sgd),      cmocka_unit_test(test_adam_with_everything),
      cmocka_unit_test(test_mixing),   cmocka_unit_test(test_pruning_and_clipping),
      cmocka_unit_test(test_teachers), cmocka_unit_test(test_looking_ahead),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
