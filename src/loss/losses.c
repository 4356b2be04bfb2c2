/* The losses by name: which terms, with which weights and options at the start. To add one: its number in
 * mixent_loss_kind, a line in both tables. These defaults are the only ones: the trainer's recipes and Python take them from
 * here. docs/LOSSES.md, "Default weights", says why w2 is 0.1 for MIN-ENT and MIX-ENT. */
#include "core/status.h"
#include "mixent/weights.h"
#include <math.h>

const char *const mixent_loss_names[] = {[MIXENT_LOSS_CE] = "ce",
                                         [MIXENT_LOSS_MIN_ENT] = "min-ent",
                                         [MIXENT_LOSS_MIX_ENT] = "mix-ent",
                                         [MIXENT_LOSS_MIX_ENT_SPLIT] = "mix-ent-split",
                                         [MIXENT_LOSS_KL] = "kl",
                                         [MIXENT_LOSS_LABEL_SMOOTHING] = "label-smoothing",
                                         [MIXENT_LOSS_FOCAL] = "focal",
                                         [MIXENT_LOSS_CONFIDENCE_PENALTY] = "confidence-penalty",
                                         [MIXENT_LOSS_SYMMETRIC_CE] = "symmetric-ce",
                                         [MIXENT_LOSS_GCE] = "gce",
                                         [MIXENT_LOSS_MAE] = "mae",
                                         [MIXENT_LOSS_POLY1] = "poly1",
                                         [MIXENT_LOSS_BI_TEMPERED] = "bi-tempered",
                                         [MIXENT_LOSS_BRIER] = "brier",
                                         [MIXENT_LOSSES] = NULL};

static const struct {
  int parts;
  mixent_term terms[MIXENT_LOSS_PARTS];
  double w[MIXENT_LOSS_PARTS]; /* 0: 1 */
  double smoothing, eps;       /* eps 0: the rule's default */
} losses[MIXENT_LOSSES] = {
    [MIXENT_LOSS_CE] = {1, {MIXENT_CE1}, {0}, 0, 0},
    [MIXENT_LOSS_MIN_ENT] = {2, {MIXENT_CE1, MIXENT_H}, {1, 0.1}, 0, 0},
    [MIXENT_LOSS_MIX_ENT] = {2, {MIXENT_CE1, MIXENT_CE2}, {1, 0.1}, 0, 0},
    [MIXENT_LOSS_MIX_ENT_SPLIT] = {3, {MIXENT_CE1, MIXENT_H, MIXENT_KL}, {1, 0.1, 0.1}, 0, 0},
    [MIXENT_LOSS_KL] = {1, {MIXENT_KL}, {0}, 0, 0},
    [MIXENT_LOSS_LABEL_SMOOTHING] = {1, {MIXENT_CE1}, {0}, 0.1, 0},
    [MIXENT_LOSS_FOCAL] = {1, {MIXENT_FOCAL}, {0}, 0, 0},
    [MIXENT_LOSS_CONFIDENCE_PENALTY] = {2, {MIXENT_CE1, MIXENT_H}, {1, -0.1}, 0, 0},
    [MIXENT_LOSS_SYMMETRIC_CE] = {2, {MIXENT_CE1, MIXENT_CE2}, {0.1, 1}, 0, 1e-4},
    [MIXENT_LOSS_GCE] = {1, {MIXENT_GCE}, {0}, 0, 0},
    [MIXENT_LOSS_MAE] = {1, {MIXENT_MAE}, {0}, 0, 0},
    [MIXENT_LOSS_POLY1] = {2, {MIXENT_CE1, MIXENT_POLY1}, {1, 2}, 0, 0},
    [MIXENT_LOSS_BI_TEMPERED] = {1, {MIXENT_BI_TEMPERED}, {0}, 0, 0},
    [MIXENT_LOSS_BRIER] = {1, {MIXENT_BRIER}, {0}, 0, 0},
};

int mixent_loss_parts(mixent_loss_kind kind, mixent_term terms[MIXENT_LOSS_PARTS]) {
  MIXENT_NEED_OR(terms, 0);
  if ((unsigned)kind >= MIXENT_LOSSES) return 0;
  for (int i = 0; i < losses[kind].parts; i++) terms[i] = losses[kind].terms[i];
  return losses[kind].parts;
}

mixent_loss_options mixent_loss_defaults(mixent_loss_kind kind) {
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  if ((unsigned)kind >= MIXENT_LOSSES)
    return (mixent_loss_options){.kind = kind}; /* which no check lets pass */
  mixent_loss_options options = {.kind = kind,
                                 .style = MIXENT_STYLE_FREE,
                                 .max_interval = 200,
                                 .w_bounds = {-20, 20},
                                 .b_bounds = {1.1, 1000},
                                 .smoothing = losses[kind].smoothing,
                                 .eps = losses[kind].eps > 0 ? losses[kind].eps : rule.eps,
                                 .focal_gamma = rule.focal_gamma,
                                 .gce_q = rule.gce_q,
                                 .t1 = rule.t1,
                                 .t2 = rule.t2};
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++) {
    options.w[i] = losses[kind].w[i] != 0 ? losses[kind].w[i] : 1;
    options.b[i] = M_E;
  }
  return options;
}
