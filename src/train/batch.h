/* The batch of a step: which images it is of, what the network is to say of each, and the loss of that. */
#ifndef MIXENT_TRAIN_BATCH_H
#define MIXENT_TRAIN_BATCH_H

#include "mixent/loss.h"
#include "mixent/net.h"

typedef struct mixent_train_batch {
  size_t rows, classes;
  uint32_t *indices; /* [rows]: of the train images */
  int32_t *labels;   /* [rows]: what accuracy is measured by, also where the targets are soft */
  float *targets;    /* [rows, classes]: what the loss takes in place of the labels; NULL: the labels */
  float *weights;    /* [rows]: of the rows in the loss; NULL: each counts once */
  const double *class_weights; /* [classes]; NULL: each class counts once. Not the batch's own */
  uint64_t key;                /* by which augmentation and mixes of the rows are drawn */
} mixent_train_batch;

/* Memory for it, for targets if they are soft, for weights if rows have any. Free it also where this fails. */
mixent_status mixent_train_batch_make(size_t rows, size_t classes, bool soft, bool weighted,
                                      mixent_train_batch *out);
void mixent_train_batch_free(mixent_train_batch *batch);

/* The soft targets that say what the labels say. */
void mixent_train_batch_soften(mixent_train_batch *batch);

/* Evaluates the loss of the batch that went forward, writing the gradient of its logits into the net. */
mixent_status mixent_train_batch_evaluate(const mixent_train_batch *batch, mixent_net *net,
                                          const mixent_loss_rule *rule, mixent_loss_result *result);

#endif
