/* The loss above the kernel: options, the learnable scalars, and their gradients from the terms of a batch.
 *   L = sum_i w_i T_i / ln b_i,   T_1 = CE1,   T_2 = H (MIN-ENT) or CE2 (MIX-ENT), both in natural logarithms
 */
#include "core/status.h"
#include "loss/styles.h"
#include <math.h>

const char *const mixent_loss_names[] = {
    [MIXENT_LOSS_CE] = "ce", [MIXENT_LOSS_MIN_ENT] = "min-ent", [MIXENT_LOSS_MIX_ENT] = "mix-ent", NULL};

mixent_loss_options mixent_loss_defaults(void) {
  return (mixent_loss_options){
      .kind = MIXENT_LOSS_CE,
      .style = MIXENT_STYLE_FREE,
      .w = {1, 1},
      .b = {M_E, M_E},
      .eps = 1e-6,
      .max_interval = 200,
      .w_bounds = {-20, 20},
      .b_bounds = {1.1, 1000},
  };
}

static bool is_base(double b) {
  return isfinite(b) && b > 0 && b != 1;
}

mixent_status mixent_loss_check(const mixent_loss_options *options) {
  const double *w_bounds = options->w_bounds, *b_bounds = options->b_bounds;
  if ((unsigned)options->kind > MIXENT_LOSS_MIX_ENT)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: there is no kind %d", (int)options->kind);
  if ((unsigned)options->style >= MIXENT_STYLES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: there is no style %d", (int)options->style);
  if (!(options->eps > 0 && options->eps < 1))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: eps is %g; it must lie between 0 and 1", options->eps);
  if (!(options->max_interval > 0 && isfinite(options->max_interval)))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: max_interval is %g epochs; it must be positive",
                       options->max_interval);
  if (!(w_bounds[0] <= w_bounds[1]))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: the bounds of w, %g to %g, leave no value", w_bounds[0],
                       w_bounds[1]);
  if (!(is_base(b_bounds[0]) && is_base(b_bounds[1]) && b_bounds[0] <= b_bounds[1] &&
        (b_bounds[0] > 1) == (b_bounds[1] > 1)))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "loss: the bounds of b, %g to %g, must be in order, positive and on one side of 1",
                       b_bounds[0], b_bounds[1]);
  for (int i = 0; i < 2; i++) {
    double w = options->w[i], b = options->b[i];
    if (!isfinite(w))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: w%d is %g; it must be finite", i + 1, w);
    if (!is_base(b))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: the base b%d is %g; it must be positive and not 1",
                         i + 1, b);
    if (options->learn[i] && !(w >= w_bounds[0] && w <= w_bounds[1]))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: w%d starts at %g, outside its bounds %g to %g", i + 1,
                         w, w_bounds[0], w_bounds[1]);
    if (options->learn[2 + i] && !(b >= b_bounds[0] && b <= b_bounds[1]))
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: b%d starts at %g, outside its bounds %g to %g", i + 1,
                         b, b_bounds[0], b_bounds[1]);
  }
  return MIXENT_OK;
}

mixent_loss_state mixent_loss_start(const mixent_loss_options *options) {
  return (mixent_loss_state){{options->w[0], options->w[1], log(options->b[0]), log(options->b[1])}};
}

static double clamp(double value, double low, double high) {
  return value < low ? low : value > high ? high : value;
}

void mixent_loss_clamp(const mixent_loss_options *options, mixent_loss_state *state) {
  for (int i = 0; i < 2; i++) {
    double *t = &state->value[i], *ln_b = &state->value[2 + i];
    if (options->learn[i]) *t = clamp(*t, options->w_bounds[0], options->w_bounds[1]);
    if (options->learn[2 + i]) *ln_b = clamp(*ln_b, log(options->b_bounds[0]), log(options->b_bounds[1]));
  }
}

/* w, and jacobian[i][k] = dw_i / dt_k. */
static void weights_of(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                       double w[2], double jacobian[2][2]) {
  if (options->kind == MIXENT_LOSS_CE) {
    w[0] = 1, w[1] = 0;
    jacobian[0][0] = jacobian[0][1] = jacobian[1][0] = jacobian[1][1] = 0;
  } else {
    double u = clamp(epoch / options->max_interval, 0, 1);
    mixent_style_weights(options->style, state->value, u, w, jacobian);
  }
}

void mixent_loss_weights(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         double w[2]) {
  double jacobian[2][2];
  weights_of(options, state, epoch, w, jacobian);
}

static mixent_term second_term(mixent_loss_kind kind) {
  return kind == MIXENT_LOSS_MIN_ENT ? MIXENT_H : MIXENT_CE2;
}

void mixent_loss_coefficients(const mixent_loss_options *options, const mixent_loss_state *state,
                              double epoch, double coefficients[MIXENT_TERMS]) {
  for (int i = 0; i < MIXENT_TERMS; i++) coefficients[i] = 0;
  if (options->kind == MIXENT_LOSS_CE) {
    coefficients[MIXENT_CE1] = 1;
    return;
  }
  double w[2];
  mixent_loss_weights(options, state, epoch, w);
  coefficients[MIXENT_CE1] = w[0] / state->value[2];
  coefficients[second_term(options->kind)] = w[1] / state->value[3];
}

double mixent_loss_value(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         const double terms[MIXENT_TERMS], double gradient[MIXENT_LOSS_PARAMETERS]) {
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) gradient[k] = 0;
  if (options->kind == MIXENT_LOSS_CE) return terms[MIXENT_CE1];

  double w[2], jacobian[2][2], value = 0;
  const double term[2] = {terms[MIXENT_CE1], terms[second_term(options->kind)]};
  weights_of(options, state, epoch, w, jacobian);
  for (int i = 0; i < 2; i++) {
    double ln_b = state->value[2 + i], scaled = term[i] / ln_b;         /* the term in base b_i */
    if (w[i] != 0) value += w[i] * scaled;                              /* 0 * inf is 0 */
    for (int k = 0; k < 2; k++) gradient[k] += scaled * jacobian[i][k]; /* dL/dw_i is the term itself */
    gradient[2 + i] = -w[i] * scaled / ln_b; /* dL/d ln b_i = -w_i T_i / (ln b_i)^2 */
    if (options->style == MIXENT_STYLE_UNCERTAINTY) {
      value += state->value[i] / 2; /* Kendall 2018: sum_i exp(-t_i) T_i + t_i / 2 */
      gradient[i] += 0.5;
    }
  }
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++)
    if (!options->learn[k]) gradient[k] = 0;
  return value;
}
