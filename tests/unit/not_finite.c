/* train/trainer: a gradient or weights that overflow end the run in the step in which they do, which is
 * named, and nothing of it reaches the optimiser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/threads.h"
#include "model/state_dict.h"
#include "small_run.h"
#include "train/trainer.h"
#include <float.h>
#include <math.h>

enum { STEPS = 5 };

static char directory[] = "/tmp/mixent-test-XXXXXX";
static char data_path[64], net_path[64], run_path[64];

static int set_up(void **state) {
  (void)state;
  if (!mkdtemp(directory) || !small_run_make(directory, 4)) return -1;
  snprintf(data_path, sizeof data_path, "%s/data", directory);
  snprintf(net_path, sizeof net_path, "%s/small.yaml", directory);
  snprintf(run_path, sizeof run_path, "%s/run", directory);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

static void assert_ok(mixent_status status) {
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

static mixent_trainer *make_trainer(const char *rate, const mixent_train_options *options) {
  const mixent_setting settings[] = {{"data", data_path},
                                     {"net", net_path},
                                     {"epochs", "3"},
                                     {"batch", "10"},
                                     {"threads", "2"},
                                     {"precision", "fp32"},
                                     {"validation.fraction", "0.2"},
                                     {"optimizer.learning_rate", rate},
                                     {"schedule.name", "constant"}};
  mixent_recipe recipe;
  mixent_trainer *trainer;
  assert_ok(mixent_recipe_compose(NULL, settings, sizeof settings / sizeof *settings, &recipe));
  assert_ok(mixent_trainer_create(&recipe, options, &trainer));
  return trainer;
}

/* Multiplies the parameters of that name. */
static void scale(mixent_trainer *trainer, const char *name, float factor) {
  size_t count;
  const mixent_tensor *tensors = mixent_graph_parameters(trainer->graph, &count);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < tensors[i].count && strcmp(tensors[i].name, name) == 0; j++)
      trainer->parameters[tensors[i].offset + j] *= factor;
}

typedef struct grower {
  mixent_trainer *trainer;
  int after, steps; /* changes the weights after that many steps */
  float *seen;      /* a copy of them then */
} grower;

/* The output layer's weights so large that the logits still hold them, but not the gradient below a batch
 * norm whose input hardly varies. */
static void grow(void *context, const mixent_train_progress *progress) {
  grower *grower = context;
  (void)progress;
  if (++grower->steps != grower->after) return;
  mixent_trainer *trainer = grower->trainer;
  scale(trainer, "c.weight", 1e-3f);
  scale(trainer, "out.weight", 1e37f);
  memcpy(grower->seen, trainer->parameters, trainer->parameter_count * sizeof *grower->seen);
}

static void test_a_gradient_that_is_not_finite(void **state) {
  (void)state;
  for (int after = 1; after <= STEPS + 1; after += STEPS) {
    grower grower = {.after = after};
    const mixent_train_options options = {.context = &grower, .progress = grow};
    mixent_trainer *trainer = grower.trainer = make_trainer("0.01", &options);
    size_t bytes = trainer->parameter_count * sizeof(float);
    grower.seen = malloc(bytes);
    mixent_run_directory run;
    assert_ok(mixent_run_directory_begin(run_path, &run));
    assert_int_equal(mixent_trainer_run(trainer, &run), MIXENT_ERROR_NUMERIC);
    char wanted[100];
    snprintf(wanted, sizeof wanted, "the gradient is not finite at step %d (step 2 of epoch %d)", after + 1,
             1 + after / STEPS);
    if (!strstr(mixent_last_error(), wanted)) fail_msg("%s\nlacks: %s", mixent_last_error(), wanted);
    assert_int_equal(grower.steps, after);
    assert_memory_equal(grower.seen, trainer->parameters, bytes);
    mixent_run_directory_close(&run);
    mixent_trainer_free(trainer);
    free(grower.seen);
  }
}

/* In an epoch's last step, so that it comes up when the epoch is saved. */
static void overflow(void *context, const mixent_train_progress *progress) {
  grower *grower = context;
  if (progress->epoch == 2 && progress->step == STEPS) scale(grower->trainer, "out.weight", INFINITY);
}

static void test_weights_that_are_not_finite(void **state) {
  (void)state;
  grower grower = {0};
  const mixent_train_options options = {.context = &grower, .progress = overflow};
  grower.trainer = make_trainer("0.01", &options);
  mixent_run_directory run;
  assert_ok(mixent_run_directory_begin(run_path, &run));
  assert_int_equal(mixent_trainer_run(grower.trainer, &run), MIXENT_ERROR_NUMERIC);
  /* validation sees them first, yet what is said is where they come from */
  if (!strstr(mixent_last_error(), "the weights are not finite at step 10 (step 5 of epoch 2)"))
    fail_msg("%s", mixent_last_error());
  assert_non_null(strstr(mixent_last_error(), "after step 5;"));
  mixent_run_directory_close(&run);
  mixent_trainer_free(grower.trainer);
}

/* A checkpoint of which a weight of the loss is no number must not take the place of one that is. */
static void test_weights_of_the_loss(void **state) {
  (void)state;
  const mixent_train_options options = {.context = NULL};
  mixent_trainer *trainer = make_trainer("0.01", &options);
  char path[128];
  snprintf(path, sizeof path, "%s/weights.safetensors", directory);
  mixent_checkpoint checkpoint = mixent_trainer_checkpoint(trainer);
  assert_ok(mixent_checkpoint_write_all(path, &checkpoint));
  trainer->state.loss.value[1] = NAN;
  assert_int_equal(mixent_checkpoint_write_all(path, &checkpoint), MIXENT_ERROR_NUMERIC);
  trainer->state.loss.value[1] = 0.5;
  assert_ok(mixent_checkpoint_read_all(path, &checkpoint));
  mixent_trainer_free(trainer);
}

static void test_one_among_many(void **state) {
  (void)state;
  enum { COUNT = 200003 };
  static const float wrong[] = {INFINITY, -INFINITY, NAN};
  float *values = malloc(COUNT * sizeof *values);
  for (size_t i = 0; i < COUNT; i++) values[i] = i % 3 ? FLT_MAX : i % 2 ? -FLT_MAX : FLT_TRUE_MIN;
  for (int threads = 1; threads <= 3; threads++) {
    mixent_threads_set(threads);
    assert_true(mixent_all_finite(values, COUNT) && mixent_all_finite(values, 0));
    mixent_random random = mixent_random_stream((uint64_t)threads, "test", "");
    for (uint64_t i = 0; i < 100; i++) {
      uint32_t words[4];
      mixent_random_block(&random, 0, i, words);
      size_t at = i == 0 ? 0 : i == 1 ? COUNT - 1 : words[0] % COUNT;
      float before = values[at];
      values[at] = wrong[words[1] % 3];
      assert_false(mixent_all_finite(values, COUNT));
      values[at] = before;
    }
  }
  free(values);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_gradient_that_is_not_finite),
      cmocka_unit_test(test_weights_that_are_not_finite),
      cmocka_unit_test(test_weights_of_the_loss),
      cmocka_unit_test(test_one_among_many),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
