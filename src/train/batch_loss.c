/* The loss of the batch that went forward. */
#include "train/trainer.h"

mixent_status mixent_trainer_evaluate(mixent_trainer *trainer, const mixent_loss_rule *rule,
                                      mixent_loss_result *result) {
  const mixent_loss_batch batch = {.rows = trainer->batch,
                                   .classes = trainer->classes,
                                   .logits = {.data = mixent_net_logits(trainer->net)},
                                   .labels = {.data = trainer->batch_labels, .type = MIXENT_INT32}};
  *result = (mixent_loss_result){.gradient = mixent_net_logits_gradient(trainer->net)};
  return mixent_loss_evaluate(&batch, rule, &mixent_score_parallel, result);
}
