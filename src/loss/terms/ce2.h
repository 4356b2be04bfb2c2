/* Swapped cross entropy: -sum q ln max(p, eps). */
enum { ce2_is_linear = 0 };

static inline effect ce2_effect(const element *x, const mixent_loss_rule *rule) {
  (void)rule;
  vector value = -x->q * x->ln_p;
  return (effect){.value = value, .slope = value};
}

static inline elsewhere ce2_elsewhere(const mixent_loss_rule *rule) {
  return (elsewhere){.constant = -log(rule->eps)};
}
