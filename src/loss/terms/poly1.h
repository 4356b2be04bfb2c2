/* What Poly-1 adds to the cross entropy (Leng et al. 2022): sum p (1 - q). */
enum { poly1_is_linear = 1 };

static inline effect poly1_effect(const element *x, const mixent_loss_rule *rule) {
  (void)rule;
  return (effect){.value = x->p * x->rest, .slope = -x->p * x->q};
}

static inline elsewhere poly1_elsewhere(const mixent_loss_rule *rule) {
  (void)rule;
  return (elsewhere){0};
}
