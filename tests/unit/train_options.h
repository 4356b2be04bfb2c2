/* Options of a step, over the recipe of a small run: runs that have them, trained in one piece or stopped every few steps, and
 * trainers that take single steps. Two of the runs teach others. */
#ifndef TESTS_TRAIN_OPTIONS_H
#define TESTS_TRAIN_OPTIONS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mixent/train.h"
#include "small_place.h"
#include "train/trainer.h"

static char teachers[160], begun[80];

/* Data and a network; the names of the runs that teach, and of the one that others begin from. */
static inline int make_place(void **state) {
  if (make_data(state) != 0) return -1;
  snprintf(begun, sizeof begun, "%s/mixed", directory);
  snprintf(teachers, sizeof teachers, "%s/mixed,%s/clipped/best.safetensors", directory, directory);
  return 0;
}

enum { BASE = 6, MOST = 6 };

/* What differs from the small run's recipe; ends with a key NULL. */
typedef struct option_set {
  const char *name;
  mixent_setting settings[MOST + 1];
} option_set;

static inline size_t join_settings(const mixent_setting *changes, mixent_setting out[BASE + MOST]) {
  const mixent_setting base[BASE] = {{"data", data_path}, {"net", net_path}, {"epochs", "3"},
                                     {"batch", "10"},     {"threads", "2"},  {"validation.fraction", "0.2"}};
  memcpy(out, base, sizeof base);
  size_t count = BASE;
  for (; changes->key; changes++) out[count++] = *changes;
  return count;
}

enum { TEACHERS = 2 };

/* Of the runs in `teachers`. */
static const option_set teaching_sets[TEACHERS] = {
    {"clipped", {{"optimizer.clip_norm", "0.1"}}},
    {"mixed",
     {{"augment.mixup", "0.8"}, {"augment.cutmix", "1"}, {"augment.erase", "0.5"}, {"loss.name", "mix-ent"}}},
};

typedef struct stopper {
  volatile sig_atomic_t stop;
  int steps, stop_after;
} stopper;

static inline void count_step(void *context, const mixent_train_progress *progress) {
  stopper *stopper = context;
  (void)progress;
  if (++stopper->steps == stopper->stop_after) stopper->stop = 1;
}

static inline mixent_train_options stopping_options(const mixent_setting *settings, size_t count,
                                                    const char *run, stopper *stopper) {
  return (mixent_train_options){.settings = settings,
                                .setting_count = count,
                                .run = run,
                                .stop = &stopper->stop,
                                .context = stopper,
                                .progress = count_step};
}

static inline void train_in_parts(const mixent_setting *settings, size_t count, const char *run,
                                  int stop_after) {
  stopper stopper = {.stop_after = stop_after};
  mixent_train_options options = stopping_options(settings, count, run, &stopper);
  mixent_train_summary summary;
  int parts = 1;
  mixent_status status = mixent_train(&options, &summary);
  for (; status == MIXENT_ERROR_INTERRUPTED; parts++) {
    stopper.stop = 0, stopper.steps = 0;
    status = mixent_train_resume(run, &options, &summary);
  }
  assert_ok(status);
  assert_int_equal(parts > 1, stop_after > 0);
  mixent_train_summary_free(&summary);
}

static inline void train_run(const char *name, const mixent_setting *changes) {
  mixent_setting settings[BASE + MOST];
  char *run = mixent_path_join(directory, name);
  train_in_parts(settings, join_settings(changes, settings), run, 0);
  free(run);
}

static inline mixent_trainer *make_trainer(const mixent_setting *settings, size_t count,
                                           const mixent_train_options *options) {
  mixent_recipe recipe;
  mixent_trainer *trainer;
  assert_ok(mixent_recipe_compose(NULL, settings, count, &recipe));
  assert_ok(mixent_recipe_resolve(&recipe, mixent_net_bf16_is_native()));
  assert_ok(mixent_trainer_create(&recipe, options, &trainer));
  return trainer;
}

static inline mixent_model *open_best(const char *run, const char *name) {
  char *path, *place = mixent_path_join(directory, run);
  mixent_model *model;
  path = mixent_path_join(place, name);
  assert_ok(mixent_model_open(path, &model));
  free(path);
  free(place);
  return model;
}

#endif
