/* A run with everything that has a state, trained once in one piece before a group of tests, and what watches the runs that are
 * held to it. */
#ifndef TESTS_TRAINER_RUN_H
#define TESTS_TRAINER_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mixent/train.h"
#include "small_run.h"
#include <math.h>

static char directory[] = "/tmp/mixent-test-XXXXXX";
static char data_path[64], net_path[64];
/* everything that has a state: EMA, learned weights and bases, augmentation, dropout, a schedule that
 * remembers */
static mixent_setting settings[] = {{"data", data_path},
                                    {"net", net_path},
                                    {"epochs", "6"},
                                    {"batch", "10"},
                                    {"threads", "2"},
                                    {"validation.fraction", "0.2"},
                                    {"loss.name", "min-ent"},
                                    {"loss.style", "square_decay"},
                                    {"loss.max_interval", "6"},
                                    {"loss.learn", "w1,w2,b2"},
                                    {"loss.weight_learning_rate", "0.01"},
                                    {"loss.base_learning_rate", "0.01"},
                                    {"optimizer.name", "adam"},
                                    {"optimizer.learning_rate", "0.05"},
                                    {"schedule.name", "spinal"},
                                    {"ema.decay", "0.9"},
                                    {"ema.estimate_batches", "3"}};
enum { SETTINGS = sizeof settings / sizeof *settings, STEPS = 5, EPOCHS = 6 };

/* What the callbacks saw, and when they ask to stop. */
typedef struct watcher {
  volatile sig_atomic_t stop;
  int steps, stop_after, epochs, starts;
  int best; /* epoch, by the rule: accuracy, then likelihood */
  double best_accuracy, best_nll, next_rate;
  void (*at_step)(struct watcher *watcher);
} watcher;

static inline void count_start(void *context, const mixent_train_start *start) {
  watcher *watcher = context;
  watcher->starts++;
  assert_int_equal(start->steps, STEPS);
  assert_int_equal(start->classes, 4);
}

static inline void count_step(void *context, const mixent_train_progress *progress) {
  watcher *watcher = context;
  watcher->steps++;
  assert_true(progress->step >= 1 && progress->step <= STEPS && isfinite(progress->loss));
  if (watcher->steps == watcher->stop_after) watcher->stop = 1;
  if (watcher->at_step) watcher->at_step(watcher);
}

static inline void count_epoch(void *context, const mixent_train_epoch *epoch) {
  watcher *watcher = context;
  watcher->epochs++;
  assert_int_equal(epoch->train.images, STEPS * 10);
  assert_int_equal(epoch->validation.images, 12);
}

/* For a run in one piece: which epoch is best, and what `spinal` makes of it. */
static inline void follow_best(void *context, const mixent_train_epoch *epoch) {
  watcher *watcher = context;
  count_epoch(context, epoch);
  double accuracy = epoch->validation.accuracy, nll = epoch->validation.nll;
  bool best = watcher->best == 0 || accuracy > watcher->best_accuracy ||
              (accuracy == watcher->best_accuracy && nll < watcher->best_nll);
  assert_int_equal(epoch->best, best);
  if (epoch->epoch > 1) assert_int_equal(epoch->learning_rate == watcher->next_rate, watcher->next_rate > 0);
  watcher->next_rate = best ? epoch->learning_rate : 0;
  if (best) watcher->best = epoch->epoch, watcher->best_accuracy = accuracy, watcher->best_nll = nll;
}

static inline mixent_train_options options_for(watcher *watcher, const char *run) {
  return (mixent_train_options){.settings = settings,
                                .setting_count = SETTINGS,
                                .run = run,
                                .stop = &watcher->stop,
                                .context = watcher,
                                .started = count_start,
                                .progress = count_step,
                                .epoch = count_epoch};
}

static inline char *run_path(const char *name) {
  return mixent_path_join(directory, name);
}

static inline void assert_ok(mixent_status status) {
  if (status != MIXENT_OK) fail_msg("%s", mixent_last_error());
}

static inline char *read_file(const char *run, const char *name, size_t *size) {
  char *path = mixent_path_join(run, name), *bytes;
  assert_ok(mixent_file_read(path, 1 << 24, &bytes, size));
  free(path);
  return bytes;
}

static inline void assert_same_file(const char *run, const char *other, const char *name) {
  size_t size_a, size_b;
  char *a = read_file(run, name, &size_a), *b = read_file(other, name, &size_b);
  assert_int_equal(size_a, size_b);
  assert_memory_equal(a, b, size_a);
  free(a);
  free(b);
}

static char *whole; /* the run of set_up */

static inline int set_up(void **state) {
  (void)state;
  if (!mkdtemp(directory) || !small_run_make(directory, 4)) return -1;
  snprintf(data_path, sizeof data_path, "%s/data", directory);
  snprintf(net_path, sizeof net_path, "%s/small.yaml", directory);
  whole = run_path("whole");
  watcher watcher = {0};
  mixent_train_summary summary;
  mixent_train_options options = options_for(&watcher, whole);
  options.epoch = follow_best;
  if (mixent_train(&options, &summary) != MIXENT_OK) {
    print_error("%s\n", mixent_last_error());
    return -1;
  }
  mixent_train_summary_free(&summary);
  assert_int_equal(summary.best_epoch, watcher.best);
  assert_true(watcher.best < EPOCHS); /* or the rule was not tried */
  return watcher.steps == STEPS * EPOCHS && watcher.epochs == EPOCHS && watcher.starts == 1 ? 0 : -1;
}

static inline int tear_down(void **state) {
  (void)state;
  free(whole);
  return mixent_directory_remove(directory) == MIXENT_OK ? 0 : -1;
}

#endif
