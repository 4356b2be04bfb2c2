/* Reversed Kullback-Leibler divergence, CE2 - H: sum q (ln q - ln max(p, eps)). */
enum { kl_is_linear = 0 };

static inline effect kl_effect(const element *x, const mixent_loss_rule *rule) {
  (void)rule;
  vector value = only(x->q != 0, x->q * (x->ln_q - x->ln_p));
  return (effect){.value = value, .slope = value}; /* and q, which does not count */
}

static inline elsewhere kl_elsewhere(const mixent_loss_rule *rule) {
  return (elsewhere){.constant = -log(rule->eps), .log = 1};
}
