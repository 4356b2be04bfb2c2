/* What the writer and the reader of checkpoints share: the description, and the state as small tensors. */
#ifndef MIXENT_TRAIN_CHECKPOINT_STATE_H
#define MIXENT_TRAIN_CHECKPOINT_STATE_H

#include "io/safetensors.h"
#include "model/description.h"
#include "train/checkpoint.h"

/* The description of its model. */
mixent_status mixent_checkpoint_describe(const mixent_checkpoint *checkpoint, mixent_description *out);

/* mixent_train_state without its large arrays, as numbers side by side. */
typedef struct mixent_small_state {
  int64_t batches_tracked, position[2], best_epoch, counts[2 + 2 * MIXENT_METRICS_BINS];
  double best[2], loss[MIXENT_LOSS_PARAMETERS], schedule, monitor[7];
  double loss_optimizer[MIXENT_LOSS_PARAMETERS * MIXENT_OPTIMIZER_MAX_STATE];
  double sums[4 + MIXENT_METRICS_BINS + MIXENT_TERMS];
} mixent_small_state;

typedef struct mixent_small_field {
  const char *name;
  mixent_element element;
  size_t offset, count;
} mixent_small_field;
extern const mixent_small_field mixent_small_fields[]; /* name NULL after the last */

void mixent_small_state_pack(const mixent_checkpoint *checkpoint, mixent_small_state *out);
void mixent_small_state_unpack(const mixent_small_state *small, mixent_train_state *state);

#endif
