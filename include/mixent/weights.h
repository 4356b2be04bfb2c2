/* A loss by name, and its learnable weights and log bases: scalar arithmetic on the terms that mixent_loss_evaluate
 * returns.
 *
 * A loss has up to three parts, each a term with a weight w and a log base b:
 *   L = sum_i w_i T_i / ln b_i,        so c_i = w_i / ln b_i        (a base only rescales its term: docs/LOSSES.md)
 * Weights come from raw parameters t by a style. In a training loop:
 *
 *   mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
 *   options.learn[1] = true;                                                                         // w2
 *   mixent_loss_state state = mixent_loss_start(&options);
 *   for each step:
 *     mixent_loss_rule rule = mixent_loss_rule_of(&options, &state, epoch);
 *     mixent_loss_evaluate(&batch, &rule, NULL, &result);
 *     double value = mixent_loss_value(&options, &state, epoch, result.terms, gradient);
 *     move state.value against gradient, then mixent_loss_clamp(&options, &state); */
#ifndef MIXENT_WEIGHTS_H
#define MIXENT_WEIGHTS_H

#include "mixent/loss.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mixent_loss_kind {
  MIXENT_LOSS_CE,            /* CE1 */
  MIXENT_LOSS_MIN_ENT,       /* CE1, H with w2 = 0.1 */
  MIXENT_LOSS_MIX_ENT,       /* CE1, CE2 with w2 = 0.1 */
  MIXENT_LOSS_MIX_ENT_SPLIT, /* CE1, H, KL with w2 = w3 = 0.1: MIX-ENT with a weight each for the halves of CE2 */
  MIXENT_LOSS_KL,            /* KL */
  MIXENT_LOSS_LABEL_SMOOTHING,    /* CE1 with smoothing 0.1 (Szegedy 2016) */
  MIXENT_LOSS_FOCAL,              /* FOCAL */
  MIXENT_LOSS_CONFIDENCE_PENALTY, /* CE1, H with w2 = -0.1 (Pereyra 2017) */
  MIXENT_LOSS_SYMMETRIC_CE,       /* CE1, CE2 with w (0.1, 1) and eps 1e-4 (Wang 2019) */
  MIXENT_LOSS_GCE,                /* GCE */
  MIXENT_LOSS_MAE,                /* MAE */
  MIXENT_LOSS_POLY1,              /* CE1, POLY1 with w2 = 2 */
  MIXENT_LOSS_BI_TEMPERED,        /* BI_TEMPERED */
  MIXENT_LOSS_BRIER,              /* BRIER */
  MIXENT_LOSSES
} mixent_loss_kind;
extern const char *const mixent_loss_names[]; /* "ce", "min-ent", "mix-ent", "mix-ent-split", …, NULL */

enum { MIXENT_LOSS_PARTS = 3 };

/* The terms of a kind's parts into `terms`; returns how many. */
int mixent_loss_parts(mixent_loss_kind kind, mixent_term terms[MIXENT_LOSS_PARTS]);

/* How raw parameters t_i become weights w_i = m_i(u) f(t_i) + a_i(u), u = min(1, epoch / max_interval). "2"
 * stands for every part but the first. */
typedef enum mixent_style {
  MIXENT_STYLE_FREE,              /* t */
  MIXENT_STYLE_SQUARE,            /* t^2 */
  MIXENT_STYLE_EXPO,              /* exp t */
  MIXENT_STYLE_SOFTMAX,           /* softmax over the parts */
  MIXENT_STYLE_SQUARE_DECAY,      /* t^2, m_2 = 1 - u */
  MIXENT_STYLE_SQUARE_WAX,        /* t^2, m_2 = u */
  MIXENT_STYLE_SQUARE_TIE,        /* t^2, then w1 = 1 - w2 (- w3) */
  MIXENT_STYLE_SQUARE_DECAY_TIE,  /* t^2, m_2 = 1 - u, then w1 = 1 - w2 (- w3) */
  MIXENT_STYLE_EPOCH_NO_PARAMS,   /* w1 = 1 - u, w2 = u */
  MIXENT_STYLE_EPOCH_MULT_PARAMS, /* t, m = (1 - u, u) */
  MIXENT_STYLE_EPOCH_ADD_PARAMS,  /* t, a = (1 - u, u) */
  MIXENT_STYLE_EPOCH_ADD_MULT,    /* both */
  MIXENT_STYLE_SOFTPLUS,          /* ln(1 + exp t) */
  MIXENT_STYLE_UNCERTAINTY,       /* exp(-t), and the loss gains t/2 per part (Kendall 2018) */
  MIXENT_STYLE_HYPERGRADIENT, /* t; learned weights move to lower the cross entropy of held-out data after the
                                 next step, not the training loss: mixent_loss_value gives no gradient for
                                 them, see mixent_loss_hypergradient */
  MIXENT_STYLES
} mixent_style;
extern const char *const mixent_style_names[]; /* "free", "square", … in this order, NULL */

/* The learnable scalars: raw weights t1, t2, t3, then ln b1, ln b2, ln b3. */
enum { MIXENT_LOSS_PARAMETERS = 2 * MIXENT_LOSS_PARTS };
extern const char *const mixent_loss_parameter_names[]; /* "w1", "w2", "w3", "b1", "b2", "b3", NULL */

typedef struct mixent_loss_options {
  mixent_loss_kind kind;
  mixent_style style;
  double w[MIXENT_LOSS_PARTS];                       /* raw parameters at the start */
  double b[MIXENT_LOSS_PARTS];                       /* log bases at the start; e gives natural logarithms */
  double max_interval;                               /* epochs until u is 1 */
  bool learn[MIXENT_LOSS_PARAMETERS];                /* which are learned; the others stay as they start */
  double w_bounds[2];                                /* a learned raw parameter is held within */
  double b_bounds[2];                                /* a learned base is held within */
  double smoothing, eps, focal_gamma, gce_q, t1, t2; /* for mixent_loss_rule */
} mixent_loss_options;

/* The kind's own weights and options (see mixent_loss_kind; otherwise w 1, and the defaults of
 * mixent_loss_rule), style free, bases e, max_interval 200, nothing learned, bounds [-20, 20] and [1.1,
 * 1000]. */
mixent_loss_options mixent_loss_defaults(mixent_loss_kind kind);
/* Checks what can be wrong (eps outside (0, 1), base not positive or 1, start outside its bounds, …). Parts
 * that the kind does not have are not looked at, but must not be learned. */
mixent_status mixent_loss_check(const mixent_loss_options *options);

typedef struct mixent_loss_state {
  double value[MIXENT_LOSS_PARAMETERS]; /* t1, t2, t3, ln b1, ln b2, ln b3 */
} mixent_loss_state;
mixent_loss_state mixent_loss_start(const mixent_loss_options *options);
/* Puts what is learned back within its bounds; call after every update. */
void mixent_loss_clamp(const mixent_loss_options *options, mixent_loss_state *state);

/* The weights at that epoch (from 0, may be fractional); 0 for parts that the kind does not have. */
void mixent_loss_weights(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         double w[MIXENT_LOSS_PARTS]);
/* What to evaluate: c_i = w_i / ln b_i, the options' eps and so on, mean; the terms of all parts and CE1, H,
 * CE2, KL wanted. */
mixent_loss_rule mixent_loss_rule_of(const mixent_loss_options *options, const mixent_loss_state *state,
                                     double epoch);
/* From the (reduced) terms of a batch: the loss's value, and d value / d (t1, t2, t3, ln b1, ln b2, ln b3), 0
 * for what is not learned. */
double mixent_loss_value(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         const double terms[MIXENT_TERMS], double gradient[MIXENT_LOSS_PARAMETERS]);

/* The hypergradient of one weight by a one-step look-ahead: how the held-out loss after the step, E(theta'), changes with
 * w_i, when theta' = theta - step(g) with g = sum_i w_i / ln b_i dT_i/dtheta:
 *   dE/dw_i = sum_j dE/dtheta'_j  dtheta'_j/dg_j  dT_i/dtheta_j / ln b_i
 * Plain gradient descent has dtheta'/dg = -lr, so that this is -lr <dE/dtheta', dT_i/dtheta> / ln b_i (arXiv 2501.13709
 * leaves the method open; this is Luketina 2016). `response` [count] is dtheta'/dg, or NULL for -learning_rate
 * everywhere. The result is as small as lr: a weight that follows it wants a rate of its own, far larger than others. */
double mixent_loss_hypergradient(size_t count, const float *held_out, const float *term,
                                 const float *response, double learning_rate, double ln_b);

#ifdef __cplusplus
}
#endif
#endif
