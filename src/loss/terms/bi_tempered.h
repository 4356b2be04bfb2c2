/* Bi-tempered logistic loss (Amid et al. 2019): with log_t x = (x^(1-t) - 1) / (1 - t) and exp_t its inverse,
 *   q_k = exp_t2(z_k - m - lambda), m = max z, lambda such that sum q = 1
 *   T   = sum p (log_t1 p - log_t1 q) - (p^(2-t1) - q^(2-t1)) / (2 - t1)
 *   dT/dz_j = u_j - w_j sum_k u_k,   u = (q - p) q^(t2-t1),   w_j = q_j^t2 / sum_k q_k^t2
 * The authors' code finds lambda by 5 rounds of a fixed point; here it is solved for (rows/general.h). */
#ifndef MIXENT_LOSS_TERMS_BI_TEMPERED_H
#define MIXENT_LOSS_TERMS_BI_TEMPERED_H

/* ln q of x = z - m - lambda <= 0; -inf of -inf. */
static inline vector bi_tempered_ln_q(vector x, real t2) {
  return t2 == 1 ? x : natural_log(1 - (t2 - 1) * x) / (1 - t2);
}

/* v and u of one class: t1 < 1 <= t2, so that every power below has a positive exponent, and is 0 at 0. p may
 * be above 1. */
static inline effect bi_tempered_effect(vector ln_q, vector p, real t1, real t2) {
  vector ln_p = natural_log(p);
  vector q = exp_nonpositive(ln_q), q_1 = exp_nonpositive(ln_q * (1 - t1)),
         p_1 = exp_nonpositive(ln_p * (1 - t1));
  vector value = p * (p_1 - q_1) / (1 - t1) - (p * p_1 - q * q_1) / (2 - t1);
  vector slope = (q - p) * exp_nonpositive(ln_q * (t2 - t1));
  return (effect){.value = value, .slope = slope};
}

#endif
