/* The learnable scalars above the terms: options checked, raw parameters to coefficients, and their gradients from the
 * terms of a batch. With T_i in natural logarithms:
 *
 *   L = sum_i w_i T_i / ln b_i
 */
#include "core/status.h"
#include "loss/check.h"
#include "loss/styles.h"
#include <math.h>

enum { PARTS = MIXENT_LOSS_PARTS };

const char *const mixent_loss_parameter_names[] = {"w1", "w2", "w3", "b1", "b2", "b3", NULL};

static bool is_base(double b) {
  return isfinite(b) && b > 0 && b != 1;
}

static mixent_status check_bounds(const mixent_loss_options *options) {
  const double *w = options->w_bounds, *b = options->b_bounds;
  if (!(w[0] <= w[1]))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: the bounds of w, %g to %g, leave no value", w[0], w[1]);
  if (!(is_base(b[0]) && is_base(b[1]) && b[0] <= b[1] && (b[0] > 1) == (b[1] > 1)))
    return mixent_fail(MIXENT_ERROR_ARGUMENT,
                       "loss: the bounds of b, %g to %g, must be in order, positive and on one side of 1",
                       b[0], b[1]);
  return MIXENT_OK;
}

static mixent_status check_part(const mixent_loss_options *options, int i) {
  const double w = options->w[i], b = options->b[i], *w_bounds = options->w_bounds,
               *b_bounds = options->b_bounds;
  if (!isfinite(w)) return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: w%d is %g; it must be finite", i + 1, w);
  if (!is_base(b))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: the base b%d is %g; it must be positive and not 1",
                       i + 1, b);
  if (options->learn[i] && !(w >= w_bounds[0] && w <= w_bounds[1]))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: w%d starts at %g, outside its bounds %g to %g", i + 1, w,
                       w_bounds[0], w_bounds[1]);
  if (options->learn[PARTS + i] && !(b >= b_bounds[0] && b <= b_bounds[1]))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: b%d starts at %g, outside its bounds %g to %g", i + 1, b,
                       b_bounds[0], b_bounds[1]);
  return MIXENT_OK;
}

mixent_status mixent_loss_check(const mixent_loss_options *options) {
  MIXENT_NEED(options);
  if ((unsigned)options->kind >= MIXENT_LOSSES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: there is no kind %d", (int)options->kind);
  if ((unsigned)options->style >= MIXENT_STYLES)
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: there is no style %d", (int)options->style);
  if (!(options->max_interval > 0 && isfinite(options->max_interval)))
    return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: max_interval is %g epochs; it must be positive",
                       options->max_interval);
  MIXENT_TRY(check_bounds(options));
  mixent_term terms[PARTS];
  int parts = mixent_loss_parts(options->kind, terms);
  for (int i = 0; i < parts; i++) MIXENT_TRY(check_part(options, i));
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++)
    if (options->learn[k] && k % PARTS >= parts)
      return mixent_fail(MIXENT_ERROR_ARGUMENT, "loss: %s cannot be learned: %s has %d part%s",
                         mixent_loss_parameter_names[k], mixent_loss_names[options->kind], parts,
                         parts == 1 ? "" : "s");
  if (options->style == MIXENT_STYLE_UNCERTAINTY &&
      (terms[0] == MIXENT_KL || options->kind == MIXENT_LOSS_MIX_ENT_SPLIT))
    return mixent_fail(
        MIXENT_ERROR_ARGUMENT,
        "loss: style uncertainty needs terms that cannot be negative; KL may be, with eps above 0");
  const mixent_loss_state start = mixent_loss_start(options);
  const mixent_loss_rule rule = mixent_loss_rule_of(options, &start, 0);
  MIXENT_TRY(mixent_loss_check_rule(&rule));
  for (int i = 0; i < parts; i++)
    if (!isfinite(rule.coefficients[terms[i]]))
      return mixent_fail(MIXENT_ERROR_ARGUMENT,
                         "loss: w%d is %g, of which style %s makes a weight that is not finite", i + 1,
                         options->w[i], mixent_style_names[options->style]);
  return MIXENT_OK;
}

mixent_loss_state mixent_loss_start(const mixent_loss_options *options) {
  MIXENT_NEED_OR(options, (mixent_loss_state){0});
  mixent_loss_state state;
  for (int i = 0; i < PARTS; i++) state.value[i] = options->w[i], state.value[PARTS + i] = log(options->b[i]);
  return state;
}

static double clamp(double value, double low, double high) {
  return value < low ? low : value > high ? high : value;
}

void mixent_loss_clamp(const mixent_loss_options *options, mixent_loss_state *state) {
  MIXENT_NEED_OR(options, );
  MIXENT_NEED_OR(state, );
  for (int i = 0; i < PARTS; i++) {
    double *t = &state->value[i], *ln_b = &state->value[PARTS + i];
    if (options->learn[i]) *t = clamp(*t, options->w_bounds[0], options->w_bounds[1]);
    if (options->learn[PARTS + i]) *ln_b = clamp(*ln_b, log(options->b_bounds[0]), log(options->b_bounds[1]));
  }
}

/* w, and jacobian[i][k] = dw_i / dt_k; returns the number of parts. */
static int weights_of(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                      mixent_term terms[PARTS], double w[PARTS], double jacobian[PARTS][PARTS]) {
  int parts = mixent_loss_parts(options->kind, terms);
  double u = clamp(epoch / options->max_interval, 0, 1);
  mixent_style_weights(options->style, parts, state->value, u, w, jacobian);
  return parts;
}

void mixent_loss_weights(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         double w[PARTS]) {
  MIXENT_NEED_OR(options, );
  MIXENT_NEED_OR(state, );
  MIXENT_NEED_OR(w, );
  mixent_term terms[PARTS];
  double jacobian[PARTS][PARTS];
  for (int i = weights_of(options, state, epoch, terms, w, jacobian); i < PARTS; i++) w[i] = 0;
}

mixent_loss_rule mixent_loss_rule_of(const mixent_loss_options *options, const mixent_loss_state *state,
                                     double epoch) {
  MIXENT_NEED_OR(options, (mixent_loss_rule){0});
  MIXENT_NEED_OR(state, (mixent_loss_rule){0});
  mixent_loss_rule rule = mixent_loss_rule_defaults();
  mixent_term terms[PARTS];
  double w[PARTS], jacobian[PARTS][PARTS];
  int parts = weights_of(options, state, epoch, terms, w, jacobian);
  rule.smoothing = options->smoothing, rule.eps = options->eps, rule.focal_gamma = options->focal_gamma,
  rule.gce_q = options->gce_q;
  rule.t1 = options->t1, rule.t2 = options->t2;
  for (int i = 0; i < parts; i++) {
    rule.coefficients[terms[i]] += w[i] / state->value[PARTS + i];
    rule.wanted |= 1u << terms[i];
  }
  return rule;
}

double mixent_loss_value(const mixent_loss_options *options, const mixent_loss_state *state, double epoch,
                         const double terms[MIXENT_TERMS], double gradient[MIXENT_LOSS_PARAMETERS]) {
  MIXENT_NEED_OR(options, 0);
  MIXENT_NEED_OR(state, 0);
  MIXENT_NEED_OR(terms, 0);
  MIXENT_NEED_OR(gradient, 0);
  mixent_term own[PARTS];
  double w[PARTS], jacobian[PARTS][PARTS], value = 0;
  int parts = weights_of(options, state, epoch, own, w, jacobian);
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++) gradient[k] = 0;
  for (int i = 0; i < parts; i++) {
    double ln_b = state->value[PARTS + i], scaled = terms[own[i]] / ln_b; /* the term in base b_i */
    if (w[i] != 0) value += w[i] * scaled;                                /* 0 * inf is 0 */
    for (int k = 0; k < parts; k++)
      if (jacobian[i][k] != 0) gradient[k] += scaled * jacobian[i][k]; /* dL/dw_i is the term itself */
    if (w[i] != 0) gradient[PARTS + i] = -w[i] * scaled / ln_b; /* dL/d ln b_i = -w_i T_i / (ln b_i)^2 */
    if (options->style == MIXENT_STYLE_UNCERTAINTY) {
      value += state->value[i] / 2; /* Kendall 2018: sum_i exp(-t_i) T_i + t_i / 2 */
      gradient[i] += 0.5;
    }
  }
  for (int k = 0; k < MIXENT_LOSS_PARAMETERS; k++)
    if (!options->learn[k] || (k < PARTS && options->style == MIXENT_STYLE_HYPERGRADIENT)) gradient[k] = 0;
  return value;
}

double mixent_loss_hypergradient(size_t count, const float *held_out, const float *term,
                                 const float *response, double learning_rate, double ln_b) {
  if (count) MIXENT_NEED_OR(held_out, 0);
  if (count) MIXENT_NEED_OR(term, 0);
  enum { RUN = 4096 }; /* summed in blocks, in order: the same bits however often */
  double sum = 0;
  for (size_t begin = 0; begin < count; begin += RUN) {
    size_t end = count - begin < RUN ? count : begin + RUN;
    double part = 0;
    for (size_t j = begin; j < end; j++)
      part += (double)held_out[j] * (response ? (double)response[j] : -learning_rate) * (double)term[j];
    sum += part;
  }
  return sum / ln_b;
}
