/* Entropy of the prediction: -sum q ln q. */
enum { h_is_linear = 0 };

static inline effect h_effect(const element *x, const mixent_loss_rule *rule) {
  (void)rule;
  vector value = only(x->q != 0, -x->q * x->ln_q);
  return (effect){.value = value, .slope = value}; /* and -q, which does not count */
}

static inline elsewhere h_elsewhere(const mixent_loss_rule *rule) {
  (void)rule;
  return (elsewhere){.log = -1};
}
