/* Mean absolute error (Ghosh et al. 2017): sum |p - q|. */
enum { mae_is_linear = 0 };

static inline effect mae_effect(const element *x, const mixent_loss_rule *rule) {
  (void)rule;
  vector d = difference_of(x);
  vector sign = choose(d > 0, spread(1), only(d < 0, spread(-1)));
  return (effect){.value = d * sign, .slope = -x->q * sign};
}

static inline elsewhere mae_elsewhere(const mixent_loss_rule *rule) {
  (void)rule;
  return (elsewhere){.constant = 1};
}
