/* Focal loss (Lin et al. 2017): sum p (1 - q)^g (-ln q), g = focal_gamma. */
enum { focal_is_linear = 1 };

/* u = p (1 - q)^g (g q ln q / (1 - q) - 1), where q ln q / (1 - q) is -1 at q = 1. */
static inline effect focal_effect(const element *x, const mixent_loss_rule *rule) {
  real g = (real)rule->focal_gamma;
  vector weight = x->p * power_of(x->rest, g);
  vector ratio = choose(x->rest > 0, only(x->q != 0, x->q * x->ln_q) / x->rest, spread(-1));
  return (effect){.value = only(weight != 0, -weight * x->ln_q), .slope = weight * (g * ratio - 1)};
}

static inline elsewhere focal_elsewhere(const mixent_loss_rule *rule) {
  (void)rule;
  return (elsewhere){0};
}
