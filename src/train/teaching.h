/* When a training gets its teachers (teacher.h): those that the recipe names at its start; members of the run, which teach later
 * ones, when they are trained. */
#ifndef MIXENT_TRAIN_TEACHING_H
#define MIXENT_TRAIN_TEACHING_H

#include "train/trainer.h"

/* Those that distill.teacher names, if it names any. */
mixent_status mixent_trainer_teachers_named(mixent_trainer *trainer);

/* Checkpoints [count] as the teachers: they are asked here, or made ready to be asked in each step. */
mixent_status mixent_trainer_teachers_take(mixent_trainer *trainer, const char *const *paths, size_t count);

#endif
