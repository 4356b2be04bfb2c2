/* Checkpoints: best.safetensors (the model alone) and last.safetensors (the model and, under "state.", all
 * that is needed to go on to the bit). Neither holds times or paths: the same training gives the same bytes.
 * docs/FORMATS.md lists the names. */
#ifndef MIXENT_TRAIN_CHECKPOINT_H
#define MIXENT_TRAIN_CHECKPOINT_H

#include "io/safetensors.h"
#include "mixent/monitor.h"
#include "model/score.h"
#include "optimize/optimizer.h"
#include "optimize/schedule.h"

/* What training changes, besides parameters and statistics. */
typedef struct mixent_train_state {
  uint64_t epoch, step; /* epochs done, steps done of the next */
  float *optimizer;     /* [state arrays of the optimiser, parameters] */
  float *ema;           /* [parameters]; NULL: no EMA */
  float *
      losses; /* [2, train images]: of each image, as the epoch began and now; below 0: none yet; NULL: not kept */
  mixent_loss_state loss;
  double loss_optimizer[MIXENT_LOSS_PARAMETERS][MIXENT_OPTIMIZER_MAX_STATE];
  mixent_schedule_state schedule;
  mixent_monitor monitor; /* what warnings were given, and on what grounds */
  uint64_t best_epoch;    /* from 1; 0: none yet */
  double best_score, best_nll;
  mixent_score_sums sums; /* of the epoch that runs */
} mixent_train_state;

/* What a checkpoint is made of, borrowed from the trainer. */
typedef struct mixent_checkpoint {
  const mixent_graph *graph;
  const mixent_dataset *dataset;
  const float *mean, *deviation; /* [channels] */
  const char *recipe;            /* YAML without paths */
  float *parameters, *statistics;
  uint64_t batches_tracked; /* by batch norm */
  const mixent_optimizer_type *optimizer;
  mixent_train_state *state;
} mixent_checkpoint;

/* Numbers in state->losses. */
static inline size_t mixent_checkpoint_losses(const mixent_checkpoint *checkpoint) {
  return 2 * checkpoint->dataset->train.count;
}

/* The model alone, with the loss's parameters and the epoch as a description. */
mixent_status mixent_checkpoint_write_model(const char *path, const mixent_checkpoint *checkpoint);
/* The model and the state. */
mixent_status mixent_checkpoint_write_all(const char *path, const mixent_checkpoint *checkpoint);
/* Reads what mixent_checkpoint_write_all wrote into the arrays and the state that `checkpoint` points to,
 * after checking that it belongs to the same network, data and recipe; a difference is named. */
mixent_status mixent_checkpoint_read_all(const char *path, const mixent_checkpoint *checkpoint);
/* The same from a file that is open; `path` is for messages. */
mixent_status mixent_checkpoint_take_all(const mixent_safetensors *file, const char *path,
                                         const mixent_checkpoint *checkpoint);

#endif
