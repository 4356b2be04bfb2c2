/* What the writer and the reader of checkpoints share: the description, and the state as small tensors. */
#ifndef MIXENT_TRAIN_CHECKPOINT_STATE_H
#define MIXENT_TRAIN_CHECKPOINT_STATE_H

#include "core/memory.h"
#include "io/safetensors.h"
#include "train/checkpoint.h"

/* The file's __metadata__. Keys from `varying` on change during a run; those before must not. */
enum { MIXENT_DESCRIPTION_ENTRIES = 32 };
typedef struct mixent_description {
  mixent_text values[MIXENT_DESCRIPTION_ENTRIES];
  mixent_metadata entries[MIXENT_DESCRIPTION_ENTRIES];
  size_t count, varying;
} mixent_description;
mixent_status mixent_description_make(const mixent_checkpoint *checkpoint, mixent_description *out);
void mixent_description_free(mixent_description *description);

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
