/* Generalised cross entropy (Zhang and Sabuncu 2018): sum p (1 - q^a) / a, a = gce_q. */
enum { gce_is_linear = 1 };

static inline effect gce_effect(const element *x, const mixent_loss_rule *rule) {
  real a = (real)rule->gce_q;
  vector ln_power = x->ln_q * a;
  return (effect){.value = -x->p * exp_less_one(ln_power) / a, .slope = -x->p * exp_nonpositive(ln_power)};
}

static inline elsewhere gce_elsewhere(const mixent_loss_rule *rule) {
  (void)rule;
  return (elsewhere){0};
}
