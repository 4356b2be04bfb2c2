/* What a term's formula sees of one class, and what it answers. A term is a sum over the classes,
 *
 *   T = sum_k v(q_k, p_k)
 *
 * Its file here gives, for `vector` (of floats or doubles, or one double: terms/scalar.h):
 *
 *   NAME_effect(x, rule)     v of a class, and its slope u = q dv/dq. The gradient follows:
 *                              dT/dz_j = u_j - q_j sum_k u_k
 *                            It does not change when a multiple of q is added to every u.
 *   NAME_elsewhere(rule)     v of a class with p = 0, which must have the form
 *                              q (constant + log ln q + square q)
 *   NAME_is_linear           whether v is p times a function of q. Class weights then multiply p, else the whole term.
 *
 * With a hard label only one class has p > 0, so a few sums over the row give every term: row.c. */
#ifndef MIXENT_LOSS_TERMS_ELEMENT_H
#define MIXENT_LOSS_TERMS_ELEMENT_H

typedef struct element {
  vector q, ln_q; /* of a masked class 0 and -inf */
  vector rest;    /* 1 - q, without cancellation where q is near 1 */
  vector p;       /* times the class's weight if the term is linear */
  vector ln_p;    /* ln max(p, eps) */
} element;

typedef struct effect {
  vector value, slope;
} effect;

typedef struct elsewhere {
  double constant, log, square;
} elsewhere;

/* p - q: near 1 from the rests. */
static inline vector difference_of(const element *x) {
  return choose(x->p > (real)0.5, x->rest - (1 - x->p), x->p - x->q);
}

/* x^k for x in [0, 1] and k >= 0. */
static inline vector power_of(vector x, real k) {
  vector power = exp_nonpositive(natural_log(x) * k);
  return choose(x == 0, spread(k == 0), power);
}

#endif
