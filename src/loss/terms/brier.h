/* Brier score (1950): sum (p - q)^2. */
enum { brier_is_linear = 0 };

static inline effect brier_effect(const element *x, const mixent_loss_rule *rule) {
  (void)rule;
  vector d = difference_of(x);
  return (effect){.value = d * d, .slope = -2 * x->q * d};
}

static inline elsewhere brier_elsewhere(const mixent_loss_rule *rule) {
  (void)rule;
  return (elsewhere){.square = 1};
}
