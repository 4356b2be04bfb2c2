/* How raw parameters become weights. The table of styles is the one the definitions are printed in:
 * w_i = m_i(u) f(t_i) + a_i(u), u = min(1, epoch / max_interval); tied styles then set w1 = 1 - w2 (- w3). */
#include "loss/styles.h"
#include <math.h>

typedef enum transform { NONE, IDENTITY, SQUARE, EXPO, SOFTMAX, SOFTPLUS, EXPO_NEGATIVE } transform;
typedef enum schedule { ZERO, ONE, U, ONE_MINUS_U } schedule;

static const struct {
  transform f;
  schedule m[2], a[2]; /* of the first part, of every other */
  bool tied;
} rules[MIXENT_STYLES] = {
    [MIXENT_STYLE_FREE] = {IDENTITY, {ONE, ONE}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_SQUARE] = {SQUARE, {ONE, ONE}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_EXPO] = {EXPO, {ONE, ONE}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_SOFTMAX] = {SOFTMAX, {ONE, ONE}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_SQUARE_DECAY] = {SQUARE, {ONE, ONE_MINUS_U}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_SQUARE_WAX] = {SQUARE, {ONE, U}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_SQUARE_TIE] = {SQUARE, {ONE, ONE}, {ZERO, ZERO}, true},
    [MIXENT_STYLE_SQUARE_DECAY_TIE] = {SQUARE, {ONE, ONE_MINUS_U}, {ZERO, ZERO}, true},
    [MIXENT_STYLE_EPOCH_NO_PARAMS] = {NONE, {ZERO, ZERO}, {ONE_MINUS_U, U}, false},
    [MIXENT_STYLE_EPOCH_MULT_PARAMS] = {IDENTITY, {ONE_MINUS_U, U}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_EPOCH_ADD_PARAMS] = {IDENTITY, {ONE, ONE}, {ONE_MINUS_U, U}, false},
    [MIXENT_STYLE_EPOCH_ADD_MULT] = {IDENTITY, {ONE_MINUS_U, U}, {ONE_MINUS_U, U}, false},
    [MIXENT_STYLE_SOFTPLUS] = {SOFTPLUS, {ONE, ONE}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_UNCERTAINTY] = {EXPO_NEGATIVE, {ONE, ONE}, {ZERO, ZERO}, false},
    [MIXENT_STYLE_HYPERGRADIENT] = {IDENTITY, {ONE, ONE}, {ZERO, ZERO}, false},
};

const char *const mixent_style_names[] = {
    [MIXENT_STYLE_FREE] = "free",
    [MIXENT_STYLE_SQUARE] = "square",
    [MIXENT_STYLE_EXPO] = "expo",
    [MIXENT_STYLE_SOFTMAX] = "softmax",
    [MIXENT_STYLE_SQUARE_DECAY] = "square_decay",
    [MIXENT_STYLE_SQUARE_WAX] = "square_wax",
    [MIXENT_STYLE_SQUARE_TIE] = "square_tie",
    [MIXENT_STYLE_SQUARE_DECAY_TIE] = "square_decay_tie",
    [MIXENT_STYLE_EPOCH_NO_PARAMS] = "epoch_no_params",
    [MIXENT_STYLE_EPOCH_MULT_PARAMS] = "epoch_mult_params",
    [MIXENT_STYLE_EPOCH_ADD_PARAMS] = "epoch_add_params",
    [MIXENT_STYLE_EPOCH_ADD_MULT] = "epoch_add_mult",
    [MIXENT_STYLE_SOFTPLUS] = "softplus",
    [MIXENT_STYLE_UNCERTAINTY] = "uncertainty",
    [MIXENT_STYLE_HYPERGRADIENT] = "hypergradient",
    [MIXENT_STYLES] = NULL,
};

static double scheduled(schedule schedule, double u) {
  switch (schedule) {
  case ONE: return 1;
  case U: return u;
  case ONE_MINUS_U: return 1 - u;
  default: return 0;
  }
}

static double logistic(double x) {
  return 1 / (1 + exp(-x));
}

/* f(t_i) into *value and df_i / dt_k into slope[k]. */
static void transform_parameter(transform f, int parts, const double t[], int i, double *value,
                                double slope[]) {
  double x = t[i], sum = 0, largest = x;
  *value = 0;
  for (int k = 0; k < parts; k++) slope[k] = 0;
  switch (f) {
  case NONE: break;
  case IDENTITY: *value = x, slope[i] = 1; break;
  case SQUARE: *value = x * x, slope[i] = 2 * x; break;
  case EXPO: *value = slope[i] = exp(x); break;
  case EXPO_NEGATIVE: *value = exp(-x), slope[i] = -*value; break;
  case SOFTPLUS: *value = fmax(x, 0) + log1p(exp(-fabs(x))), slope[i] = logistic(x); break;
  case SOFTMAX:
    for (int k = 0; k < parts; k++) largest = fmax(largest, t[k]);
    for (int k = 0; k < parts; k++) sum += exp(t[k] - largest);
    *value = exp(x - largest) / sum;
    for (int k = 0; k < parts; k++) slope[k] = *value * ((k == i) - exp(t[k] - largest) / sum);
    break;
  }
}

void mixent_style_weights(mixent_style style, int parts, const double t[], double u, double w[],
                          double jacobian[][MIXENT_LOSS_PARTS]) {
  for (int i = 0; i < parts; i++) {
    double value, slope[MIXENT_LOSS_PARTS], m = scheduled(rules[style].m[i > 0], u);
    transform_parameter(rules[style].f, parts, t, i, &value, slope);
    w[i] = m * value + scheduled(rules[style].a[i > 0], u);
    for (int k = 0; k < parts; k++) jacobian[i][k] = m * slope[k];
  }
  if (!rules[style].tied) return;
  w[0] = 1;
  for (int k = 0; k < parts; k++) jacobian[0][k] = 0;
  for (int i = 1; i < parts; i++) {
    w[0] -= w[i];
    for (int k = 0; k < parts; k++) jacobian[0][k] -= jacobian[i][k];
  }
}
