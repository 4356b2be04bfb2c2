/* Teachers taken by a trainer. */
#include "train/teaching.h"
#include "core/memory.h"
#include "core/threads.h"
#include "train/teacher.h"

#include <string.h>

/* Teachers that are asked once are not needed any more afterwards. */
static mixent_status ask_once(mixent_trainer *trainer, const char *const *paths, size_t count) {
  mixent_teachers *teachers;
  MIXENT_TRY(
      mixent_teachers_open(&trainer->recipe, paths, count, trainer->dataset, trainer->batch, &teachers));
  mixent_status status =
      mixent_teachers_ask_images(teachers, &trainer->dataset->train, &trainer->split, &trainer->taught);
  mixent_teachers_free(teachers);
  return status;
}

/* Each replica asks its own in its steps. */
static mixent_status make_ready(mixent_trainer *trainer, const char *const *paths, size_t count) {
  const mixent_replicas *replicas = trainer->replicas;
  MIXENT_TRY(MIXENT_ALLOCATE(replicas->local, &trainer->teachers));
  for (size_t i = 0; i < replicas->local; i++)
    MIXENT_TRY(mixent_teachers_open(&trainer->recipe, paths, count, trainer->dataset, replicas->rows,
                                    &trainer->teachers[i]));
  return MIXENT_OK;
}

/* With the threads of a replica, so that what they say does not depend on how many of those a process holds. */
mixent_status mixent_trainer_teachers_take(mixent_trainer *trainer, const char *const *paths, size_t count) {
  mixent_train_batch *drawn = &trainer->drawn;
  if (!drawn->targets) MIXENT_TRY(MIXENT_ALLOCATE(trainer->batch * trainer->classes, &drawn->targets));
  int threads = mixent_threads();
  mixent_threads_set(mixent_recipe_replica_threads(&trainer->recipe));
  mixent_status status =
      trainer->recipe.distill_augmented ? make_ready(trainer, paths, count) : ask_once(trainer, paths, count);
  mixent_threads_set(threads);
  return status;
}

mixent_status mixent_trainer_teachers_named(mixent_trainer *trainer) {
  enum { MOST = MIXENT_RECIPE_TEXT / 2 };
  char names[MIXENT_RECIPE_TEXT], *rest;
  const char *paths[MOST];
  size_t count = 0;
  strcpy(names, trainer->recipe.teacher);
  for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
    paths[count++] = name;
  return count ? mixent_trainer_teachers_take(trainer, paths, count) : MIXENT_OK;
}
