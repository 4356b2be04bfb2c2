/* Bi-tempered logistic loss (Amid et al. 2019): with log_t x = (x^(1-t) - 1) / (1 - t) and exp_t its inverse,
 *   q_k = exp_t2(z_k - m - lambda), m = max z, lambda such that sum q = 1
 *   T   = sum p (log_t1 p - log_t1 q) - (p^(2-t1) - q^(2-t1)) / (2 - t1)
 *   dT/dz_j = u_j - w_j sum_k u_k,   u = (q - p) q^(t2-t1),   w_j = q_j^t2 / sum_k q_k^t2
 * The authors' code finds lambda by 5 rounds of a fixed point; here it is solved for (rows/general.h). */
#ifndef MIXENT_LOSS_TERMS_BI_TEMPERED_H
#define MIXENT_LOSS_TERMS_BI_TEMPERED_H

/* What the two temperatures, t1 < 1 <= t2, come in as, each rounded once: near 1 their own digits would not do. */
typedef struct temperatures {
  real t2, t2_less_1, one_less_t1, two_less_t1, t2_less_t1;
} temperatures;

static inline temperatures temperatures_of(double t1, double t2) {
  return (temperatures){(real)t2, (real)(t2 - 1), (real)(1 - t1), (real)(2 - t1), (real)(t2 - t1)};
}

/* ln(1 + y) of y >= 0, without cancellation near 0 (Kahan): what 1 + y loses of y cancels in the quotient. */
static inline vector log_of_one_and(vector y) {
  vector sum = y + 1, kept = sum - 1, logarithm = natural_log(sum);
  return choose(kept == 0, y, choose(y < 1, logarithm * (y / kept), logarithm));
}

/* ln q of x = z - m - lambda <= 0; -inf of -inf. */
static inline vector bi_tempered_ln_q(vector x, temperatures t) {
  return t.t2_less_1 == 0 ? x : -log_of_one_and(-t.t2_less_1 * x) / t.t2_less_1;
}

/* x^a - 1 of ln x. */
static inline vector power_less_one(vector ln_x, real a) {
  return choose(ln_x * a > (real)0.3, exp_nonpositive(ln_x * a) - 1, exp_less_one(ln_x * a));
}

/* v and u of one class: every power below has a positive exponent, and is 0 at 0. p may be above 1. */
static inline effect bi_tempered_effect(vector ln_q, vector p, temperatures t) {
  vector q = exp_nonpositive(ln_q), q_1 = power_less_one(ln_q, t.one_less_t1),
         p_1 = power_less_one(natural_log(p), t.one_less_t1); /* both less 1 */
  vector value = p * (p_1 - q_1) / t.one_less_t1 - (p + p * p_1 - (q + q * q_1)) / t.two_less_t1;
  vector slope = (q - p) * exp_nonpositive(ln_q * t.t2_less_t1);
  return (effect){.value = value, .slope = slope};
}

#endif
