/* pruning: which images the passes of an epoch take, and that what counts of an image over many passes is what a plain pass has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/pruning.h"
#include <math.h>
#include <string.h>

enum { IMAGES = 300, TRAIN = 200, BATCH = 10, STEPS = TRAIN / BATCH };

static uint32_t train[TRAIN], order[TRAIN], plain[TRAIN];
static float losses[IMAGES];

/* Every third image is hard, image 299 - 3 has no loss yet, and images that are not trained on are harder than all. */
static mixent_pruning_epoch make_epoch(double fraction, uint64_t number) {
  for (int i = 0; i < IMAGES; i++) losses[i] = i < TRAIN ? (i % 3 == 0 ? 3 : 0.1f) : 1000;
  for (uint32_t i = 0; i < TRAIN; i++) train[i] = TRAIN - 1 - i;
  losses[4] = -1;
  return (mixent_pruning_epoch){.train = train,
                                .train_count = TRAIN,
                                .steps = STEPS,
                                .batch = BATCH,
                                .losses = losses,
                                .fraction = fraction,
                                .seed = 5,
                                .epoch = number};
}

static bool easy(uint32_t image) {
  return image % 3 != 0 && image != 4;
}

static void test_nothing_left_out(void **state) {
  (void)state;
  mixent_pruning pruning = {0};
  mixent_pruning_epoch epoch = make_epoch(0, 7);
  assert_int_equal(mixent_pruning_make(STEPS, TRAIN, &pruning), MIXENT_OK);
  mixent_pruning_draw(&pruning, &epoch, order);
  mixent_order_draw(5, 7, plain, TRAIN);
  assert_memory_equal(order, plain, sizeof plain);
  for (int step = 0; step < STEPS; step++) assert_int_equal(mixent_pruning_key(&pruning, 7, (size_t)step), 7);
  /* nor before anything is known of the images */
  for (int i = 0; i < IMAGES; i++) losses[i] = -1;
  epoch.fraction = 0.9;
  mixent_pruning_draw(&pruning, &epoch, order);
  assert_memory_equal(order, plain, sizeof plain);
  mixent_pruning_free(&pruning);
}

/* A pass has no image twice; its hard images are all there but for those of its last, incomplete batch. Over many epochs an easy image,
 * with its weight, counts as much in a pass as a hard one. */
static void test_passes(void **state) {
  (void)state;
  const double fraction = 0.5;
  mixent_pruning pruning = {0};
  assert_int_equal(mixent_pruning_make(STEPS, TRAIN, &pruning), MIXENT_OK);
  double counted[2] = {0}, passes = 0;
  float weights[BATCH];
  uint32_t indices[BATCH];
  mixent_train_batch batch = {.rows = BATCH, .indices = indices, .weights = weights};
  for (uint64_t number = 0; number < 200; number++) {
    const mixent_pruning_epoch epoch = make_epoch(fraction, number);
    mixent_pruning_draw(&pruning, &epoch, order);
    bool seen[TRAIN] = {false};
    for (int step = 0; step < STEPS; step++) {
      bool first = step == 0 || pruning.pass[step] != pruning.pass[step - 1];
      if (first) memset(seen, 0, sizeof seen);
      assert_int_equal(mixent_pruning_key(&pruning, number, (size_t)step) == number, pruning.pass[step] == 0);
      for (int i = 0; i < BATCH; i++) {
        indices[i] = train[order[step * BATCH + i]];
        assert_false(seen[indices[i]]);
        seen[indices[i]] = true;
      }
      mixent_pruning_weigh(&pruning, losses, fraction, (size_t)step, &batch);
      for (int i = 0; i < BATCH && pruning.pass[step] == 0; i++) {
        assert_true(weights[i] == (easy(indices[i]) ? 2 : 1));
        counted[easy(indices[i])] += (double)weights[i];
      }
    }
    passes += pruning.pass[STEPS - 1] + 1;
    int hard = 0;
    for (uint32_t i = 0; i < TRAIN; i++) hard += !easy(i) && seen[i];
    assert_true(hard <= 68);
  }
  assert_true(passes ==
              2 * 200); /* 67 + 1 hard images and about 66 of 132 easy ones make a pass of 13 batches */
  double per_hard = counted[0] / 68, per_easy = counted[1] / 132;
  assert_true(fabs(per_easy / per_hard - 1) < 0.03);
  mixent_pruning_free(&pruning);
}

static void test_tiny_passes_leave_nothing_out(void **state) {
  (void)state;
  mixent_pruning pruning = {0};
  mixent_pruning_epoch epoch = make_epoch(0.99, 3);
  for (int i = 0; i < TRAIN; i++) losses[i] = i == 0 ? 100 : 0.1f;
  assert_int_equal(mixent_pruning_make(STEPS, TRAIN, &pruning), MIXENT_OK);
  mixent_pruning_draw(&pruning, &epoch, order);
  bool seen[TRAIN] = {false};
  for (int i = 0; i < TRAIN; i++) seen[order[i]] = true;
  for (int i = 0; i < TRAIN; i++) assert_true(seen[i]);
  float weights[BATCH];
  uint32_t indices[BATCH];
  mixent_train_batch batch = {.rows = BATCH, .indices = indices, .weights = weights};
  for (size_t step = 0; step < STEPS; step++) { /* so no image counts for others */
    for (int i = 0; i < BATCH; i++) indices[i] = train[order[step * BATCH + (size_t)i]];
    mixent_pruning_weigh(&pruning, losses, 0.99, step, &batch);
    for (int i = 0; i < BATCH; i++) assert_true(weights[i] == 1);
  }
  mixent_pruning_free(&pruning);
}

static void test_losses_are_kept(void **state) {
  (void)state;
  const float logits[] = {1, 2, 3, 700, 0, 0};
  float kept[5] = {-1, -1, -1, -1, -1};
  const mixent_train_batch batch = {
      .rows = 2, .classes = 3, .indices = (uint32_t[]){4, 1}, .labels = (int32_t[]){2, 1}};
  mixent_pruning_keep(&batch, logits, kept);
  assert_true(fabs(kept[4] - log(exp(-2) + exp(-1) + 1)) < 1e-6 && kept[1] == 700);
  assert_true(kept[0] == -1 && kept[2] == -1 && kept[3] == -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_left_out),
      cmocka_unit_test(test_passes),
      cmocka_unit_test(test_tiny_passes_leave_nothing_out),
      cmocka_unit_test(test_losses_are_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
