/* Learning weights of the loss by hypergradient (style hypergradient): every few steps, how the cross entropy
 * of held-out images after the optimiser's step would change with each weight.
 *
 *   dE/dw_i = sum_j dE/dtheta'_j  dtheta'_j/dg_j  dT_i/dtheta_j / ln b_i        (mixent_loss_hypergradient)
 *
 * dtheta'/dg is the optimiser's own (mixent_optimizer_respond): momentum and Adam's moments as they stand
 * enter as constants of the step, what they carry into later steps does not. Batch norm runs on batch
 * statistics throughout, as training does: T_i on the step's batch, E on the held-out batch, which has
 * statistics of its own; running statistics do not move. Dropout's masks are the step's. */
#ifndef MIXENT_TRAIN_LOOK_AHEAD_H
#define MIXENT_TRAIN_LOOK_AHEAD_H

#include "train/trainer.h"

typedef struct mixent_look_ahead mixent_look_ahead;

/* Memory for it. Errors: fewer held-out images than a batch. */
mixent_status mixent_look_ahead_create(const mixent_trainer *trainer, mixent_look_ahead **out);
void mixent_look_ahead_free(mixent_look_ahead *ahead);

/* Whether step `done` (from 0) looks ahead. */
bool mixent_look_ahead_is_due(const mixent_trainer *trainer, uint64_t done);

/* Before the step's own pass, its batch being chosen: fills it in, and takes dT_i/dtheta of each learned weight. */
mixent_status mixent_look_ahead_terms(mixent_trainer *trainer, uint64_t done);
/* Before the optimiser's step, the gradients being those of the loss: dtheta'/dg. */
void mixent_look_ahead_respond(mixent_trainer *trainer, double learning_rate, uint64_t step);
/* After it: the held-out gradient; d/dw of each learned weight into gradient[0..parts-1]. Fills the networks'
 * input anew. */
mixent_status mixent_look_ahead_finish(mixent_trainer *trainer, uint64_t done,
                                       double gradient[MIXENT_LOSS_PARAMETERS]);

#endif
