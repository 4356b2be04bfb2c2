/* The memory of a batch, its targets and its loss. */
#include "train/batch.h"
#include "core/memory.h"
#include "model/score.h"

#include <stdlib.h>
#include <string.h>

mixent_status mixent_train_batch_make(size_t rows, size_t classes, bool soft, bool weighted,
                                      mixent_train_batch *out) {
  *out = (mixent_train_batch){.rows = rows, .classes = classes};
  MIXENT_TRY(MIXENT_ALLOCATE(rows, &out->indices));
  MIXENT_TRY(MIXENT_ALLOCATE(rows, &out->labels));
  if (soft) MIXENT_TRY(MIXENT_ALLOCATE(rows * classes, &out->targets));
  return weighted ? MIXENT_ALLOCATE(rows, &out->weights) : MIXENT_OK;
}

void mixent_train_batch_free(mixent_train_batch *batch) {
  free(batch->indices);
  free(batch->labels);
  free(batch->targets);
  free(batch->weights);
}

void mixent_train_batch_soften(mixent_train_batch *batch) {
  memset(batch->targets, 0, batch->rows * batch->classes * sizeof *batch->targets);
  for (size_t i = 0; i < batch->rows; i++) batch->targets[i * batch->classes + (size_t)batch->labels[i]] = 1;
}

mixent_status mixent_train_batch_evaluate(const mixent_train_batch *batch, mixent_net *net,
                                          const mixent_loss_rule *rule, mixent_loss_result *result) {
  mixent_loss_batch loss = {
      .rows = batch->rows, .classes = batch->classes, .logits = {.data = mixent_net_logits(net)}};
  if (batch->targets)
    loss.targets = (mixent_array){.data = batch->targets};
  else
    loss.labels = (mixent_array){.data = batch->labels, .type = MIXENT_INT32};
  if (batch->weights) loss.row_weights = (mixent_array){.data = batch->weights};
  if (batch->class_weights)
    loss.class_weights = (mixent_array){.data = batch->class_weights, .type = MIXENT_FLOAT64};
  *result = (mixent_loss_result){.gradient = mixent_net_logits_gradient(net)};
  return mixent_loss_evaluate(&loss, rule, &mixent_score_parallel, result);
}
