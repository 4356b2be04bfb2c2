/* Entropy-regularised losses: MIN-ENT and MIX-ENT (arXiv 2501.13709) and cross entropy.
 *
 * Two storeys. The kernel (mixent_loss_evaluate) knows neither weights, bases nor schedules: it takes one
 * coefficient per term, c_i = w_i / ln b_i, and returns every term in natural logarithms and sum_i c_i
 * dT_i/dz. The loss (mixent_loss_* with a mixent_loss_state) turns raw parameters into weights and bases and
 * terms into their gradients: scalar arithmetic.
 *
 * For one row z (logits), q = softmax(z), p the target distribution:
 *   CE1 = -sum p ln q        H = -sum q ln q        CE2 = -sum q ln max(p, eps)        KL = CE2 - H
 *   MIN-ENT = w1 CE1 / ln b1 + w2 H / ln b2         MIX-ENT = w1 CE1 / ln b1 + w2 CE2 / ln b2 */
#ifndef MIXENT_LOSS_H
#define MIXENT_LOSS_H

#include "mixent/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mixent_term { MIXENT_CE1, MIXENT_H, MIXENT_CE2, MIXENT_KL, MIXENT_TERMS } mixent_term;

/* A batch: logits [rows, classes] (row stride in elements), and either hard labels [rows] or soft targets
 * [rows, classes]. A label of `ignore_label` leaves its row out. */
typedef struct mixent_loss_batch {
  size_t rows, classes, stride;
  const float *logits;
  const int32_t *labels; /* or NULL */
  const float *targets;  /* or NULL; stride `classes` */
  int32_t ignore_label;  /* -1 in the trainer: never a class */
} mixent_loss_batch;

/* A caller's parallel-for: runs work(context, begin, end) over [0, count) in pieces of `grain` or larger. */
typedef void mixent_loss_work(void *context, size_t begin, size_t end);
typedef void mixent_loss_parallel(size_t count, size_t grain, mixent_loss_work *work, void *context);

/* Mean over the counted rows of every term (natural logarithms) into `terms`, and, if `gradient` is given,
 * gradient [rows, classes] (row stride `stride`) = d(sum_i c_i T_i)/d logits of that mean. Sums run over
 * fixed blocks of rows combined in order: the result does not depend on `parallel` (NULL: the calling
 * thread). 0 * (-inf) counts as 0 in value and gradient. No counted row: terms and gradient are 0. A row that
 * is all -inf or holds NaN or +inf gives NaN. The gradient may be written over the
 * logits themselves (the same address), but not otherwise overlap them. Allocates nothing. Runs the widest
 * vectors the processor has; the environment variable MIXENT_CPU (avx512, avx2, plain; neon) names others,
 * for tests. */
mixent_status mixent_loss_evaluate(const mixent_loss_batch *batch, const double coefficients[MIXENT_TERMS],
                                   double eps, mixent_loss_parallel *parallel, double terms[MIXENT_TERMS],
                                   float *gradient);
/* The same in double, plain: the reference the fast path is held to. */
mixent_status mixent_loss_evaluate_double(size_t rows, size_t classes, const double *logits,
                                          const int32_t *labels, const double *targets, int32_t ignore_label,
                                          const double coefficients[MIXENT_TERMS], double eps,
                                          double terms[MIXENT_TERMS], double *gradient);

typedef enum mixent_loss_kind { MIXENT_LOSS_CE, MIXENT_LOSS_MIN_ENT, MIXENT_LOSS_MIX_ENT } mixent_loss_kind;
extern const char *const mixent_loss_names[];  /* "ce", "min-ent", "mix-ent", NULL */
extern const char *const mixent_style_names[]; /* "free", "square", … in the order of mixent_style, NULL */

/* How raw parameters t_i become weights w_i = m_i(u) f(t_i) + a_i(u), u = min(1, epoch / max_interval). */
typedef enum mixent_style {
  MIXENT_STYLE_FREE,              /* t */
  MIXENT_STYLE_SQUARE,            /* t^2 */
  MIXENT_STYLE_EXPO,              /* exp t */
  MIXENT_STYLE_SOFTMAX,           /* softmax over the two */
  MIXENT_STYLE_SQUARE_DECAY,      /* t^2, m_2 = 1 - u */
  MIXENT_STYLE_SQUARE_WAX,        /* t^2, m_2 = u */
  MIXENT_STYLE_SQUARE_TIE,        /* t^2, then w1 = 1 - w2 */
  MIXENT_STYLE_SQUARE_DECAY_TIE,  /* t^2, m_2 = 1 - u, then w1 = 1 - w2 */
  MIXENT_STYLE_EPOCH_NO_PARAMS,   /* w1 = 1 - u, w2 = u */
  MIXENT_STYLE_EPOCH_MULT_PARAMS, /* t, m = (1 - u, u) */
  MIXENT_STYLE_EPOCH_ADD_PARAMS,  /* t, a = (1 - u, u) */
  MIXENT_STYLE_EPOCH_ADD_MULT,    /* both */
  MIXENT_STYLE_SOFTPLUS,          /* ln(1 + exp t) */
  MIXENT_STYLE_UNCERTAINTY,       /* exp(-t), and the loss gains t/2 per term (Kendall 2018) */
  MIXENT_STYLES
} mixent_style;

/* The learnable scalars: raw weights t1, t2 and logarithms of the bases, ln b1, ln b2, in this order
 * everywhere. */
enum { MIXENT_LOSS_PARAMETERS = 4 };

typedef struct mixent_loss_options {
  mixent_loss_kind kind;
  mixent_style style;
  double w[2];                        /* raw parameters t1, t2 at the start */
  double b[2];                        /* log bases at the start; e gives natural logarithms */
  double eps;                         /* floor of p in CE2: 1e-6 */
  double max_interval;                /* epochs until u is 1 */
  bool learn[MIXENT_LOSS_PARAMETERS]; /* which parameters are learned; the others stay as they start */
  double w_bounds[2];                 /* a learned raw parameter is held within */
  double b_bounds[2];                 /* a learned base is held within: [1.1, 1000] */
} mixent_loss_options;

/* Fills in defaults: CE, style free, w (1, 1), b (e, e), eps 1e-6, max_interval 200, nothing learned, bounds
 * [-20, 20] and [1.1, 1000]. */
mixent_loss_options mixent_loss_defaults(void);
/* Checks what can be wrong (eps outside (0, 1), base not positive or 1, start outside its bounds, …). */
mixent_status mixent_loss_check(const mixent_loss_options *options);

typedef struct mixent_loss_state {
  double value[MIXENT_LOSS_PARAMETERS]; /* t1, t2, ln b1, ln b2 */
} mixent_loss_state;
mixent_loss_state mixent_loss_start(const mixent_loss_options *options);
/* Puts what is learned back within its bounds; call after every update. */
void mixent_loss_clamp(const mixent_loss_options *options, mixent_loss_state *state);

/* w1, w2 at that epoch (from 0, may be fractional). CE has weights (1, 0) and natural logarithms whatever the
 * state. */
void mixent_loss_weights(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         double w[2]);
/* c_i = w_i / ln b_i for mixent_loss_evaluate. */
void mixent_loss_coefficients(const mixent_loss_options *options, const mixent_loss_state *state,
                              double epoch, double coefficients[MIXENT_TERMS]);
/* From the terms of a batch: the loss's value, and d value / d (t1, t2, ln b1, ln b2), 0 for what is not
 * learned. */
double mixent_loss_value(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         const double terms[MIXENT_TERMS], double gradient[MIXENT_LOSS_PARAMETERS]);

#ifdef __cplusplus
}
#endif
#endif
