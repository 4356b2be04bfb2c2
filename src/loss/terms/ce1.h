/* Cross entropy: -sum p ln q. */
enum { ce1_is_linear = 1 };

static inline effect ce1_effect(const element *x, const mixent_loss_rule *rule) {
  (void)rule;
  return (effect){.value = only(x->p != 0, -x->p * x->ln_q), .slope = -x->p};
}

static inline elsewhere ce1_elsewhere(const mixent_loss_rule *rule) {
  (void)rule;
  return (elsewhere){0};
}
