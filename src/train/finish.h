/* The end of a run. */
#ifndef MIXENT_TRAIN_FINISH_H
#define MIXENT_TRAIN_FINISH_H

#include "train/trainer.h"

/* Scores what best.safetensors holds: predictions.safetensors; then scores, times and memory into summary.json and *summary. The trainer can
 * take no step afterwards. */
mixent_status mixent_trainer_finish(mixent_trainer *trainer, const mixent_run_directory *run,
                                    mixent_train_summary *summary);

#endif
